//! The rollout: a pure state machine from a plan to an end.
//!
//! [`Rollout::handle`] takes an [`Input`] and the time, and gives [`Effect`]s. When to go from stage to stage is the
//! [`RolloutPolicy`]'s to say.

mod advance;
mod calls;
mod effect;
mod error;
mod held;
mod input;
mod judge;
mod leave;
mod machine;
mod operate;
mod outcome;
mod phase;
mod policy;
mod recover;
mod state;

pub use effect::{CallId, Effect, Progress};
pub use error::RolloutError;
pub use input::{Command, Input};
pub use machine::Rollout;
pub use operate::Dangerous;
pub use outcome::{Outcome, Status};
pub use phase::Phase;
pub use policy::{Decision, RolloutPolicy, ShadowView, StageView, StagedPolicy};
pub use state::RolloutState;
