//! Versions' names as Python strings.

use std::cell::RefCell;

use pyo3::prelude::*;
use pyo3::types::PyString;
use serinus::model::VersionId;
use thread_local::ThreadLocal;

/// Names that a thread remembers; more are seldom served at a time.
const MOST: usize = 8;

type Known = Vec<(VersionId, Py<PyString>)>;

/// Each version's name as one Python string. Each request needs one, so every thread remembers the last few.
#[derive(Default)]
pub(super) struct Names(ThreadLocal<RefCell<Known>>);

impl Names {
    #[inline]
    pub(super) fn of(&self, py: Python<'_>, version: &VersionId) -> Py<PyString> {
        self.known(py, version).unwrap_or_else(|| self.learn(py, version))
    }

    /// The name, if this thread has had it before. Runs no Python.
    #[inline]
    pub(super) fn known(&self, py: Python<'_>, version: &VersionId) -> Option<Py<PyString>> {
        let known = self.0.get_or_default().borrow();
        known.iter().find(|(known, _)| known == version).map(|(_, name)| name.clone_ref(py))
    }

    /// Not while the names are borrowed: making a string may run a finalizer, and that may route.
    #[cold]
    fn learn(&self, py: Python<'_>, version: &VersionId) -> Py<PyString> {
        let name = PyString::intern(py, version.as_str()).unbind();
        let mut known = self.0.get_or_default().borrow_mut();
        let forgotten = (known.len() >= MOST).then(|| known.remove(0));
        known.push((version.clone(), name.clone_ref(py)));
        drop(known);
        drop(forgotten);
        name
    }
}
