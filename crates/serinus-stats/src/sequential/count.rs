//! Trials, and how many of them failed.

use serde::{Deserialize, Serialize};

use crate::StatisticsError;

/// Trials, and how many of them failed. Counts saturate instead of overflowing, failures never exceed trials.
///
/// ```
/// use serinus_stats::sequential::Count;
///
/// let mut count = Count::new(3, 100)?;
/// count.add_trial(true);
/// assert_eq!((count.failures(), count.trials()), (4, 101));
/// assert!(Count::new(3, 2).is_err());
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Count {
    failures: u64,
    trials: u64,
}

#[derive(Serialize, Deserialize)]
struct Raw {
    failures: u64,
    trials: u64,
}

impl Count {
    /// This many failures in this many trials.
    ///
    /// # Errors
    ///
    /// If there are more failures than trials.
    pub fn new(failures: u64, trials: u64) -> Result<Self, StatisticsError> {
        if failures > trials {
            let got = failures as f64;
            return Err(StatisticsError { argument: "failures", expected: "at most the number of trials", got });
        }
        Ok(Self { failures, trials })
    }

    /// Trials that failed.
    pub const fn failures(self) -> u64 {
        self.failures
    }

    /// All trials.
    pub const fn trials(self) -> u64 {
        self.trials
    }

    /// The share that failed, in [0, 1]; `None` without trials.
    pub fn rate(self) -> Option<f64> {
        (self.trials > 0).then(|| self.failures as f64 / self.trials as f64)
    }

    /// Adds one trial.
    pub fn add_trial(&mut self, failed: bool) {
        self.merge(Self { failures: u64::from(failed), trials: 1 });
    }

    /// Adds the trials of another count.
    pub fn merge(&mut self, other: Self) {
        self.failures = self.failures.saturating_add(other.failures);
        self.trials = self.trials.saturating_add(other.trials);
    }
}

impl TryFrom<Raw> for Count {
    type Error = StatisticsError;

    fn try_from(raw: Raw) -> Result<Self, Self::Error> {
        Self::new(raw.failures, raw.trials)
    }
}

impl From<Count> for Raw {
    fn from(count: Count) -> Self {
        Self { failures: count.failures, trials: count.trials }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_saturate() {
        let mut count = Count::new(u64::MAX, u64::MAX).unwrap();
        count.merge(Count::new(1, 5).unwrap());
        assert_eq!((count.failures(), count.trials()), (u64::MAX, u64::MAX));
    }

    #[test]
    fn serde_refuses_more_failures_than_trials() {
        assert!(serde_json::from_str::<Count>(r#"{"failures":3,"trials":2}"#).is_err());
        let count: Count = serde_json::from_str(r#"{"failures":2,"trials":3}"#).unwrap();
        assert_eq!(count.rate(), Some(2.0 / 3.0));
    }
}
