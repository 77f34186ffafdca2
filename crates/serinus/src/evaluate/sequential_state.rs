//! An evaluator's evidence, to be kept over a restart.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::sequential::Course;
use super::watch::WatchState;
use crate::model::VersionId;

/// All that a [`SequentialEvaluator`](super::SequentialEvaluator) has learnt, as one value that can be stored. A restarted
/// process gives it to [`SequentialBuilder::resume`](super::SequentialBuilder::resume) and goes on under the same budget.
///
/// Not in it: the open block, whose requests died with the process, and the window that describes the latest requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SequentialState {
    pub(super) stable: VersionId,
    pub(super) canary: VersionId,
    pub(super) course: Course,
    pub(super) watches: Vec<WatchState>,
}

/// Stored evidence is not of the rollout that is to go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StateError {
    /// It is of other versions.
    #[error("the evidence is of {canary} against {stable}, expected {expected_canary} against {expected_stable}")]
    OtherVersions {
        /// The stable version in it.
        stable: VersionId,
        /// The canary in it.
        canary: VersionId,
        /// The stable version of this evaluator.
        expected_stable: VersionId,
        /// The canary of this evaluator.
        expected_canary: VersionId,
    },
    /// It is of other guardrails, or of the same with other margins.
    #[error("the evidence is on {got}, expected {expected}; guardrails and margins stay the same for a whole rollout")]
    OtherGuardrails {
        /// What the evidence is on.
        got: String,
        /// What this evaluator watches.
        expected: String,
    },
}
