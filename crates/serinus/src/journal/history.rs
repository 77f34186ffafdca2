//! A journal as a person reads it: one value for each rollout.

use serde::{Deserialize, Serialize};

use super::{Entry, Journal, JournalError, Record};
use crate::clock::Timestamp;
use crate::model::VersionId;
use crate::rollback::RollbackTiming;
use crate::rollout::{Phase, Status};

/// What became of a rollout, read off any journal, also while the rollout goes on.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use serinus::deploy::Deployment;
/// use serinus::host::MemoryHost;
/// use serinus::journal::{History, MemoryJournal};
/// use serinus::model::ModelVersion;
/// use serinus::plan::{Fleet, RiskPlanner, UpdatePlanner};
/// use serinus::rollout::Status;
/// use serinus::route::{HashSplitter, Weights};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let v1 = ModelVersion::builder("chat", "v1").base_model("llama-8b").weight_hash("aa").gpu_memory_gb(16.0).build()?;
/// # let v2 = v1.to_builder().version("v2").config_hash("c2").build()?;
/// # let fleet = Fleet::new(5, 24.0)?;
/// # let plan = RiskPlanner::default().plan(&v1, &v2, &fleet)?;
/// # let host = Arc::new(MemoryHost::serving(fleet, &v1));
/// # let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(v1.version())));
/// let journal = Arc::new(MemoryJournal::default());
/// let deployment = Deployment::builder(plan, host, splitter).journal(journal.clone());
/// deployment.tick(Duration::from_millis(5)).build()?.run()?;
///
/// let last = History::last(&*journal)?.expect("a rollout");
/// assert_eq!(last.status, Some(Status::Completed));
/// assert_eq!(last.serving.as_str(), "v2");
/// println!("{}", serde_json::to_string_pretty(&last)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct History {
    /// The rollout's name.
    pub rollout: String,
    /// The version that it began from.
    pub current: VersionId,
    /// The version that it was to lead to.
    pub target: VersionId,
    /// When its plan was written down.
    pub began_at: Timestamp,
    /// When its latest entry was written.
    pub last_entry_at: Timestamp,
    /// When it ended; `None` while it goes on, and of one whose process died and was not recovered.
    pub ended_at: Option<Timestamp>,
    /// Where it stood at its latest entry.
    pub phase: Phase,
    /// How it ended.
    pub status: Option<Status>,
    /// Why it ended so, or why it goes back or waits for a person.
    pub reason: Option<String>,
    /// The version that has the traffic. A process that begins anew begins with it; while a canary has a share, that is the
    /// old one.
    pub serving: VersionId,
    /// Stages that the canary has passed.
    pub stages_passed: usize,
    /// Stages of the plan.
    pub stages: usize,
    /// How long the rollback took, if there was one.
    pub rollback: Option<RollbackTiming>,
    /// How many times another process went on with it.
    pub recoveries: usize,
    /// What did not go as planned and is left to look at.
    pub warnings: Vec<String>,
}

impl History {
    /// Of all rollouts, in the order in which they began.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the journal cannot be read.
    pub fn all(journal: &dyn Journal) -> Result<Vec<Self>, JournalError> {
        let rollouts = journal.rollouts()?;
        rollouts.iter().filter_map(|rollout| Self::of(journal, rollout).transpose()).collect()
    }

    /// Of the rollout that began last.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the journal cannot be read.
    pub fn last(journal: &dyn Journal) -> Result<Option<Self>, JournalError> {
        journal.rollouts()?.last().map_or(Ok(None), |rollout| Self::of(journal, rollout))
    }

    /// Of one rollout; `None` if it is not known.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the journal cannot be read.
    pub fn of(journal: &dyn Journal, rollout: &str) -> Result<Option<Self>, JournalError> {
        let entries = journal.entries(rollout)?;
        let Some(mut history) = entries.first().and_then(Self::begun) else { return Ok(None) };
        for entry in &entries {
            history.read(entry);
        }
        Ok(Some(history))
    }

    /// Whether it goes on, or was never ended.
    pub fn is_unfinished(&self) -> bool {
        self.ended_at.is_none()
    }

    fn begun(entry: &Entry) -> Option<Self> {
        let Record::Begun(plan) = &entry.what else { return None };
        let current = plan.current().version().clone();
        Some(Self {
            rollout: entry.rollout.clone(),
            target: plan.target().version().clone(),
            serving: current.clone(),
            current,
            began_at: entry.at,
            last_entry_at: entry.at,
            ended_at: None,
            phase: Phase::Planned,
            status: None,
            reason: None,
            stages_passed: 0,
            stages: plan.stages().len(),
            rollback: None,
            recoveries: 0,
            warnings: Vec::new(),
        })
    }

    fn read(&mut self, entry: &Entry) {
        self.last_entry_at = entry.at;
        match &entry.what {
            Record::Begun(_) => {}
            Record::Decided { state, effects } => {
                self.phase = state.phase();
                self.stages_passed = state.stages_passed();
                self.reason = state.waits_or_leaves().map(str::to_owned);
                let serving = if self.phase.is_promoted() { &self.target } else { &self.current };
                self.serving = serving.clone();
                self.recoveries += effects.iter().filter(|effect| effect.is_recovery()).count();
            }
            Record::RolledBack(record) => {
                self.rollback = Some(record.timing);
                self.reason = Some(record.reason.clone());
            }
            Record::Finished(outcome) => {
                self.ended_at = Some(entry.at);
                self.status = Some(outcome.status);
                self.reason = Some(outcome.reason.clone());
                self.serving = outcome.serving.clone();
                self.warnings.clone_from(&outcome.warnings);
            }
        }
    }
}
