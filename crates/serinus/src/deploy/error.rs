//! Why a deployment does not begin, or a word to it was not taken.

use thiserror::Error;

use crate::evaluate::EvaluatorError;
use crate::journal::JournalError;
use crate::model::VersionId;
use crate::plan::PlanError;
use crate::rollout::{Phase, RolloutError};

/// A deployment that did not begin, or a command that it did not take. What serves goes on serving.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeployError {
    /// The rollout refused it.
    #[error(transparent)]
    Rollout(#[from] RolloutError),
    /// The plan's margins and budgets do not make an evaluator.
    #[error("the plan cannot be evaluated: {0}")]
    Evaluator(#[from] EvaluatorError),
    /// A shadow does not fit the plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The plan has a shadow, and nobody can try prompts on the canary.
    #[error(
        "the plan has a shadow, but the deployment has no reviewer with a judge and a host that generates: give it one, or take \
         the plan without a shadow"
    )]
    NoShadow,
    /// The splitter of a process that begins anew serves another version than the rollout that is to go on.
    #[error(
        "{rollout} was {phase} when its process ended, so {expected} has the traffic, and the splitter begins with {found}: load \
         {expected}, begin with all traffic on it (History::serving names it), and recover then"
    )]
    WrongTable {
        /// The rollout.
        rollout: String,
        /// Where it stood.
        phase: Phase,
        /// The version that is to have all traffic.
        expected: VersionId,
        /// What has traffic instead.
        found: String,
    },
    /// The first line of the journal could not be written, or what was to be recovered could not be read. Nothing was begun.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The driver was [stopped](super::Controls::stop) before the rollout had ended.
    #[error(
        "the driver was stopped before the rollout had ended: traffic is on the old version, as long as that serves, and the \
         journal has the rollout, to be recovered from it"
    )]
    Stopped,
}
