//! Wilson's interval.

use super::arms;
use crate::{Interval, StatisticsError, check, distribution::normal, sequential::Count};

/// Wilson's score interval of a failure rate: all rates that the score test does not reject. It has about the promised
/// coverage even with few trials or rare failures, and never leaves [0, 1].
///
/// ```
/// use serinus_stats::{proportions::wilson_interval, sequential::Count};
///
/// let interval = wilson_interval(Count::new(2, 100)?, 0.95)?;
/// assert!((interval.low - 0.0055).abs() < 1e-4 && (interval.high - 0.0700).abs() < 1e-4);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If there are no trials, or `confidence` is not in (0, 1).
///
/// # Source
///
/// E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
/// Statistical Association 22 (1927), <https://doi.org/10.1080/01621459.1927.10502953>.
pub fn wilson_interval(count: Count, confidence: f64) -> Result<Interval, StatisticsError> {
    arms::with_trials("count", count)?;
    check::confidence(confidence)?;
    Ok(interval_at(count, normal::isf((1.0 - confidence) / 2.0)))
}

/// The rates whose score statistic is at most `z` ≥ 0 in size.
pub(super) fn interval_at(count: Count, z: f64) -> Interval {
    let (p, q) = arms::shares(count);
    let half = z * z / (2.0 * count.trials() as f64);
    let root = (half * (2.0 * p * q + half)).sqrt();
    // From the product of the quadratic's two roots: the end near 0, or near 1, keeps its digits.
    let low = if p > 0.0 { p * p / (p + half + root) } else { 0.0 };
    let above = if q > 0.0 { q * q / (q + half + root) } else { 0.0 };
    let high = if p < 0.5 { (p + half + root) / (1.0 + 2.0 * half) } else { 1.0 - above };
    Interval { low: low.min(p), high: high.clamp(p, 1.0) }
}
