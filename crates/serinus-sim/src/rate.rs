//! Probabilities that change with time.

use std::f64::consts::TAU;

const DAY: f64 = 24.0 * 3_600.0;

/// A probability that may change with time, in seconds since the rollout began.
///
/// ```
/// use serinus_sim::Rate;
///
/// let breaks = Rate::Step { before: 0.01, after: 0.2, at: 600.0 };
/// assert_eq!([breaks.at(599.0), breaks.at(600.0)], [0.01, 0.2]);
/// let daily = Rate::Daily { low: 0.01, high: 0.07 };
/// assert!((daily.at(6.0 * 3_600.0) - 0.07).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// Always the same.
    Constant(f64),
    /// From one value to another along a straight line, and there it stays.
    Ramp {
        /// At first.
        from: f64,
        /// In the end.
        to: f64,
        /// How many seconds it takes.
        over: f64,
    },
    /// Once up and down in 24 hours, beginning in the middle and rising.
    Daily {
        /// At the least.
        low: f64,
        /// At the most.
        high: f64,
    },
    /// One value before a time, another one from then on.
    Step {
        /// Before.
        before: f64,
        /// After.
        after: f64,
        /// When, in seconds.
        at: f64,
    },
}

impl Rate {
    /// The probability at a time.
    pub fn at(&self, seconds: f64) -> f64 {
        let rate = match *self {
            Self::Constant(rate) => rate,
            Self::Ramp { to, over, .. } if seconds >= over => to,
            Self::Ramp { from, to, over } => from + (to - from) * (seconds / over).clamp(0.0, 1.0),
            Self::Daily { low, high } => f64::midpoint(low, high) + (high - low) / 2.0 * (TAU * seconds / DAY).sin(),
            Self::Step { before, after, at } => {
                if seconds < at {
                    before
                } else {
                    after
                }
            }
        };
        rate.clamp(0.0, 1.0)
    }

    /// When it changes or how long that takes.
    pub(crate) fn time(&self) -> f64 {
        match *self {
            Self::Constant(_) | Self::Daily { .. } => 0.0,
            Self::Ramp { over, .. } => over,
            Self::Step { at, .. } => at,
        }
    }

    pub(crate) fn values(&self) -> [f64; 2] {
        match *self {
            Self::Constant(rate) => [rate, rate],
            Self::Ramp { from, to, .. } => [from, to],
            Self::Daily { low, high } => [low, high],
            Self::Step { before, after, .. } => [before, after],
        }
    }
}

impl From<f64> for Rate {
    fn from(rate: f64) -> Self {
        Self::Constant(rate)
    }
}
