//! A journal in a file.

mod file;
mod format;
mod problem;
mod reader;
mod record;
mod retention;
mod rows;

use std::path::{Path, PathBuf};

use ::redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};
use parking_lot::Mutex;

use self::problem::Problem;
use super::{Entry, Journal, JournalError, Snapshot};

pub use self::reader::RedbReader;
pub use self::retention::Retention;

/// A journal in a file, by the embedded database [redb](https://docs.rs/redb): what [`append`](Journal::append) returned for
/// is on the disk (`fsync`), and a crash at any instant leaves the file with all of it.
///
/// One process writes; others look at it meanwhile, through [`reader`](Self::reader). Several deployments in one process share
/// one journal. After a disk was full, the next append tries again.
///
/// Sharing the file between a writer and its readers needs locks on ranges of a file, which Linux, macOS and Windows have, and
/// network file systems often have not: keep it on a local disk.
///
/// ```
/// use serinus::journal::{Journal, RedbJournal};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = std::env::temp_dir().join(format!("serinus-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let path = folder.join("chat.journal");
/// let journal = RedbJournal::open(&path)?; // created where there is none
/// assert!(RedbJournal::open(&path).is_err(), "it is in use");
/// assert!(RedbJournal::reader(&path)?.rollouts()?.is_empty());
/// # drop(journal);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RedbJournal {
    path: PathBuf,
    retention: Retention,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Closed after an error of the disk: the database has to be opened again then.
    database: Option<Database>,
    /// Whether the latest entry may have been kept although an error was given.
    in_doubt: bool,
}

impl RedbJournal {
    /// Opens a journal, creates it where there is no file, and brings one of an older format up to date. The whole file is
    /// checked, which takes some milliseconds per megabyte.
    ///
    /// # Errors
    ///
    /// [`JournalError`]: in use, of a later format, not a journal, damaged, or out of reach. The file is unchanged then.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, JournalError> {
        Self::open_with(path, Retention::default())
    }

    /// As [`open`](Self::open), with another retention than the default.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(path: impl Into<PathBuf>, retention: Retention) -> Result<Self, JournalError> {
        let path = path.into();
        let database = Some(file::open(&path)?);
        Ok(Self { path, retention, state: Mutex::new(State { database, in_doubt: false }) })
    }

    /// Looks at a journal that this or another process writes to, or that nobody has open. It changes nothing, and follows what
    /// is written.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and if there is no file.
    pub fn reader(path: impl Into<PathBuf>) -> Result<RedbReader, JournalError> {
        RedbReader::open(path.into())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One transaction, durable when it returns.
    fn write<T>(&self, change: impl FnOnce(&WriteTransaction, bool) -> Result<T, Problem>) -> Result<T, JournalError> {
        let mut state = self.state.lock();
        let in_doubt = state.in_doubt;
        let written = self.database(&mut state)?;
        let written = problem::guarded(|| {
            // Immediate durability is the default: `commit` returns after the fsync.
            let transaction = written.begin_write()?;
            let given = change(&transaction, in_doubt)?;
            transaction.commit()?;
            Ok(given)
        });
        match written {
            Ok(given) => {
                state.in_doubt = false;
                Ok(given)
            }
            Err(problem) => {
                if problem.closes() {
                    state.database = None;
                    state.in_doubt = true;
                }
                Err(problem.at(&self.path, "written"))
            }
        }
    }

    fn read<T>(&self, look: impl FnOnce(&ReadTransaction) -> Result<T, Problem>) -> Result<T, JournalError> {
        let mut state = self.state.lock();
        let database = self.database(&mut state)?;
        problem::guarded(|| look(&database.begin_read()?)).map_err(|problem| problem.at(&self.path, "read"))
    }

    fn database<'a>(&self, state: &'a mut State) -> Result<&'a Database, JournalError> {
        let database = match state.database.take() {
            Some(database) => database,
            None => file::open(&self.path)?,
        };
        Ok(state.database.insert(database))
    }
}

impl Journal for RedbJournal {
    fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        self.write(|transaction, in_doubt| {
            rows::append(transaction, entry, in_doubt)?;
            self.retention.apply(transaction, entry)
        })
    }

    fn rollouts(&self) -> Result<Vec<String>, JournalError> {
        self.read(rows::rollouts)
    }

    fn entries(&self, rollout: &str) -> Result<Vec<Entry>, JournalError> {
        self.read(|transaction| rows::entries(transaction, rollout))
    }

    fn keep(&self, snapshot: &Snapshot) -> Result<(), JournalError> {
        self.write(|transaction, _| rows::keep(transaction, snapshot))
    }

    fn snapshot(&self, rollout: &str) -> Result<Option<Snapshot>, JournalError> {
        self.read(|transaction| rows::snapshot(transaction, rollout))
    }
}
