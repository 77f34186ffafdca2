//! What a rollout refuses.

use thiserror::Error;

use super::Phase;

/// An input that a rollout refused. It stands as it was.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RolloutError {
    /// It was started before.
    #[error("the rollout has been started already; it is {phase}")]
    AlreadyStarted {
        /// Where it stands.
        phase: Phase,
    },
    /// The command does not fit the phase.
    #[error("cannot {command} while the rollout is {phase}; possible {possible}")]
    WrongPhase {
        /// The command, as a verb.
        command: &'static str,
        /// Where it stands.
        phase: Phase,
        /// When it can be given.
        possible: &'static str,
    },
    /// Its driver was stopped or dropped, so nobody would carry the command out.
    #[error(
        "the rollout is {phase} and its driver has gone: recover the rollout from its journal, and say it to the driver that goes on"
    )]
    NoDriver {
        /// Where it stands.
        phase: Phase,
    },
    /// The canary has not been proven healthy.
    #[error("cannot promote: the canary is not proven healthy ({reasons}); wait, or skip the gate with dangerous()")]
    NotHealthy {
        /// What the evaluation says.
        reasons: String,
    },
    /// The version that the splitter serves is not the one that the plan starts from.
    #[error("the plan starts from {expected}, but the splitter serves {serving}; make a plan from what is served")]
    WrongBase {
        /// The plan's current version.
        expected: String,
        /// What is served.
        serving: String,
    },
}
