//! The distribution of Kolmogorov's statistic of one sample.
//!
//! Each method where it is exact to the last digits or nearly so, as surveyed by R. Simard and P. L'Ecuyer, Journal of
//! Statistical Software 39 (2011), <https://doi.org/10.18637/jss.v039.i11>.

use std::f64::consts::{FRAC_PI_2, PI};

use super::saddle_point::density;

/// Samples of which the matrix is always small.
const FEW: f64 = 140.0;
const MOST_FOR_MATRIX: f64 = 100_000.0;

/// P(D ≥ x) for a sample of `n` values, a whole number above 0.
pub(crate) fn sf(x: f64, n: f64) -> f64 {
    if n * x <= 0.5 {
        return 1.0;
    }
    if x >= 1.0 {
        return 0.0;
    }
    let square = n * x * x;
    if x >= 0.5 || square >= if n <= FEW { 4.0 } else { 2.2 } {
        return (2.0 * one_sided(x, n)).min(1.0);
    }
    let cdf = if n <= FEW || (n <= MOST_FOR_MATRIX && n * x.powf(1.5) <= 1.4) { matrix(x, n) } else { series(x, n) };
    (1.0 - cdf).clamp(0.0, 1.0)
}

/// P(D⁺ ≥ x) (Z. W. Birnbaum and F. H. Tingey, Annals of Mathematical Statistics 22, 1951).
fn one_sided(x: f64, n: f64) -> f64 {
    let (mut sum, mut j) = (0.0, 0.0);
    while j <= n * (1.0 - x) {
        let reached = x + j / n;
        sum += density(j, n, reached, (1.0 - x) - j / n) * (x / reached);
        j += 1.0;
    }
    sum
}

/// P(D < x) as an element of the n-th power of a matrix (G. Marsaglia, W. W. Tsang and J. Wang, Journal of Statistical Software
/// 8, 2003, <https://doi.org/10.18637/jss.v008.i18>).
fn matrix(x: f64, n: f64) -> f64 {
    let k = (n * x).floor() + 1.0;
    let h = k - n * x;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small whole number above 0")]
    let (k, steps) = (k as usize, n as u64);
    let size = 2 * k - 1;
    let mut base = vec![vec![0.0; size]; size];
    for (i, row) in base.iter_mut().enumerate() {
        for (j, element) in row.iter_mut().enumerate() {
            *element = if i + 1 >= j { 1.0 } else { 0.0 };
        }
    }
    for i in 0..size {
        let power = h.powf((i + 1) as f64);
        base[i][0] -= power;
        base[size - 1][size - 1 - i] -= power;
    }
    base[size - 1][0] += (2.0 * h - 1.0).max(0.0).powf(size as f64);
    for (i, row) in base.iter_mut().enumerate() {
        for (j, element) in row.iter_mut().enumerate() {
            if i + 1 > j {
                // Γ(i − j + 2)
                *element /= (1..=i + 1 - j).map(|g| g as f64).product::<f64>();
            }
        }
    }
    let mut power = Scaled { matrix: identity(size), exponent: 0.0 };
    let mut square = Scaled { matrix: base, exponent: 0.0 };
    let mut left = steps;
    while left > 0 {
        if left % 2 == 1 {
            power = power.times(&square);
        }
        left /= 2;
        if left > 0 {
            square = square.times(&square);
        }
    }
    // n!/n^n, factor by factor, with the scale taken out.
    let log_factor = libm::lgamma(n + 1.0) - n * n.ln();
    (power.matrix[k - 1][k - 1].ln() + power.exponent + log_factor).exp().min(1.0)
}

/// A matrix times e^exponent.
struct Scaled {
    matrix: Vec<Vec<f64>>,
    exponent: f64,
}

impl Scaled {
    fn times(&self, other: &Self) -> Self {
        let size = self.matrix.len();
        let mut product = vec![vec![0.0; size]; size];
        for (into, row) in product.iter_mut().zip(&self.matrix) {
            for (factor, other_row) in row.iter().zip(&other.matrix) {
                for (sum, element) in into.iter_mut().zip(other_row) {
                    *sum += factor * element;
                }
            }
        }
        let greatest = product.iter().flatten().fold(0.0, |greatest: f64, element| greatest.max(*element));
        let scale = if greatest > 0.0 { greatest } else { 1.0 };
        product.iter_mut().flatten().for_each(|element| *element /= scale);
        Self { matrix: product, exponent: self.exponent + other.exponent + scale.ln() }
    }
}

fn identity(size: usize) -> Vec<Vec<f64>> {
    (0..size).map(|i| (0..size).map(|j| if i == j { 1.0 } else { 0.0 }).collect()).collect()
}

/// P(D ≤ x) by four terms in powers of 1/√n (W. Pelz and I. J. Good, Journal of the Royal Statistical Society B 38, 1976,
/// <https://doi.org/10.1111/j.2517-6161.1976.tb01579.x>).
fn series(x: f64, n: f64) -> f64 {
    let z = n.sqrt() * x;
    let (z2, z4, z6, z8) = (z * z, z.powi(4), z.powi(6), z.powi(8));
    let (pi2, pi4, pi6) = (PI.powi(2), PI.powi(4), PI.powi(6));
    let mut terms = [0.0; 4];
    let last = (16.0 * z / PI).ceil();
    let mut k = last;
    while k >= 0.0 {
        // Once for k + ½ and once for −(k + ½).
        let h2 = (k + 0.5) * (k + 0.5);
        let (h4, h6) = (h2 * h2, h2 * h2 * h2);
        let chance = 2.0 * (-pi2 * h2 / (2.0 * z2)).exp();
        terms[0] += chance;
        terms[1] += (pi2 * h2 - z2) * chance;
        terms[2] += (6.0 * z6 + 2.0 * z4 + pi2 * (2.0 * z4 - 5.0 * z2) * h2 + pi4 * (1.0 - 2.0 * z2) * h4) * chance;
        terms[3] +=
            (pi6 * h6 * (5.0 - 30.0 * z2) + pi4 * h4 * (212.0 * z4 - 60.0 * z2) + pi2 * h2 * (135.0 * z4 - 96.0 * z6)
                - 30.0 * z6
                - 90.0 * z8)
                * chance;
        k -= 1.0;
    }
    let (mut second, mut third, mut k) = (0.0, 0.0, last);
    while k >= 1.0 {
        let k2 = k * k;
        let chance = 2.0 * (-pi2 * k2 / (2.0 * z2)).exp();
        second += k2 * chance;
        third += (3.0 * pi2 * k2 * z2 - pi4 * k2 * k2) * chance;
        k -= 1.0;
    }
    let root = FRAC_PI_2.sqrt();
    let whole = root / z * terms[0];
    let first = root / (6.0 * z4) * terms[1];
    let second = root * (terms[2] / (72.0 * z.powi(7)) - pi2 * second / (36.0 * z.powi(3)));
    let third = root * (terms[3] / (6_480.0 * z.powi(10)) + third / (216.0 * z6));
    whole + first / n.sqrt() + second / n + third / (n * n.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_one_value() {
        // D = max(u, 1 − u).
        for x in [0.5, 0.6, 0.75, 0.99] {
            assert!((sf(x, 1.0) - 2.0 * (1.0 - x)).abs() < 1e-14, "{x}");
        }
        assert_eq!((sf(0.4, 1.0), sf(1.0, 1.0)), (1.0, 0.0));
    }

    #[test]
    fn published_values() {
        for (n, x, expected) in [
            (10.0, 0.3, 0.270_535_574_799_999_46),
            (100.0, 0.05, 0.953_215_971_063_572_5),
            (100.0, 0.1, 0.252_692_757_006_387_4),
            (100.0, 0.3, 1.771_986_989_266_291_7e-8),
            (5_000.0, 0.005, 0.999_585_844_147_799_6),
            (5_000.0, 0.01, 0.695_455_725_391_385_3),
            (5_000.0, 0.02, 0.036_139_413_953_256_37),
            (5_000.0, 0.05, 2.652_305_232_871_118_7e-11),
            (50_000.0, 0.004, 0.399_431_664_675_573_1),
            (500_000.0, 0.0012, 0.467_199_277_060_067_9),
            (1_000_000.0, 0.0013, 0.068_033_205_881_125_82),
            (3_000.0, 0.24, 1.468_629_958_099_227_5e-152),
            (20_000.0, 0.13, 3.722_107_425_777_757e-295),
        ] {
            let got = sf(x, n);
            assert!((got / expected - 1.0).abs() < 1e-9, "{n} {x}: {got:e}, not {expected:e}");
        }
    }

    #[test]
    fn methods_agree_where_they_meet() {
        for (x, n) in [(0.12, 140.0), (0.08, 139.0), (0.04, 400.0)] {
            assert!((matrix(x, n) - series(x, n)).abs() < 3e-6, "{x} {n}: {} {}", matrix(x, n), series(x, n));
        }
        for (x, n) in [(0.2, 100.0), (0.4, 20.0)] {
            assert!((1.0 - matrix(x, n) - 2.0 * one_sided(x, n)).abs() < 1e-6, "{x} {n}");
        }
    }
}
