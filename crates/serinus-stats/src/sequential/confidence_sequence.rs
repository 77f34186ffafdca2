//! The mean of values in a known range, at all times at once.

use serde::{Deserialize, Serialize};

use super::drift::Drift;
use super::spread::Spread;
use crate::{Interval, StatisticsError};

/// Values after which the centre of the interval's penalty is set anew.
const BLOCK: f64 = 32.0;

/// A confidence sequence for the mean of values in [0, 1]: an interval after every value, such that with the chosen
/// probability *none* of them ever misses the running average of the values' expectations.
///
/// An empirical-Bernstein bound, mixed over 16 exponents: narrow when the values vary little, whatever their shape (S. Howard,
/// A. Ramdas, J. McAuliffe and J. Sekhon, Annals of Statistics 49 (2021), theorem 4,
/// [doi:10.1214/20-AOS1991](https://doi.org/10.1214/20-AOS1991)).
///
/// Sequences of the same quantity over *different* values, two routers' say, [merge](Self::merge) into one.
///
/// ```
/// use serinus_stats::sequential::ConfidenceSequence;
///
/// let mut scores = ConfidenceSequence::mean();
/// scores.update_many(&[0.8, 0.9, 0.7, 0.85].repeat(100))?;
/// let interval = scores.interval(0.95)?;
/// assert!(interval.contains(0.8125) && interval.width() < 0.08);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfidenceSequence {
    drift: Drift,
    past: Spread,
    block: Spread,
}

impl ConfidenceSequence {
    /// A sequence for the mean of values in [0, 1].
    pub const fn mean() -> Self {
        Self { drift: Drift::new(), past: Spread::guess(1.0, 0.5, 0.0), block: Spread::guess(0.0, 0.0, 0.0) }
    }

    /// Takes in a value.
    ///
    /// # Errors
    ///
    /// Unless it is in [0, 1].
    pub fn update(&mut self, value: f64) -> Result<(), StatisticsError> {
        super::mean_test::unit("value", &[value])?;
        self.absorb(value);
        Ok(())
    }

    /// Takes in values.
    ///
    /// # Errors
    ///
    /// Unless all are in [0, 1]; then nothing is taken in.
    pub fn update_many(&mut self, values: &[f64]) -> Result<(), StatisticsError> {
        super::mean_test::unit("values", values)?;
        for value in values {
            self.absorb(*value);
        }
        Ok(())
    }

    /// Takes in what another sequence saw of other values.
    pub fn merge(&mut self, other: &Self) {
        self.close_block();
        self.drift.merge(&other.closed_drift());
        let mut theirs = other.past;
        theirs.merge(&other.block);
        self.past.merge(&theirs);
    }

    /// The mean so far; `None` without values.
    pub fn estimate(&self) -> Option<f64> {
        self.closed_drift().mean()
    }

    /// The interval now.
    ///
    /// # Errors
    ///
    /// Unless `confidence` is in (0, 1).
    pub fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        self.closed_drift().interval(confidence, 0.0, 1.0)
    }

    /// A sequence that saw so many ones among so many values, expected to be `guess` of them.
    pub(super) fn of_share(ones: f64, total: f64, guess: f64) -> Self {
        let mut sequence = Self::mean();
        if total > 0.0 {
            let (mean, past) = (ones / total, Spread::guess(1.0, guess, 0.0));
            sequence.block = Spread::guess(total, mean, mean * (1.0 - mean));
            sequence.past = past;
        }
        sequence
    }

    fn absorb(&mut self, value: f64) {
        self.block.add(value);
        if self.block.n >= BLOCK {
            self.close_block();
        }
    }

    fn close_block(&mut self) {
        self.drift = self.closed_drift();
        self.past.merge(&self.block);
        self.block = Spread::default();
    }

    fn closed_drift(&self) -> Drift {
        let mut drift = self.drift.clone();
        if self.block.n > 0.0 {
            drift.shift(self.block.mean, self.block.n);
            drift.penalise(&self.block, self.past.mean, 1.0);
        }
        drift
    }
}
