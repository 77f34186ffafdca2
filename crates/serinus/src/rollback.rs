//! The way back: in which order a version leaves.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::evaluate::Evaluation;
use crate::model::VersionId;

/// One step of leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollbackStep {
    /// All traffic and all pins leave the version, in one publication.
    ShiftTraffic,
    /// Wait for the requests in flight.
    Drain {
        /// At most this long.
        timeout: Duration,
    },
    /// Stop the requests that are left; their holders retry them on the version that stays.
    Cancel {
        /// How long they have for that.
        grace: Duration,
    },
    /// Free the GPUs.
    Unload,
    /// Bring the version that stays back to its full number of replicas.
    Restore,
}

impl fmt::Display for RollbackStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ShiftTraffic => "shifting traffic",
            Self::Drain { .. } => "draining",
            Self::Cancel { .. } => "cancelling",
            Self::Unload => "unloading",
            Self::Restore => "restoring replicas",
        })
    }
}

/// A step that has been taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTaken {
    /// The step.
    pub step: RollbackStep,
    /// How long it took.
    pub took: Duration,
    /// What went wrong, if it did not succeed (a drain that did not end in time is one that did not).
    pub problem: Option<String>,
}

/// In which order a version leaves.
///
/// # Contract
///
/// A pure function of the steps taken so far; `None` ends the rollback. The first step must be
/// [`ShiftTraffic`](RollbackStep::ShiftTraffic): the rollout takes it first in any case. A step that fails is recorded
/// and the next one is asked for; it is not repeated unless you ask for it again. Unloading without a drain or a cancel
/// before it cuts requests off.
pub trait RollbackOrchestrator: Send + Sync + fmt::Debug {
    /// The next step.
    fn next_step(&self, taken: &[StepTaken]) -> Option<RollbackStep>;
}

/// The default order: traffic, drain, cancel what is left at the deadline, unload, restore.
///
/// ```
/// use std::time::Duration;
/// use serinus::rollback::{DrainingRollback, RollbackOrchestrator, RollbackStep};
///
/// let way_back = DrainingRollback { drain_timeout: Duration::from_secs(30), cancel_grace: Duration::from_secs(5) };
/// assert_eq!(way_back.next_step(&[]), Some(RollbackStep::ShiftTraffic));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainingRollback {
    /// How long requests in flight may take to end by themselves.
    pub drain_timeout: Duration,
    /// How long cancelled requests have to let go.
    pub cancel_grace: Duration,
}

impl Default for DrainingRollback {
    fn default() -> Self {
        Self { drain_timeout: Duration::from_secs(30), cancel_grace: Duration::from_secs(5) }
    }
}

impl RollbackOrchestrator for DrainingRollback {
    fn next_step(&self, taken: &[StepTaken]) -> Option<RollbackStep> {
        let Some(last) = taken.last() else {
            return Some(RollbackStep::ShiftTraffic);
        };
        match last.step {
            RollbackStep::ShiftTraffic => Some(RollbackStep::Drain { timeout: self.drain_timeout }),
            RollbackStep::Drain { .. } if last.problem.is_some() => {
                Some(RollbackStep::Cancel { grace: self.cancel_grace })
            }
            RollbackStep::Drain { .. } | RollbackStep::Cancel { .. } => Some(RollbackStep::Unload),
            RollbackStep::Unload => Some(RollbackStep::Restore),
            RollbackStep::Restore => None,
        }
    }
}

/// How long the parts of a rollback took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RollbackTiming {
    /// From the decision until the routing table had changed.
    pub traffic_shift_ms: f64,
    /// Until no request was in flight, cancelling included.
    pub drain_ms: f64,
    /// Until the GPUs were free.
    pub unload_ms: f64,
    /// All of it, the replicas of the version that stays included.
    pub total_ms: f64,
}

impl RollbackTiming {
    /// From the steps taken.
    pub fn of(taken: &[StepTaken]) -> Self {
        let sum = |counts: fn(&RollbackStep) -> bool| {
            taken.iter().filter(|taken| counts(&taken.step)).map(|taken| taken.took.as_secs_f64() * 1e3).sum()
        };
        Self {
            traffic_shift_ms: sum(|step| matches!(step, RollbackStep::ShiftTraffic)),
            drain_ms: sum(|step| matches!(step, RollbackStep::Drain { .. } | RollbackStep::Cancel { .. })),
            unload_ms: sum(|step| matches!(step, RollbackStep::Unload)),
            total_ms: sum(|_| true),
        }
    }
}

/// What is kept of a rollback. It is written whatever became of the later steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RollbackRecord {
    /// When it was decided.
    pub at: Timestamp,
    /// The version that stays.
    pub stable: VersionId,
    /// The version that left.
    pub canary: VersionId,
    /// Why, in words and numbers.
    pub reason: String,
    /// What the evaluator saw.
    pub evaluation: Option<Evaluation>,
    /// The steps, each with its time and what went wrong.
    pub steps: Vec<StepTaken>,
    /// How long the parts took.
    pub timing: RollbackTiming,
}

#[cfg(test)]
mod tests {
    use super::RollbackStep::{Cancel, Drain, Restore, ShiftTraffic, Unload};
    use super::*;

    fn walk(drained: bool) -> Vec<RollbackStep> {
        let mut taken = Vec::new();
        while let Some(step) = DrainingRollback::default().next_step(&taken) {
            let late = matches!(step, RollbackStep::Drain { .. }) && !drained;
            let problem = late.then(|| "3 requests in flight".to_owned());
            taken.push(StepTaken { step, took: Duration::from_millis(2), problem });
        }
        taken.into_iter().map(|taken| taken.step).collect()
    }

    #[test]
    fn requests_are_cancelled_only_if_they_do_not_end_by_themselves() {
        let (drain, cancel) = (Duration::from_secs(30), Duration::from_secs(5));
        assert_eq!(walk(true), [ShiftTraffic, Drain { timeout: drain }, Unload, Restore]);
        assert_eq!(walk(false), [ShiftTraffic, Drain { timeout: drain }, Cancel { grace: cancel }, Unload, Restore]);
    }
}
