//! Looking at a journal that somebody else writes to.

use std::fs;
use std::path::{Path, PathBuf};

use ::redb::backends::InMemoryBackend;
use ::redb::{Builder, ReadTransaction, ReadableDatabase, StorageBackend};

use super::problem::{Problem, guarded};
use super::{file, format, rows};
use crate::journal::{Entry, Journal, JournalError, Snapshot};

/// How often a file is looked at that its writer repairs meanwhile.
const ATTEMPTS: u32 = 3;

/// A journal as another process sees it, made by [`RedbJournal::reader`](super::RedbJournal::reader). Each call opens the file
/// anew and sees what has been written until then; between calls it holds no lock.
///
/// After a crash the file has to be repaired before it can be read. The next writer does that; until then the reader repairs a
/// copy in memory.
#[derive(Debug)]
pub struct RedbReader {
    path: PathBuf,
}

impl RedbReader {
    pub(super) fn open(path: PathBuf) -> Result<Self, JournalError> {
        let reader = Self { path };
        reader.look(|_| Ok(()))?;
        Ok(reader)
    }

    fn look<T>(&self, at: impl Fn(&ReadTransaction) -> Result<T, Problem>) -> Result<T, JournalError> {
        let looked = look(&self.path, |transaction| {
            format::check(transaction)?;
            at(transaction)
        });
        looked.map_err(|problem| problem.at(&self.path, "read"))
    }
}

/// One look at the file, which it leaves as it is.
pub(super) fn look<T>(path: &Path, at: impl Fn(&ReadTransaction) -> Result<T, Problem>) -> Result<T, Problem> {
    let mut attempts = ATTEMPTS;
    loop {
        attempts -= 1;
        let looked = guarded(|| at(&file::builder().open_read_only(path)?.begin_read()?));
        match looked {
            Err(problem) if problem.awaits_repair() => {}
            looked => return looked,
        }
        let looked = guarded(|| at(&repaired_copy(path)?.begin_read()?));
        if looked.is_ok() || attempts == 0 {
            return looked;
        }
    }
}

fn repaired_copy(path: &Path) -> Result<::redb::Database, Problem> {
    let bytes = fs::read(path)?;
    let copy = InMemoryBackend::new();
    copy.set_len(bytes.len() as u64)?;
    copy.write(0, &bytes)?;
    Ok(Builder::new().set_check_integrity_on_open(true).create_with_backend(copy)?)
}

impl Journal for RedbReader {
    /// # Errors
    ///
    /// Always: [`JournalError::ReadOnly`].
    fn append(&self, _: &Entry) -> Result<(), JournalError> {
        Err(JournalError::ReadOnly { path: self.path.clone() })
    }

    fn rollouts(&self) -> Result<Vec<String>, JournalError> {
        self.look(rows::rollouts)
    }

    fn entries(&self, rollout: &str) -> Result<Vec<Entry>, JournalError> {
        self.look(|transaction| rows::entries(transaction, rollout))
    }

    fn keep(&self, _: &Snapshot) -> Result<(), JournalError> {
        Err(JournalError::ReadOnly { path: self.path.clone() })
    }

    fn snapshot(&self, rollout: &str) -> Result<Option<Snapshot>, JournalError> {
        self.look(|transaction| rows::snapshot(transaction, rollout))
    }
}
