//! What the database says, in the journal's words.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use ::redb::{CommitError, DatabaseError, Error, StorageError, TableError, TransactionError};

use crate::journal::JournalError;

/// What went wrong, before it is known with which file.
#[derive(Debug)]
pub(super) enum Problem {
    Database(Error),
    Io(io::Error),
    Damaged(String),
    Foreign(String),
    Newer { found: u64, known: u64 },
    Older { found: u64, oldest: u64 },
    UnknownRollout { rollout: String },
    OutOfOrder { rollout: String, expected: u64, got: u64 },
}

impl Problem {
    /// Whether the database has to be opened again after it.
    pub(super) fn closes(&self) -> bool {
        matches!(self, Self::Database(_) | Self::Io(_) | Self::Damaged(_))
    }

    /// Whether the file has to be repaired before it can be read.
    pub(super) fn awaits_repair(&self) -> bool {
        matches!(self, Self::Database(Error::RepairAborted))
    }

    pub(super) fn at(self, path: &Path, doing: &'static str) -> JournalError {
        let path = path.to_owned();
        match self {
            Self::Damaged(problem) | Self::Database(Error::Corrupted(problem)) => {
                JournalError::Damaged { path, problem }
            }
            Self::Foreign(found) => JournalError::Foreign { path, found },
            Self::Newer { found, known } => JournalError::Newer { path, found, known },
            Self::Older { found, oldest } => JournalError::Older { path, found, oldest },
            Self::UnknownRollout { rollout } => JournalError::UnknownRollout { rollout },
            Self::OutOfOrder { rollout, expected, got } => JournalError::OutOfOrder { rollout, expected, got },
            Self::Database(Error::DatabaseAlreadyOpen | Error::LockProtocolMismatch) => JournalError::InUse { path },
            Self::Database(Error::UpgradeRequired(format)) => {
                JournalError::Foreign { path, found: format!("a redb database of the old file format {format}") }
            }
            // The tables were made with the format that the file says it has.
            Self::Database(
                error @ (Error::TableTypeMismatch { .. }
                | Error::TypeDefinitionChanged { .. }
                | Error::TableDoesNotExist(_)
                | Error::TableIsMultimap(_)
                | Error::TableIsNotMultimap(_)),
            ) => JournalError::Damaged { path, problem: error.to_string() },
            Self::Io(error) | Self::Database(Error::Io(error)) => io_error(path, doing, &error),
            Self::Database(error) => JournalError::Io { path, doing, problem: error.to_string() },
        }
    }
}

fn io_error(path: std::path::PathBuf, doing: &'static str, error: &io::Error) -> JournalError {
    let problem = error.to_string();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            JournalError::Full { path, problem }
        }
        // So redb calls a file that does not begin as its own do.
        io::ErrorKind::InvalidData => JournalError::Foreign { path, found: problem },
        io::ErrorKind::UnexpectedEof => {
            JournalError::Damaged { path, problem: "the file ends before its data does".into() }
        }
        _ => JournalError::Io { path, doing, problem },
    }
}

/// Runs what reads or writes the file. The database may panic on a file that something else has changed; that is one more way
/// of saying that it is damaged.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(Problem::Damaged(format!("the database gave up on it ({})", words.unwrap_or("for no reason given"))))
    })
}

macro_rules! from {
    ($($error:ty),*) => {
        $(impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                Self::Database(error.into())
            }
        })*
    };
}

from!(CommitError, DatabaseError, StorageError, TableError, TransactionError);

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
