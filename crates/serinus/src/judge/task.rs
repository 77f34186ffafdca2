//! What is to be judged, and what came of it.

use super::rounds::Place;
use crate::clock::Timestamp;
use crate::host::{Answer, Prompt};
use crate::model::VersionId;
use crate::observe::{Outcome, Pair};

/// A request that was taken into the sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) comparison: u64,
    pub(super) place: Place,
    pub(super) purpose: Purpose,
    pub(super) stratum: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Its answer is judged.
    Score,
    /// Its prompt is tried on the canary.
    Replay,
}

/// Work for whoever judges.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) taken: Taken,
    pub(super) prompt: Prompt,
    pub(super) answer: Answer,
    pub(super) since: Timestamp,
    /// Where it is to be tried.
    pub(super) canary: VersionId,
}

/// What came of a task.
#[derive(Debug)]
pub(super) enum Review {
    KeptBack,
    Score(Outcome),
    Pair {
        stable: Outcome,
        canary: Outcome,
        verdict: Option<(Pair, bool)>,
    },
    /// The canary gave no answer.
    NoReplay,
}
