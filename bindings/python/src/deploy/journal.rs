//! Journals: in a file, and written in Python.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use pyo3::prelude::*;
use serinus::journal::{Entry, History, Journal, JournalError, RedbJournal, Snapshot};

use crate::calls::{Argument, Calls};
use crate::errors;
use crate::json::write;

/// The files that this process has open: whoever names one again shares it.
static OPEN: Mutex<Option<HashMap<PathBuf, Weak<RedbJournal>>>> = Mutex::new(None);

/// What an argument named a journal by.
pub(super) fn given(object: &Bound<'_, PyAny>, calls: &Arc<Calls>) -> PyResult<Arc<dyn Journal>> {
    let py = object.py();
    if let Ok(path) = object.extract::<PathBuf>() {
        let opened = py.detach(|| shared(&path));
        return opened.map(|journal| journal as _).map_err(|error| raise(py, &error));
    }
    let snapshots = object.hasattr("keep")? && object.hasattr("snapshot")?;
    Ok(Arc::new(Written { object: object.clone().unbind(), calls: Arc::clone(calls), snapshots }))
}

fn shared(path: &Path) -> Result<Arc<RedbJournal>, JournalError> {
    let mut files = OPEN.lock();
    let files = files.get_or_insert_default();
    files.retain(|_, journal| journal.strong_count() > 0);
    let key = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let Some(journal) = files.get(&key).and_then(Weak::upgrade) {
        return Ok(journal);
    }
    let journal = Arc::new(RedbJournal::open(path)?);
    files.insert(key, Arc::downgrade(&journal));
    Ok(journal)
}

/// What became of each rollout, as JSON. A file is looked at and not touched, whoever writes to it meanwhile.
#[pyfunction]
pub(super) fn history_json(py: Python<'_>, journal: &Bound<'_, PyAny>, calls: Py<PyAny>) -> PyResult<String> {
    let all = if let Ok(path) = journal.extract::<PathBuf>() {
        py.detach(|| RedbJournal::reader(&path).and_then(|reader| History::all(&reader)))
    } else {
        let journal = given(journal, &Arc::new(Calls::new(calls)))?;
        py.detach(|| History::all(&*journal))
    };
    let all = all.map_err(|error| raise(py, &error))?;
    write(py, &all)
}

pub(super) fn raise(py: Python<'_>, error: &JournalError) -> PyErr {
    errors::raise(py, "JournalError", &error.to_string(), None, None)
}

/// An object with the methods of `serinus.Journal`.
#[derive(Debug)]
struct Written {
    object: Py<PyAny>,
    calls: Arc<Calls>,
    /// Whether it keeps snapshots, too.
    snapshots: bool,
}

impl Written {
    fn call<T>(
        &self,
        method: &str,
        arguments: &[Argument<'_>],
        read: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<T, JournalError> {
        let given = self.calls.call(&self.object, method, arguments, read);
        given.map_err(|failure| JournalError::other(failure.to_string()))
    }
}

fn json(value: &Bound<'_, PyAny>) -> PyResult<String> {
    value.call_method0("to_json")?.extract()
}

fn read<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, JournalError> {
    serde_json::from_str(json).map_err(|error| JournalError::other(error.to_string()))
}

impl Journal for Written {
    fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        self.call("append", &[Argument::value("entry", entry)], |_| Ok(()))
    }

    fn rollouts(&self) -> Result<Vec<String>, JournalError> {
        self.call("rollouts", &[], |names| names.try_iter()?.map(|name| name?.extract()).collect())
    }

    fn entries(&self, rollout: &str) -> Result<Vec<Entry>, JournalError> {
        let lines = self.call("entries", &[Argument::Text(rollout)], |entries| {
            entries.try_iter()?.map(|entry| json(&entry?)).collect::<PyResult<Vec<_>>>()
        });
        lines?.iter().map(|line| read(line)).collect()
    }

    fn keep(&self, snapshot: &Snapshot) -> Result<(), JournalError> {
        if self.snapshots { self.call("keep", &[Argument::value("snapshot", snapshot)], |_| Ok(())) } else { Ok(()) }
    }

    fn snapshot(&self, rollout: &str) -> Result<Option<Snapshot>, JournalError> {
        if !self.snapshots {
            return Ok(None);
        }
        let found = self.call("snapshot", &[Argument::Text(rollout)], |snapshot| {
            if snapshot.is_none() { Ok(None) } else { json(snapshot).map(Some) }
        });
        found?.map(|json| read(&json)).transpose()
    }
}
