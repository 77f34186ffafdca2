//! How far a test has come.

use serde::{Deserialize, Serialize};

use crate::model::VersionId;

/// Nothing is said of an arm with fewer scores.
pub(super) const MIN_SAMPLES: u64 = 30;

/// How far a test has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// An arm has fewer than 30 scores; nothing is said.
    InsufficientData,
    /// Every arm has 30 scores, and not all have their planned sample.
    Running,
    /// Every arm has its planned sample.
    Complete,
}

/// A test's running status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AbStatus {
    /// How far it has come.
    pub progress: Progress,
    /// Each arm, the control first.
    pub arms: Vec<ArmProgress>,
    /// Of the planned sample, in the arm that has the least of its own; in [0, 1].
    pub fraction: f64,
}

/// How far an arm has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmProgress {
    /// Whose it is.
    pub version: VersionId,
    /// Users who were given it, as far as they were counted.
    pub assigned: u64,
    /// Scores taken in.
    pub samples: u64,
    /// Scores planned.
    pub target: u64,
}

impl AbStatus {
    pub(super) fn of(arms: Vec<ArmProgress>) -> Self {
        let fraction = |arm: &ArmProgress| (arm.samples as f64 / arm.target as f64).min(1.0);
        let progress = if arms.iter().any(|arm| arm.samples < MIN_SAMPLES) {
            Progress::InsufficientData
        } else if arms.iter().all(|arm| arm.samples >= arm.target) {
            Progress::Complete
        } else {
            Progress::Running
        };
        Self { progress, fraction: arms.iter().map(fraction).fold(1.0, f64::min), arms }
    }

    /// Whether every arm has its planned sample.
    pub fn is_complete(&self) -> bool {
        self.progress == Progress::Complete
    }
}
