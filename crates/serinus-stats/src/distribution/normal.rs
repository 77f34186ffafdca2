//! The standard normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use statrs::function::erf::erfc_inv;

/// P(Z ≤ z).
pub(crate) fn cdf(z: f64) -> f64 {
    sf(-z)
}

/// P(Z > z). `libm`'s `erfc` keeps its digits down to 1e-308.
pub(crate) fn sf(z: f64) -> f64 {
    0.5 * libm::erfc(z * FRAC_1_SQRT_2)
}

/// The z with P(Z ≤ z) = `p`, for `p` in (0, 1).
pub(crate) fn quantile(p: f64) -> f64 {
    -isf(p)
}

/// The z with P(Z > z) = `p`, for `p` in (0, 1).
pub(crate) fn isf(p: f64) -> f64 {
    SQRT_2 * erfc_inv(2.0 * p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_keep_their_digits() {
        for (z, p) in
            [(1.0, 0.158_655_253_931_457_05), (10.0, 7.619_853_024_160_527e-24), (37.0, 5.725_571_222_524_577e-300)]
        {
            assert!((sf(z) / p - 1.0).abs() < 1e-12, "{z}");
            assert!((isf(p) / z - 1.0).abs() < 1e-12, "{z}");
            assert_eq!(cdf(-z), sf(z));
        }
        assert!((quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
    }
}
