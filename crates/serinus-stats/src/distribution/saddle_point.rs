//! Loader's saddle-point form of the binomial density, which loses no digits in large samples (C. Loader, "Fast and
//! accurate computation of binomial probabilities", 2000).

use std::f64::consts::TAU;

/// Γ(n + 1) / (Γ(k + 1) Γ(n − k + 1)) · p^k · q^(n − k), for real 0 ≤ `k` ≤ `n`, with `q` = 1 − `p` given so that it keeps its digits.
pub(super) fn density(k: f64, n: f64, p: f64, q: f64) -> f64 {
    let rest = n - k;
    if p <= 0.0 {
        return if k == 0.0 { 1.0 } else { 0.0 };
    }
    if q <= 0.0 {
        return if rest == 0.0 { 1.0 } else { 0.0 };
    }
    if k == 0.0 {
        return (n * if p < 0.5 { (-p).ln_1p() } else { q.ln() }).exp();
    }
    if rest == 0.0 {
        return (n * if q < 0.5 { (-q).ln_1p() } else { p.ln() }).exp();
    }
    let log = stirling_error(n) - stirling_error(k) - stirling_error(rest) - deviance(k, n * p) - deviance(rest, n * q);
    (n / (TAU * k * rest)).sqrt() * log.exp()
}

/// ln Γ(n + 1) − ln(√(2πn) (n/e)^n).
pub(super) fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        return libm::lgamma(n + 1.0) - (n + 0.5) * n.ln() + n - 0.5 * TAU.ln();
    }
    let square = n * n;
    let series =
        [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1_260.0, -1.0 / 1_680.0, 1.0 / 1_188.0, -691.0 / 360_360.0, 1.0 / 156.0];
    series.iter().rev().fold(0.0, |sum, term| sum / square + term) / n
}

/// x ln(x/m) + m − x, without cancellation when x is close to m.
fn deviance(x: f64, m: f64) -> f64 {
    deviance_apart(x, m, x - m)
}

/// x ln(x/m) + m − x for x > 0, with `gap` = x − m given so that it keeps its digits.
pub(super) fn deviance_apart(x: f64, m: f64, gap: f64) -> f64 {
    if gap.abs() >= 0.1 * (x + m) {
        return x * (x / m).ln() - gap;
    }
    let v = gap / (x + m);
    let (mut sum, mut term, square) = (gap * v, 2.0 * x * v, v * v);
    for j in 1..1_000 {
        term *= square;
        let next = sum + term / f64::from(2 * j + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_branches_of_the_stirling_error_agree() {
        let direct = libm::lgamma(17.0) - 16.5 * 16f64.ln() + 16.0 - 0.5 * TAU.ln();
        assert!((stirling_error(16.0) - direct).abs() < 1e-13);
    }

    #[test]
    fn binomial_densities() {
        assert!((density(3.0, 10.0, 0.5, 0.5) - 120.0 / 1_024.0).abs() < 1e-15);
        assert_eq!(density(0.0, 10.0, 0.0, 1.0), 1.0);
        assert_eq!(density(10.0, 10.0, 0.5, 0.5), 1.0 / 1_024.0);
        let sum: f64 = (0..=1_000).map(|k| density(f64::from(k), 1_000.0, 0.3, 0.7)).sum();
        assert!((sum - 1.0).abs() < 1e-13, "{sum}");
    }
}
