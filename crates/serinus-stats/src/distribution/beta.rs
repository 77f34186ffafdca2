//! The regularised incomplete beta function.

use super::saddle_point::density;

const TINY: f64 = 1e-300;
/// The continued fraction takes some √max(a, b) steps at worst.
const STEPS: u32 = 200_000;

/// `I_x(a, b)` for `x` in [0, 1], with `y` = 1 − `x` given so that it keeps its digits.
pub(crate) fn regularized(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if y <= 0.0 {
        return 1.0;
    }
    if x <= (a + 1.0) / (a + b + 2.0) { lower(a, b, x, y) } else { 1.0 - lower(b, a, y, x) }
}

/// `I_x(a, b)` by Lentz's evaluation of the even part of the continued fraction (ACM
/// Algorithm 708, 1992), which converges fast for x below the mean and, its terms being positive there, loses no digits
/// where x is close to 1.
fn lower(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let front = a * (b / (a + b)) * density(a, a + b, x, y);
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mean = a * y - b * x;
    let whole = |m: f64| {
        let (before, after) = (a + 2.0 * m - 1.0, a + 2.0 * m + 1.0);
        m + m * (b - m) * x / before + (a + m) / after * (mean + 1.0 + m * (1.0 + y))
    };
    let mut fraction = away(a / (a + 1.0) * (mean + 1.0));
    let (mut c, mut d) = (fraction, 0.0);
    for m in 1..STEPS {
        let m = f64::from(m);
        let before = a + 2.0 * m - 1.0;
        let part = (a + m - 1.0) / before * ((a + b + m - 1.0) / before) * x * (m * (b - m) * x);
        let whole = whole(m);
        d = 1.0 / away(whole + part * d);
        c = away(whole + part / c);
        fraction *= c * d;
        if (c * d - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    (front / fraction).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        for (a, b, x, expected) in [
            (2.0, 3.0, 0.3, 0.3483),
            (500.0, 20.0, 0.9, 4.518_628_472_633_67e-8),
            (1e4, 1e5, 0.08, 2.380_093_593_600_555e-39),
            (3.0, 1e6, 1e-5, 0.997_230_740_481_7),
        ] {
            let got = regularized(a, b, x, 1.0 - x);
            assert!((got / expected - 1.0).abs() < 1e-11, "{a} {b} {x}: {got:e}");
        }
    }

    #[test]
    fn rare_outcomes_of_many_trials_keep_their_digits() {
        for (a, b, y, expected) in [
            (1e9, 1.0, 3.7e-9, 0.024_723_526_301_106_85),
            (1e9 - 5.0, 6.0, 1.2e-8, 0.020_341_028_881_821_55),
            (1e9 - 1e4, 10_001.0, 1.02e-5, 0.023_841_034_827_470_07),
        ] {
            let got = regularized(a, b, 1.0 - y, y);
            assert!((got / expected - 1.0).abs() < 1e-11, "{a} {b} {y}: {got:e}");
        }
    }
}
