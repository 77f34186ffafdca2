//! What the tests of two proportions share.

use crate::{Alternative, Interval, StatisticsError, distribution::normal, sequential::Count};

/// A proportion needs trials.
pub(super) fn with_trials(argument: &'static str, count: Count) -> Result<(), StatisticsError> {
    if count.trials() > 0 {
        return Ok(());
    }
    Err(StatisticsError { argument, expected: "a count with at least one trial", got: 0.0 })
}

/// Failures and successes as shares of the trials, each with all its digits.
pub(super) fn shares(count: Count) -> (f64, f64) {
    let trials = count.trials() as f64;
    (count.failures() as f64 / trials, (count.trials() - count.failures()) as f64 / trials)
}

/// The failure rate of `b` minus that of `a`, without cancellation.
pub(super) fn difference(a: Count, b: Count) -> f64 {
    let of = |failures: u64, trials: u64| u128::from(failures) * u128::from(trials);
    let (left, right) = (of(b.failures(), a.trials()), of(a.failures(), b.trials()));
    let size = left.abs_diff(right) as f64 / (a.trials() as f64 * b.trials() as f64);
    if left < right { -size } else { size }
}

/// The p-value of a statistic that is standard normal where the hypothesis holds.
pub(super) fn p_value(z: f64, alternative: Alternative) -> f64 {
    match alternative {
        Alternative::TwoSided => 2.0 * normal::sf(z.abs()),
        Alternative::Greater => normal::sf(z),
        Alternative::Less => normal::sf(-z),
    }
}

/// The interval of `b` − `a` that goes with an alternative. `low(z)` and `high(z)` are the ends that lie `z` standard
/// errors out, where a negative `z` puts an end on the other side of the estimate.
pub(super) fn interval(
    alternative: Alternative,
    confidence: f64,
    low: impl Fn(f64) -> f64,
    high: impl Fn(f64) -> f64,
) -> Interval {
    let one_sided = || normal::isf(1.0 - confidence);
    match alternative {
        Alternative::TwoSided => {
            let z = normal::isf((1.0 - confidence) / 2.0);
            Interval { low: low(z), high: high(z) }
        }
        // `a` greater than `b` is a difference below 0.
        Alternative::Greater => Interval { low: -1.0, high: high(one_sided()) },
        Alternative::Less => Interval { low: low(one_sided()), high: 1.0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_keep_their_digits() {
        let count = |failures, trials| Count::new(failures, trials).unwrap();
        let (a, b) = (count(u64::MAX / 2, u64::MAX), count(u64::MAX / 2 + 1, u64::MAX));
        assert!((difference(a, b) * u64::MAX as f64 - 1.0).abs() < 1e-15);
        assert_eq!(difference(a, b), -difference(b, a));
        assert_eq!(difference(count(0, 3), count(7, 7)), 1.0);
    }
}
