//! Guardrails written in Python.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::{PyAnyMethods, PyDict};
use serinus::observe::{self, Signal};

use super::observation::Outcome;

thread_local! {
    /// Whether this thread is inside a guardrail written in Python.
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside a guardrail written in Python, where a lock may be held that an evaluator would wait for.
pub(super) fn is_asking() -> bool {
    ASKING.get()
}

/// A yes-or-no question that Python answers. An answer that fails is none.
#[derive(Debug)]
pub(crate) struct Asked {
    name: String,
    failed: Py<PyAny>,
    /// What it says of a request of which nothing is known but that it failed: the library asks that at times at which
    /// Python must not be waited for.
    of_error: Option<bool>,
    errors: AtomicU64,
    is_told: AtomicBool,
}

impl Asked {
    pub(super) fn new(py: Python<'_>, name: String, failed: Py<PyAny>) -> Self {
        let (errors, is_told) = (AtomicU64::new(0), AtomicBool::new(false));
        let asked = Self { name, failed, of_error: None, errors, is_told };
        let of_error = asked.ask(py, &observe::Outcome::error());
        Self { of_error, ..asked }
    }

    /// How often its answer failed.
    pub(super) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    fn ask(&self, py: Python<'_>, outcome: &observe::Outcome) -> Option<bool> {
        let before = ASKING.replace(true);
        let answer = self.answer(py, outcome).unwrap_or_else(|error| {
            self.note(py, &error);
            None
        });
        ASKING.set(before);
        answer
    }

    fn note(&self, py: Python<'_>, error: &PyErr) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        if error.is_instance_of::<PyKeyboardInterrupt>(py) {
            // It was not meant for this request: the main thread gets it as soon as it can.
            let _ = py.import("_thread").and_then(|thread| thread.call_method0("interrupt_main"));
        } else if !self.is_told.swap(true, Ordering::Relaxed) {
            // Where even the log fails there is nobody left to tell.
            let _ = self.tell(py, error);
        }
    }

    fn answer(&self, py: Python<'_>, outcome: &observe::Outcome) -> PyResult<Option<bool>> {
        let answer = self.failed.bind(py).call1((Outcome(*outcome),))?;
        if answer.is_none() { Ok(None) } else { answer.is_truthy().map(Some) }
    }

    fn tell(&self, py: Python<'_>, error: &PyErr) -> PyResult<()> {
        let log = py.import("logging")?.call_method1("getLogger", ("serinus.evaluation",))?;
        let what =
            "guardrail %r raised; requests count as unmeasured where it does, and further errors are only counted";
        let keywords = PyDict::new(py);
        keywords.set_item("exc_info", error.value(py))?;
        log.call_method("error", (what, &self.name), Some(&keywords)).map(drop)
    }
}

impl Signal for Asked {
    fn name(&self) -> &str {
        &self.name
    }

    fn failed(&self, outcome: &observe::Outcome) -> Option<bool> {
        if *outcome == observe::Outcome::error() {
            return self.of_error;
        }
        // There is no interpreter to ask any more while it shuts down.
        Python::try_attach(|py| self.ask(py, outcome)).flatten()
    }
}
