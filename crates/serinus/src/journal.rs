//! What a rollout has decided, written down before it is done.

mod memory;

pub use memory::MemoryJournal;

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

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

/// The journal could not be written or read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the journal failed: {0}")]
pub struct JournalError(pub String);

/// Where a rollout writes its decisions before it carries them out.
///
/// # Contract
///
/// When `append` returns, the entry survives the process. Entries of one rollout come back in the order in which they
/// were appended. `append` may block; it is called on the control path only. A journal that fails stops the next step
/// of a rollout, which then goes back to the old version; it never stops a rollback. No entry holds a secret, a prompt
/// or a response.
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
}
