//! What a reviewer has done, for dashboards.

use serde::{Deserialize, Serialize};

use super::JudgeError;
use crate::observe::Arm;

/// What a reviewer has done since it was made. Counters only rise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReviewStats {
    /// Of the stable version's answers.
    pub stable: VersionReviews,
    /// Of the canary's answers.
    pub canary: VersionReviews,
    /// Prompts that were answered on both versions and compared.
    pub pairs: u64,
    /// Of these, those in which the judge's preference flipped with the order: position bias.
    pub flipped: u64,
    /// Replays that the canary did not answer.
    pub replays_failed: u64,
    /// Sampled requests that had no review by the deadline.
    pub missing: u64,
    /// Prompts and answers held at this moment.
    pub held: u64,
    /// Calls that failed because the judge was unavailable.
    pub judge_unavailable: u64,
    /// Calls whose answer could not be understood.
    pub judge_unparsable: u64,
    /// Calls that were not made as the budget was used up.
    pub judge_out_of_budget: u64,
    /// Requests that could not be judged, as they lack what the judgement would rest on.
    pub judge_not_applicable: u64,
    /// Calls that the judge refused.
    pub judge_refused: u64,
    /// Words of users that found their request.
    pub feedback: u64,
    /// Words of users that came too late.
    pub feedback_late: u64,
    /// Words of users on requests that are not known, or no longer.
    pub feedback_unknown: u64,
}

/// What a reviewer has done with one version's answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VersionReviews {
    /// Requests taken into the sample.
    pub sampled: u64,
    /// Of these, those that were judged or checked.
    pub reviewed: u64,
    /// Those that ended without an answer.
    pub unanswered: u64,
    /// Those that were let go as too many were held.
    pub crowded_out: u64,
    /// Those that the redactor kept back.
    pub kept_back: u64,
    /// Those that were judged too late.
    pub late: u64,
}

impl ReviewStats {
    pub(super) const fn version(&mut self, arm: Arm) -> &mut VersionReviews {
        match arm {
            Arm::Stable => &mut self.stable,
            Arm::Canary => &mut self.canary,
        }
    }

    pub(super) const fn count_failure(&mut self, error: &JudgeError) {
        match error {
            JudgeError::Unavailable(_) => self.judge_unavailable += 1,
            JudgeError::Unparsable(_) => self.judge_unparsable += 1,
            JudgeError::OutOfBudget(_) => self.judge_out_of_budget += 1,
            JudgeError::NotApplicable(_) => self.judge_not_applicable += 1,
            JudgeError::Refused(_) => self.judge_refused += 1,
        }
    }

    /// Calls that gave no judgement, for whatever reason.
    pub const fn judge_failures(&self) -> u64 {
        let unheard = self.judge_unavailable + self.judge_unparsable + self.judge_out_of_budget;
        unheard + self.judge_not_applicable + self.judge_refused
    }
}
