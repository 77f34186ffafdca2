//! Student's t distribution.

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

/// The t with P(T > t) = `p`, for `p` in (0, 1).
pub(crate) fn isf(p: f64, degrees: f64) -> f64 {
    if p > 0.5 {
        return -isf(1.0 - p, degrees);
    }
    let (mut low, mut high) = (0.0, normal::isf(p).max(1.0));
    while sf(high, degrees) > p && high < f64::MAX / 4.0 {
        low = high;
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if sf(middle, degrees) > p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
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
