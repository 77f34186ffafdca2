//! How a rollout ended.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::model::VersionId;
use crate::rollback::RollbackRecord;

/// How a rollout ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The new version serves alone.
    Completed,
    /// The update was found wanting; the old version serves alone.
    RolledBack,
    /// A person called it off; the old version serves alone.
    Aborted,
    /// The old version serves, but not at full strength: a person must act.
    Failed,
}

/// How a rollout ended, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// Why, in words and numbers.
    pub reason: String,
    /// The version that has the traffic.
    pub serving: VersionId,
    /// Stages that the canary passed.
    pub stages_passed: usize,
    /// The way back, if it was taken.
    pub rollback: Option<RollbackRecord>,
    /// What did not go as planned on the way and is left to look at.
    pub warnings: Vec<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
}
