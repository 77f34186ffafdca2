//! The binomial distribution.

use super::{beta, saddle_point};

/// P(X = k) of `n` trials that each succeed with probability `p`.
pub(crate) fn pmf(k: u64, n: u64, p: f64) -> f64 {
    if k > n { 0.0 } else { saddle_point::density(k as f64, n as f64, p, 1.0 - p) }
}

/// P(X ≤ k).
pub(crate) fn cdf(k: u64, n: u64, p: f64) -> f64 {
    if k >= n { 1.0 } else { beta::regularized((n - k) as f64, (k + 1) as f64, 1.0 - p, p) }
}

/// P(X ≥ k).
pub(crate) fn at_least(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 {
        1.0
    } else if k > n {
        0.0
    } else {
        beta::regularized(k as f64, (n - k + 1) as f64, p, 1.0 - p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_sums_of_the_mass() {
        for (n, p) in [(7, 0.5), (40, 0.03), (200, 0.9)] {
            for k in 0..=n {
                let below: f64 = (0..=k).map(|i| pmf(i, n, p)).sum();
                let above: f64 = (k..=n).map(|i| pmf(i, n, p)).sum();
                assert!((cdf(k, n, p) / below - 1.0).abs() < 1e-11, "{k} of {n}");
                assert!((at_least(k, n, p) / above - 1.0).abs() < 1e-11, "{k} of {n}");
            }
        }
        assert_eq!((pmf(3, 2, 0.5), cdf(5, 5, 0.5), at_least(0, 5, 0.5), at_least(6, 5, 0.5)), (0.0, 1.0, 1.0, 0.0));
    }
}
