//! The interval of a quantile, by counting.

use serde::{Deserialize, Serialize};

use crate::distribution::binomial;
use crate::{Interval, StatisticsError, check};

use super::sorted;

/// The result of [`quantile_interval`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantileInterval {
    /// Of the population's quantile. Its ends are values of the sample, or infinite where the sample is too small for
    /// one.
    pub interval: Interval,
    /// The probability that it covers the quantile of a continuous distribution; of any other it is at least this.
    /// Never below the confidence asked for.
    pub coverage: f64,
}

/// The interval of the population's quantile at `q`, in (0, 1), whatever the distribution: values of the sample at
/// ranks that miss the quantile with at most half of 1 − `confidence` on either side, by the binomial distribution (W.
/// J. Conover, *Practical Nonparametric Statistics*, 3rd edition, 1999, section 3.2).
///
/// ```
/// use serinus_stats::Interval;
/// use serinus_stats::quantiles::quantile_interval;
///
/// let values: Vec<f64> = (1..=20).map(f64::from).collect();
/// let median = quantile_interval(&values, 0.5, 0.95)?;
/// assert_eq!(median.interval, Interval { low: 6.0, high: 15.0 });
/// assert!((median.coverage - 0.958_610_5).abs() < 1e-6);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If there is no value or one that is not finite, or `q` or the confidence is not in (0, 1).
pub fn quantile_interval(values: &[f64], q: f64, confidence: f64) -> Result<QuantileInterval, StatisticsError> {
    check::sample("values", values, 1)?;
    check::open_unit("q", q)?;
    check::confidence(confidence)?;
    let values = sorted(values);
    let miss = 0.5 * (1.0 - confidence);
    let n = values.len() as u64;
    // The quantile is below the value of rank r if fewer than r values are below the quantile.
    let below = |rank: usize| if rank == 0 { 0.0 } else { binomial::cdf(rank as u64 - 1, n, q) };
    let above = |rank: usize| binomial::at_least(rank as u64, n, q);
    let low = last(values.len(), |rank| below(rank) <= miss);
    let high = 1 + last(values.len(), |rank| above(rank) > miss);
    let value = |rank: usize, open| rank.checked_sub(1).and_then(|index| values.get(index)).copied().unwrap_or(open);
    let interval = Interval { low: value(low, f64::NEG_INFINITY), high: value(high, f64::INFINITY) };
    Ok(QuantileInterval { interval, coverage: 1.0 - below(low) - above(high) })
}

/// The last number up to `end` that a condition holds of which holds of 0 and, once it fails, of no greater number.
fn last(end: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, end + 1);
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        if holds(middle) { low = middle } else { high = middle }
    }
    low
}
