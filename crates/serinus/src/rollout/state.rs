//! Everything a rollout remembers, as one value that a journal can keep.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Phase;
use super::effect::CallId;
use super::held::Held;
use super::outcome::Outcome;
use crate::clock::Timestamp;
use crate::evaluate::Evaluation;
use crate::host::HostCall;
use crate::plan::Allocation;
use crate::rollback::{RollbackStep, StepTaken};

/// Everything a rollout remembers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RolloutState {
    pub(super) phase: Phase,
    pub(super) started_at: Timestamp,
    pub(super) held: Held,
    /// When the phase began, on the held clock.
    pub(super) phase_since: Duration,
    /// What is loaded and how traffic is shared, as confirmed.
    pub(super) allocation: Allocation,
    /// Whether the splitter knows the canary.
    pub(super) admitted: bool,
    pub(super) goal: Goal,
    pub(super) last_call: u64,
    pub(super) task: Option<Task>,
    /// Calls whose answer is no longer waited for.
    pub(super) given_up: BTreeMap<CallId, HostCall>,
    pub(super) stage: StageProgress,
    pub(super) stages_passed: usize,
    /// Why the rollout waits for a person, if it does.
    pub(super) paused: Option<String>,
    pub(super) approved: bool,
    pub(super) gate_skipped: bool,
    pub(super) evaluation: Option<Box<Evaluation>>,
    pub(super) departure: Option<Departure>,
    /// What a person has been told to look at.
    pub(super) alerted: BTreeSet<String>,
    pub(super) warnings: Vec<String>,
    pub(super) outcome: Option<Box<Outcome>>,
}

impl RolloutState {
    /// Where the rollout stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Stages that the canary has passed.
    pub fn stages_passed(&self) -> usize {
        self.stages_passed
    }

    /// Why it waits for a person, or why a version is on its way out.
    pub(crate) fn waits_or_leaves(&self) -> Option<&str> {
        let leaves = self.departure.as_ref().map(|departure| departure.reason.as_str());
        self.paused.as_deref().or(leaves)
    }
}

/// Where the canary is headed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Goal {
    Shadow,
    Stage(usize),
    Promotion,
}

/// How far a stage has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StageProgress {
    pub(super) held: Duration,
    /// `held` when the longest hold began to count: at first, or when a person let the stage go on.
    pub(super) counted_from: Duration,
    /// Canary requests that had been judged when the stage began.
    pub(super) requests_before: u64,
    /// Whether a crash interrupted the stage: it goes on once the canary is back.
    pub(super) interrupted: bool,
}

/// A call that has been asked for and not answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) id: CallId,
    pub(super) kind: TaskKind,
    /// When it was first asked for, on the held clock.
    pub(super) since: Duration,
    pub(super) deadline: Duration,
    pub(super) attempts: u32,
    /// When it is to be asked for again, if it failed.
    pub(super) again_at: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TaskKind {
    Host(HostCall),
    TrafficShift,
    Drain,
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(call) => write!(f, "{call}"),
            Self::TrafficShift => f.write_str("shifting traffic"),
            Self::Drain => f.write_str("draining"),
        }
    }
}

/// A version on its way out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Departure {
    pub(super) leaving: Side,
    pub(super) reason: String,
    pub(super) aborted: bool,
    pub(super) decided_at: Timestamp,
    /// What the evaluator saw when it was decided.
    pub(super) evaluation: Option<Box<Evaluation>>,
    pub(super) taken: Vec<StepTaken>,
    pub(super) current: Option<(RollbackStep, Duration)>,
}

impl Departure {
    /// Whether this step has been taken or is being taken.
    pub(super) fn has_come_to(&self, step: RollbackStep) -> bool {
        let taken = self.taken.iter().map(|taken| taken.step);
        taken.chain(self.current.map(|(current, _)| current)).any(|taken| taken == step)
    }
}

/// One of the two versions of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Side {
    Stable,
    Canary,
}
