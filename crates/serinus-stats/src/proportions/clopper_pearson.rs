//! Clopper and Pearson's interval.

use super::{arms, wilson};
use crate::{
    Alternative, Interval, StatisticsError, check,
    distribution::{binomial, normal},
    sequential::Count,
};

/// The trials with which the incomplete beta function that this rests on is known to be right.
const MOST: u64 = 1_000_000_000_000;

/// Clopper and Pearson's exact interval of a failure rate: all rates that neither one-sided binomial test rejects at half
/// the level. It covers the rate with at least the promised probability, and is wider than Wilson's.
///
/// ```
/// use serinus_stats::{proportions::clopper_pearson_interval, sequential::Count};
///
/// let interval = clopper_pearson_interval(Count::new(0, 100)?, 0.95)?;
/// assert_eq!(interval.low, 0.0);
/// assert!((interval.high - 0.0362).abs() < 1e-4);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If there are no trials, or more than 10¹², or `confidence` is not in (0, 1).
///
/// # Source
///
/// C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
/// Biometrika 26 (1934), <https://doi.org/10.1093/biomet/26.4.404>.
pub fn clopper_pearson_interval(count: Count, confidence: f64) -> Result<Interval, StatisticsError> {
    arms::with_trials("count", count)?;
    check::confidence(confidence)?;
    if count.trials() > MOST {
        let expected = "a count with at most 1000000000000 trials";
        return Err(StatisticsError { argument: "count", expected, got: count.trials() as f64 });
    }
    Ok(for_alternative(count, Alternative::TwoSided, confidence))
}

/// The rates that the binomial test with this alternative does not reject: `Greater` bounds the rate from below.
pub(super) fn for_alternative(count: Count, alternative: Alternative, confidence: f64) -> Interval {
    let half = (1.0 - confidence) / 2.0;
    match alternative {
        Alternative::TwoSided => Interval { low: low(count, half), high: high(count, half) },
        Alternative::Greater => Interval { low: low(count, 1.0 - confidence), high: 1.0 },
        Alternative::Less => Interval { low: 0.0, high: high(count, 1.0 - confidence) },
    }
}

/// The rate at which as many failures or more have probability `tail`.
fn low(count: Count, tail: f64) -> f64 {
    let (k, n) = (count.failures(), count.trials());
    if k == 0 {
        return 0.0;
    }
    let slope = |x| n as f64 * binomial::pmf(k - 1, n - 1, x);
    solve(|x| binomial::at_least(k, n, x), slope, tail, wilson::interval_at(count, normal::isf(tail).abs()).low)
}

/// The rate at which as many failures or fewer have probability `tail`.
fn high(count: Count, tail: f64) -> f64 {
    let (k, n) = (count.failures(), count.trials());
    if k == n {
        return 1.0;
    }
    let slope = |x| -(n as f64) * binomial::pmf(k, n - 1, x);
    solve(|x| binomial::cdf(k, n, x), slope, tail, wilson::interval_at(count, normal::isf(tail).abs()).high)
}

/// The x in (0, 1) with `probability(x)` = `tail`: Newton's method on the logarithm, which is concave in x.
fn solve(probability: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64, tail: f64, start: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    let mut x = start.clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON);
    for _ in 0..200 {
        let (reached, slope) = (probability(x), slope(x));
        if (reached > tail) == (slope > 0.0) {
            high = x;
        } else {
            low = x;
        }
        let newton = x - (reached / tail).ln() * reached / slope;
        if (newton - x).abs() <= 2.0 * f64::EPSILON * x {
            break;
        }
        x = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
    }
    x
}
