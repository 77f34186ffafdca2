//! The χ² distribution.

use statrs::function::gamma::gamma_ur;

/// P(X > x) with `degrees` of freedom, both above 0.
pub(crate) fn sf(x: f64, degrees: f64) -> f64 {
    if x <= 0.0 { 1.0 } else { gamma_ur(degrees / 2.0, x / 2.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_keep_their_digits() {
        assert!((sf(3.0, 1.0) / 8.326_451_666_355_04e-2 - 1.0).abs() < 1e-13);
        assert!((sf(1_400.0, 5.0) / 1.376_587_514_394_37e-300 - 1.0).abs() < 1e-11);
        assert_eq!(sf(0.0, 1.0), 1.0);
    }
}
