//! Newcombe's interval of a difference.

use super::{arms, wilson};
use crate::{Alternative, Interval, StatisticsError, check, sequential::Count};

/// Newcombe's hybrid score interval of the difference of two failure rates, `b` − `a`: made of the two Wilson intervals,
/// and within [−1, 1]. Quick and good with few trials; it may disagree with a test when the matter is close.
///
/// ```
/// use serinus_stats::{proportions::newcombe_interval, sequential::Count};
///
/// let interval = newcombe_interval(Count::new(48, 80)?, Count::new(56, 70)?, 0.95)?;
/// assert!((interval.low - 0.0524).abs() < 1e-4 && (interval.high - 0.3339).abs() < 1e-4);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If `a` or `b` has no trials, or `confidence` is not in (0, 1).
///
/// # Source
///
/// R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven
/// methods", Statistics in Medicine 17 (1998), method 10,
/// [DOI](https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C873::AID-SIM779%3E3.0.CO;2-I).
pub fn newcombe_interval(a: Count, b: Count, confidence: f64) -> Result<Interval, StatisticsError> {
    arms::with_trials("a", a)?;
    arms::with_trials("b", b)?;
    check::confidence(confidence)?;
    Ok(for_alternative(a, b, Alternative::TwoSided, confidence))
}

/// The interval, one end open where the alternative is one-sided.
pub(super) fn for_alternative(a: Count, b: Count, alternative: Alternative, confidence: f64) -> Interval {
    let low = |z: f64| if z < 0.0 { -low_at(b, a, -z) } else { low_at(a, b, z) };
    let high = |z: f64| if z < 0.0 { low_at(a, b, -z) } else { -low_at(b, a, z) };
    arms::interval(alternative, confidence, low, high)
}

/// The lower end of `b` − `a`, `z` ≥ 0 standard errors out.
fn low_at(a: Count, b: Count, z: f64) -> f64 {
    let down = arms::shares(b).0 - wilson::interval_at(b, z).low;
    let up = wilson::interval_at(a, z).high - arms::shares(a).0;
    (arms::difference(a, b) - down.hypot(up)).max(-1.0)
}
