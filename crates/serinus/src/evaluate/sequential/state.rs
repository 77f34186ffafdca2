//! An evaluator's evidence, to be kept over a restart.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Course, SequentialEvaluator};
use crate::evaluate::watch::{Watch, WatchState};
use crate::model::VersionId;

/// All that a [`SequentialEvaluator`](super::SequentialEvaluator) has learnt, as one value that can be stored. A restarted
/// process gives it to [`SequentialBuilder::resume`](crate::evaluate::SequentialBuilder::resume) and goes on under the same budget.
///
/// Not in it: the open block, whose requests died with the process, and the window that describes the latest requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SequentialState {
    stable: VersionId,
    canary: VersionId,
    /// The canary's share of the traffic.
    share: Option<f64>,
    course: Course,
    watches: Vec<WatchState>,
}

impl SequentialEvaluator {
    /// The evidence so far, to be stored. [`SequentialBuilder::resume`](crate::evaluate::SequentialBuilder::resume) goes on from it.
    ///
    /// ```
    /// use serinus::clock::Timestamp;
    /// use serinus::evaluate::{CanaryEvaluator, SequentialEvaluator};
    /// use serinus::model::VersionId;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let builder = || Ok::<_, serinus::model::ModelError>(SequentialEvaluator::builder(VersionId::new("v7")?, VersionId::new("v8")?));
    /// let evaluator = builder()?.build()?;
    /// let stored = serde_json::to_string(&evaluator.state())?;
    ///
    /// let resumed = builder()?.resume(serde_json::from_str(&stored)?)?;
    /// assert_eq!(resumed.evaluate(Timestamp::ZERO), evaluator.evaluate(Timestamp::ZERO));
    /// assert!(builder()?.false_rollback_budget(0.5).resume(evaluator.state()).is_ok(), "budgets may change, guardrails not");
    /// assert!(builder()?.no_default_guardrails().resume(evaluator.state()).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn state(&self) -> SequentialState {
        SequentialState {
            stable: self.stable.clone(),
            canary: self.canary.clone(),
            share: self.feed.share(),
            course: self.course.clone(),
            watches: self.watches.iter().map(Watch::state).collect(),
        }
    }

    pub(in crate::evaluate) fn resume(&mut self, state: SequentialState) -> Result<(), StateError> {
        let SequentialState { stable, canary, share, course, watches } = state;
        if (&stable, &canary) != (&self.stable, &self.canary) {
            let (expected_stable, expected_canary) = (self.stable.clone(), self.canary.clone());
            return Err(StateError::OtherVersions { stable, canary, expected_stable, expected_canary });
        }
        let trigger_fits = course.degraded.is_none_or(|trigger| trigger.watch < self.watches.len());
        if watches.len() != self.watches.len() || !trigger_fits {
            let names = |names: Vec<&str>| names.join(", ");
            return Err(StateError::OtherGuardrails {
                got: names(watches.iter().map(|watch| watch.name.as_str()).collect()),
                expected: names(self.watches.iter().map(Watch::name).collect()),
            });
        }
        for (watch, stored) in self.watches.iter_mut().zip(watches) {
            watch.restore(stored).map_err(|refused| StateError::OtherGuardrails {
                got: format!("{} ({})", refused.name, refused.compares),
                expected: format!("{} ({:?})", watch.name(), watch.guardrail().compares()),
            })?;
        }
        if course.promoted {
            self.feed.canary_alone();
        }
        self.feed.resume_at(share);
        self.course = course;
        Ok(())
    }
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
    /// It is not evidence of this evaluator at all.
    #[error("the evidence cannot be read: {0}")]
    Unreadable(String),
    /// It is of other guardrails, or of the same with other margins.
    #[error("the evidence is on {got}, expected {expected}; guardrails and margins stay the same for a whole rollout")]
    OtherGuardrails {
        /// What the evidence is on.
        got: String,
        /// What this evaluator watches.
        expected: String,
    },
}
