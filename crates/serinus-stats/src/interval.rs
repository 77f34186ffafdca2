//! A range of values that the data do not contradict.

use serde::{Deserialize, Serialize};

/// A range of values that the data do not contradict: a confidence interval, its ends included. An end that a one-sided
/// test leaves open is infinite, or the end of the parameter's range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether a value lies in it.
    ///
    /// ```
    /// # use serinus_stats::Interval;
    /// assert!(Interval { low: -1.0, high: 2.0 }.contains(0.0));
    /// ```
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// Its length.
    pub fn width(&self) -> f64 {
        self.high - self.low
    }
}
