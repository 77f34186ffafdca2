//! How often one sample beats another.

use serde::{Deserialize, Serialize};

use super::mann_whitney::Tally;
use super::ordering;
use crate::distribution::normal;
use crate::{Interval, StatisticsError, check};

/// Halvings of an interval within [0, 1]: to the last bit.
const HALVINGS: u32 = 80;

/// The result of [`win_rate`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WinRate {
    /// P(b > a) + ½ P(b = a) of the samples.
    pub estimate: f64,
    /// Of the same in the populations; inside [0, 1].
    pub interval: Interval,
}

/// The result of [`cliffs_delta`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CliffsDelta {
    /// P(b > a) − P(b < a) of the samples.
    pub estimate: f64,
    /// Of the same in the populations; inside [−1, 1].
    pub interval: Interval,
}

/// The win rate P(b > a) + ½ P(b = a): the probability that a value of `b`, drawn at random, is greater than one of `a`.
/// It takes every pair into account, so the order in which values arrived does not matter.
///
/// The interval is Newcombe's fifth: it inverts a score test, stays inside [0, 1] and is not empty where the samples are
/// apart (R. G. Newcombe, Statistics in Medicine 25, 2006, [doi:10.1002/sim.2324]).
///
/// ```
/// use serinus_stats::ranks::win_rate;
///
/// let rate = win_rate(&[0.2, 0.4, 0.6], &[0.5, 0.6, 0.9, 0.9], 0.95)?;
/// assert!((rate.estimate - 10.5 / 12.0).abs() < 1e-12);
/// assert!(rate.interval.contains(0.5), "seven values do not prove much");
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If a sample is empty or has a value that is not finite, or `confidence` is not in (0, 1).
///
/// [doi:10.1002/sim.2324]: https://doi.org/10.1002/sim.2324
pub fn win_rate(a: &[f64], b: &[f64], confidence: f64) -> Result<WinRate, StatisticsError> {
    let tally = tally(a, b, confidence)?;
    Ok(WinRate { estimate: tally.win_rate(), interval: interval(&tally, confidence) })
}

/// Cliff's delta: P(b > a) − P(b < a), twice the [win rate](win_rate) less one (N. Cliff, Psychological Bulletin 114, 1993,
/// [doi:10.1037/0033-2909.114.3.494]).
///
/// ```
/// use serinus_stats::ranks::cliffs_delta;
///
/// let delta = cliffs_delta(&[1.0, 2.0, 3.0], &[3.0, 4.0, 5.0], 0.95)?;
/// assert!((delta.estimate - 8.0 / 9.0).abs() < 1e-12);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// As for [`win_rate`].
///
/// [doi:10.1037/0033-2909.114.3.494]: https://doi.org/10.1037/0033-2909.114.3.494
pub fn cliffs_delta(a: &[f64], b: &[f64], confidence: f64) -> Result<CliffsDelta, StatisticsError> {
    let tally = tally(a, b, confidence)?;
    let Interval { low, high } = interval(&tally, confidence);
    let interval = Interval { low: 2.0 * low - 1.0, high: 2.0 * high - 1.0 };
    Ok(CliffsDelta { estimate: tally.cliffs_delta(), interval })
}

fn tally(a: &[f64], b: &[f64], confidence: f64) -> Result<Tally, StatisticsError> {
    check::confidence(confidence)?;
    let mut tally = Tally::default();
    ordering::visit_groups(a, b, 1, &mut |group| tally.add(group))?;
    Ok(tally)
}

/// The rates θ that are at most z standard errors, as they would be at θ, from the estimate.
fn interval(tally: &Tally, confidence: f64) -> Interval {
    let z = normal::isf(0.5 * (1.0 - confidence));
    let (n, m, estimate) = (tally.n as f64, tally.m as f64, tally.win_rate());
    let weight = 0.5 * (n + m) - 1.0;
    let variance = |rate: f64| {
        let of_values = (1.0 - rate) / (2.0 - rate) + rate / (1.0 + rate);
        rate * (1.0 - rate) * (1.0 + weight * of_values) / (n * m)
    };
    let far = |rate: f64| (rate - estimate).powi(2) > z * z * variance(rate);
    let bound = |end: f64| {
        let (mut near, mut beyond) = (estimate, end);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(near, beyond);
            if far(middle) { beyond = middle } else { near = middle }
        }
        near
    };
    Interval { low: bound(0.0), high: bound(1.0) }
}
