//! What can be wrong with a journal.

use std::path::PathBuf;

use thiserror::Error;

/// The journal could not be written or read. It says what was wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another process, or another part of this one, has the file open for writing.
    #[error(
        "{path} is in use: another process or deployment writes to it; share one journal inside a process, give each process its own, and read one that is in use with RedbJournal::reader"
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A later release wrote the file.
    #[error(
        "{path} has format {found}, and this release knows formats up to {known}: use the release that wrote it or a later one; the file is unchanged"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The latest format that this release knows.
        known: u64,
    },
    /// A release that is too old wrote the file.
    #[error(
        "{path} has format {found}, and this release migrates formats from {oldest} on: open it once with a release between the two; the file is unchanged"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The oldest format that this release can migrate.
        oldest: u64,
    },
    /// The file is something else.
    #[error("{path} is not a journal: {found}; name another file, this one is unchanged")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// The file was a journal, and something has damaged it.
    #[error(
        "{path} is damaged: {problem}; what serves goes on serving. Move the file away and begin a new journal, or restore a copy of it; a rollout that was under way must be ended by hand"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not hold.
        problem: String,
    },
    /// There is no room left.
    #[error("no room for {path} ({problem}): free some space on its disk; nothing that was written before is lost")]
    Full {
        /// The file.
        path: PathBuf,
        /// What the system said.
        problem: String,
    },
    /// The file could not be reached.
    #[error("{path} cannot be {doing}: {problem}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried, as a participle.
        doing: &'static str,
        /// What the system said.
        problem: String,
    },
    /// It was opened for reading.
    #[error("{path} was opened for reading; open it with RedbJournal::open to write")]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// There is no such rollout.
    #[error("the journal knows no rollout {rollout:?}")]
    UnknownRollout {
        /// The name that was asked for.
        rollout: String,
    },
    /// An entry does not follow the one before it.
    #[error(
        "rollout {rollout:?} has {expected} entries, and entry {got} was to be appended: two drivers write to it, or an entry was lost"
    )]
    OutOfOrder {
        /// The rollout.
        rollout: String,
        /// The number of the entry that is missing.
        expected: u64,
        /// The number that it has.
        got: u64,
    },
    /// What a journal of one's own says.
    #[error("the journal failed: {0}")]
    Other(String),
}

impl JournalError {
    /// An error of a journal of one's own.
    ///
    /// ```
    /// use serinus::journal::JournalError;
    ///
    /// assert_eq!(JournalError::other("the table is gone").to_string(), "the journal failed: the table is gone");
    /// ```
    pub fn other(problem: impl Into<String>) -> Self {
        Self::Other(problem.into())
    }
}
