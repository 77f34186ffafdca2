//! What a rollout has decided, written down before it is done.

mod error;
mod history;
mod memory;
#[cfg(feature = "redb")]
mod redb;

pub use error::JournalError;
pub use history::History;
pub use memory::MemoryJournal;
#[cfg(feature = "redb")]
pub use redb::{RedbJournal, RedbReader, Retention};

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::plan::UpdatePlan;
use crate::rollback::RollbackRecord;
use crate::rollout::{Effect, Outcome, RolloutState};

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The rollout that it belongs to.
    pub rollout: String,
    /// Its number within the rollout, from 0.
    pub sequence: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    pub what: Record,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A rollout of this plan begins.
    Begun(Box<UpdatePlan>),
    /// The rollout has come to this state and is about to do this.
    Decided {
        /// Everything that it remembers.
        state: Box<RolloutState>,
        /// What it asks for.
        effects: Vec<Effect>,
    },
    /// A rollback, whatever became of its later steps.
    RolledBack(Box<RollbackRecord>),
    /// The rollout has ended.
    Finished(Box<Outcome>),
}

/// How far a rollout has come between two decisions: the time that a stage has been held, and the evidence. It is no entry;
/// only the latest is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The rollout that it belongs to.
    pub rollout: String,
    /// The entries that were written before it.
    pub entries: u64,
    /// When it was taken.
    pub at: Timestamp,
    /// Everything that the rollout remembers.
    pub state: Box<RolloutState>,
    /// What its evaluator has learnt; see [`CanaryEvaluator::evidence`](crate::evaluate::CanaryEvaluator::evidence).
    pub evidence: Option<serde_json::Value>,
}

/// Where a rollout writes its decisions before it carries them out.
///
/// # Contract
///
/// When `append` returns, the entry survives the process. Entries of one rollout come back in the order in which they
/// were appended. `append` may block; it is called on the control path only. A journal that fails stops the next step
/// of a rollout, which then goes back to the old version; it never stops a rollback. No entry holds a secret, a prompt
/// or a response.
///
/// Keeping snapshots is optional, and one that could not be kept stops nothing. Without any, a rollout that is recovered holds
/// the stage that was under way from its beginning, with fresh evidence.
pub trait Journal: Send + Sync + fmt::Debug {
    /// Keeps an entry.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if it is not certain that it was kept.
    fn append(&self, entry: &Entry) -> Result<(), JournalError>;

    /// The names of all rollouts, in the order in which they began.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if they cannot be read.
    fn rollouts(&self) -> Result<Vec<String>, JournalError>;

    /// The entries of a rollout, in order; none if it is not known.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if they cannot be read.
    fn entries(&self, rollout: &str) -> Result<Vec<Entry>, JournalError>;

    /// Keeps how far a rollout has come, in the place of what was kept before. It is asked about once a minute. Unless
    /// overridden, nothing is kept.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if it is not certain that it was kept.
    fn keep(&self, snapshot: &Snapshot) -> Result<(), JournalError> {
        let _ = snapshot;
        Ok(())
    }

    /// The latest snapshot of a rollout, if one was kept.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if it cannot be read.
    fn snapshot(&self, rollout: &str) -> Result<Option<Snapshot>, JournalError> {
        let _ = rollout;
        Ok(None)
    }
}
