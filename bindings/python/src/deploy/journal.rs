//! Journals written in Python.

use std::sync::Arc;

use pyo3::prelude::*;
use serinus::journal::{Entry, Journal as Keeps, JournalError};

use crate::calls::{Argument, Calls, Failure};

/// An object with the methods of `serinus.Journal`.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) object: Py<PyAny>,
    pub(super) calls: Arc<Calls>,
}

fn failed(failure: &Failure) -> JournalError {
    JournalError(failure.to_string())
}

impl Keeps for Journal {
    fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        let entry = Argument::value("serinus.journal", "JournalEntry", entry);
        self.calls.call(&self.object, "append", &[entry], |_| Ok(())).map_err(|failure| failed(&failure))
    }

    fn rollouts(&self) -> Result<Vec<String>, JournalError> {
        let all = |names: &Bound<'_, PyAny>| names.try_iter()?.map(|name| name?.extract()).collect();
        self.calls.call(&self.object, "rollouts", &[], all).map_err(|failure| failed(&failure))
    }

    fn entries(&self, rollout: &str) -> Result<Vec<Entry>, JournalError> {
        let all = |entries: &Bound<'_, PyAny>| {
            let json = |entry: PyResult<Bound<'_, PyAny>>| entry?.call_method0("to_json")?.extract::<String>();
            entries.try_iter()?.map(json).collect::<PyResult<Vec<_>>>()
        };
        let lines = self.calls.call(&self.object, "entries", &[Argument::Text(rollout)], all);
        let read = |line: &String| serde_json::from_str(line).map_err(|error| JournalError(error.to_string()));
        lines.map_err(|failure| failed(&failure))?.iter().map(read).collect()
    }
}
