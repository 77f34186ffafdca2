//! Student's t distribution.

use std::f64::consts::PI;

use super::{beta, normal};

/// P(T > t) with `degrees` of freedom, above 0 and not necessarily whole.
pub(crate) fn sf(t: f64, degrees: f64) -> f64 {
    if degrees.is_infinite() {
        return normal::sf(t);
    }
    // Scaled so that the square of a great t does not overflow.
    let ratio = t / degrees.sqrt();
    let (x, y) = if ratio.abs() > 1.0 {
        let inverse = 1.0 / (ratio * ratio);
        (inverse / (1.0 + inverse), 1.0 / (1.0 + inverse))
    } else {
        let square = ratio * ratio;
        (1.0 / (1.0 + square), square / (1.0 + square))
    };
    let tail = 0.5 * beta::regularized(degrees / 2.0, 0.5, x, y);
    if t >= 0.0 { tail } else { 1.0 - tail }
}

/// The t with P(T > t) = `p`, for `p` in (0, 1): Newton's method on the logarithm of the tail, kept inside a bracket.
pub(crate) fn isf(p: f64, degrees: f64) -> f64 {
    if p > 0.5 {
        return -isf(1.0 - p, degrees);
    }
    if degrees.is_infinite() {
        return normal::isf(p);
    }
    let (mut low, mut high) = (0.0, f64::MAX);
    let mut t = expansion(normal::isf(p), degrees);
    for _ in 0..2_000 {
        let tail = sf(t, degrees);
        if tail > p {
            low = t;
        } else {
            high = t;
        }
        let newton = t + (tail / p).ln() * tail / density(t, degrees);
        if (newton - t).abs() <= 2.0 * f64::EPSILON * t {
            return t;
        }
        // Without an upper bound yet, on to twice as far.
        let middle = if high < f64::MAX { f64::midpoint(low, high) } else { 2.0 * t.max(0.5) };
        t = if newton > low && newton < high { newton } else { middle };
        if t <= low || t >= high {
            break;
        }
    }
    t
}

/// The t that lies as far out as `z` does in the normal distribution, to the second order (R. A. Fisher and E. A. Cornish,
/// Technometrics 2, 1960, <https://doi.org/10.1080/00401706.1960.10489895>): close for some ten degrees of freedom or more.
fn expansion(z: f64, degrees: f64) -> f64 {
    let cube = z * z * z;
    z + (cube + z) / (4.0 * degrees) + (5.0 * cube * z * z + 16.0 * cube + 3.0 * z) / (96.0 * degrees * degrees)
}

fn density(t: f64, degrees: f64) -> f64 {
    // Γ((n + 1)/2) / Γ(n/2) is √(n/2) but for a term in 1/n.
    let log_ratio = if degrees < 1e6 {
        libm::lgamma(0.5 * (degrees + 1.0)) - libm::lgamma(0.5 * degrees)
    } else {
        0.5 * (0.5 * degrees).ln() - 0.25 / degrees
    };
    let log_kernel = 0.5 * (degrees + 1.0) * (t / degrees * t).ln_1p();
    (log_ratio - log_kernel).exp() / (degrees * PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_keep_their_digits() {
        for (t, degrees, p) in [
            (0.5, 3.0, 0.325_723_982_424_075_5),
            (50.0, 10.0, 1.237_155_164_651_339e-13),
            (10.0, 1e5, 7.816_507_650_103_6e-24),
            (30.0, 1e6, 6.010_047_116_831_6e-198),
            (0.001, 5e5, 0.499_601_057_985_560_15),
            (5.0, 1e9, 2.866_516_201_975_814e-7),
            (1e30, 10.0, 1.230_468_750_000_0e-296),
        ] {
            let got = sf(t, degrees);
            assert!((got / p - 1.0).abs() < 1e-10, "{t} {degrees}: {got:e}");
            assert!((isf(got, degrees) / t - 1.0).abs() < 1e-9, "{t} {degrees}");
        }
        assert_eq!((sf(0.0, 4.0), sf(f64::INFINITY, 4.0), sf(-3.0, 4.0)), (0.5, 0.0, 1.0 - sf(3.0, 4.0)));
        assert_eq!(sf(2.0, f64::INFINITY), normal::sf(2.0));
    }
}
