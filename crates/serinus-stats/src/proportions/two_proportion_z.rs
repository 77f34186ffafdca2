//! The z-test of two proportions.

use serde::{Deserialize, Serialize};

use super::{arms, newcombe};
use crate::{Alternative, Interval, StatisticsError, check, sequential::Count};

/// What [`two_proportion_z`] asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoProportionOptions {
    /// What the test looks for. Default: [`Alternative::TwoSided`].
    pub alternative: Alternative,
    /// The probability, in (0, 1), with which the interval covers the true difference. Default: 0.95.
    pub confidence: f64,
    /// Whether the variance is that of one rate common to both, as under the hypothesis, or of two rates. Default: true.
    pub pooled: bool,
}

impl Default for TwoProportionOptions {
    fn default() -> Self {
        Self { alternative: Alternative::default(), confidence: 0.95, pooled: true }
    }
}

/// What [`two_proportion_z`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TwoProportionZ {
    /// z: the rate of `a` minus the rate of `b`, in standard errors.
    pub statistic: f64,
    /// The probability of a statistic at least as extreme if both rates are the same.
    pub p_value: f64,
    /// The failure rate of `b` minus that of `a`, in [−1, 1].
    pub difference: f64,
    /// Newcombe's interval of the difference. One-sided alternatives leave one end at −1 or 1.
    pub interval: Interval,
    /// Whether all trials of both came out alike, which tells nothing of a difference: `statistic` is 0, `p_value` 1.
    pub all_alike: bool,
}

/// The z-test of whether two failure rates differ.
///
/// An approximation for many trials; with fewer than about five failures or successes on one side,
/// [`boschloo_exact`](super::boschloo_exact) is to be preferred. Without `pooled` the variance is that of two separate
/// rates; where that is 0 although the rates differ (all failed, none failed) the pooled one stands in for it.
///
/// ```
/// use serinus_stats::{proportions::two_proportion_z, sequential::Count};
///
/// let test = two_proportion_z(Count::new(5, 83)?, Count::new(12, 99)?, Default::default())?;
/// assert!((test.p_value - 0.159).abs() < 1e-3);
/// assert!(test.difference > 0.0 && test.statistic < 0.0 && test.interval.contains(0.0));
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If `a` or `b` has no trials, or the confidence is not in (0, 1).
///
/// # Source
///
/// J. L. Fleiss, B. Levin and M. C. Paik, "Statistical Methods for Rates and Proportions" (3rd edition, 2003), section
/// 3.2, without continuity correction; the interval is that of [`newcombe_interval`](super::newcombe_interval).
pub fn two_proportion_z(a: Count, b: Count, options: TwoProportionOptions) -> Result<TwoProportionZ, StatisticsError> {
    let TwoProportionOptions { alternative, confidence, pooled } = options;
    arms::with_trials("a", a)?;
    arms::with_trials("b", b)?;
    check::confidence(confidence)?;
    let difference = arms::difference(a, b);
    let pooled_variance = pooled_variance(a, b);
    let all_alike = pooled_variance == 0.0;
    let separate = variance(a) + variance(b);
    let variance = if pooled || separate == 0.0 { pooled_variance } else { separate };
    let statistic = if all_alike || difference == 0.0 { 0.0 } else { -difference / variance.sqrt() };
    Ok(TwoProportionZ {
        statistic,
        p_value: if all_alike { 1.0 } else { arms::p_value(statistic, alternative) },
        difference,
        interval: newcombe::for_alternative(a, b, alternative, confidence),
        all_alike,
    })
}

/// The variance of the difference of two rates that are the same.
fn pooled_variance(a: Count, b: Count) -> f64 {
    let failures = a.failures() as f64 + b.failures() as f64;
    let successes = (a.trials() - a.failures()) as f64 + (b.trials() - b.failures()) as f64;
    let trials = a.trials() as f64 + b.trials() as f64;
    failures * successes / (trials * (a.trials() as f64 * b.trials() as f64))
}

/// The variance of one rate.
fn variance(count: Count) -> f64 {
    let (p, q) = arms::shares(count);
    p * q / count.trials() as f64
}
