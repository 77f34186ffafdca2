//! Opening the file, and creating it whole.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use ::redb::{Builder, ConcurrencyMode, Database};

use super::problem::{Problem, guarded};
use super::{format, reader};
use crate::journal::JournalError;

/// Pages in memory. A journal is written once and seldom read.
const CACHE: usize = 8 << 20;

pub(super) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .set_cache_size(CACHE)
        .set_concurrency_mode(ConcurrencyMode::SingleWriter)
        // Whatever has changed the file is found here, not in the middle of a rollout.
        .set_check_integrity_on_open(true);
    builder
}

/// Opens the journal for writing.
pub(super) fn open(path: &Path) -> Result<Database, JournalError> {
    let opened = guarded(|| {
        match fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => create(path)?,
            Ok(about) if about.len() == 0 => format::begin(&builder().create(path)?)?,
            // Before anything is changed in it.
            _ => reader::look(path, format::check)?,
        }
        let database = builder().open(path)?;
        format::migrate(&database, format::STEPS)?;
        Ok(database)
    });
    opened.map_err(|problem| problem.at(path, "opened"))
}

/// Creates a journal under another name first: a crash leaves no half of one in its place.
fn create(path: &Path) -> Result<(), Problem> {
    let new = unique(path);
    let made = made(&new, path);
    // It is there under its own name now, or not wanted.
    fs::remove_file(&new)?;
    made?;
    sync_folder(path)
}

fn made(new: &Path, path: &Path) -> Result<(), Problem> {
    let database = builder().create(new)?;
    format::begin(&database)?;
    database.close()?;
    match fs::hard_link(new, path) {
        // Somebody else was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => Ok(linked?),
    }
}

fn unique(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.{}.new", process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    PathBuf::from(name)
}

/// A new file survives a loss of power only once its folder is on the disk too.
fn sync_folder(path: &Path) -> Result<(), Problem> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}
