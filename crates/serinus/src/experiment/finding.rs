//! What is known of one arm against the control.

use serde::{Deserialize, Serialize};
use serinus_stats::Interval;

/// What is known of an arm against the control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The arm is better.
    Better,
    /// The arm is worse.
    Worse,
    /// No difference was found at the planned size, or none that matters is left.
    Alike,
    /// Nothing yet.
    Open,
}

/// An estimate and its interval, both finite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate.
    pub estimate: f64,
    /// The values that the data do not contradict.
    pub interval: Interval,
}

impl Estimate {
    /// With the interval's ends no further out than the quantity can be.
    pub(super) fn within(estimate: f64, interval: Interval, low: f64, high: f64) -> Self {
        let interval = Interval { low: interval.low.max(low), high: interval.high.min(high) };
        Self { estimate, interval }
    }
}
