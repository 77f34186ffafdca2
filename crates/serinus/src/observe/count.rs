use serde::{Deserialize, Serialize};

/// Failures among trials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    failures: u64,
    trials: u64,
}

impl Count {
    /// Trials that failed.
    pub const fn failures(self) -> u64 {
        self.failures
    }

    /// All trials.
    pub const fn trials(self) -> u64 {
        self.trials
    }

    /// Adds one trial.
    pub fn add_trial(&mut self, failed: bool) {
        self.trials += 1;
        self.failures += u64::from(failed);
    }

    /// Adds another count to this one.
    pub fn merge(&mut self, other: Self) {
        self.failures = self.failures.saturating_add(other.failures);
        self.trials = self.trials.saturating_add(other.trials);
    }
}
