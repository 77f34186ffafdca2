//! Calling Python from the threads of a reviewer. Such calls are many and most are short, so as many daemon threads of Python's
//! as the reviewer has workers stand ready to make them.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::calls::ask;
use crate::process;

thread_local! {
    /// Whether this thread is one of Python's, and makes its calls itself.
    static IS_PYTHONS: Cell<bool> = const { Cell::new(false) };
    /// What ended a call on such a thread, and is to end what made the call: an interrupt from the keyboard.
    static INTERRUPT: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Runs work of the library that calls Python, on a thread of Python's.
pub(super) fn on_this_thread<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    let outer = IS_PYTHONS.replace(true);
    let done = py.detach(work);
    IS_PYTHONS.set(outer);
    match INTERRUPT.take() {
        Some(interrupt) => Err(interrupt),
        None => Ok(done),
    }
}

/// The daemon threads, ended with the last user of them.
pub(super) struct Crew {
    /// `serinus._crew.Crew`, and its `put`.
    threads: Py<PyAny>,
    put: Py<PyAny>,
    /// What runs a call where it is made.
    run: Py<PyAny>,
}

/// Why a call gave nothing.
pub(super) struct Failed {
    /// As `JudgeErrorKind` has it.
    pub(super) kind: String,
    pub(super) what: String,
}

impl Failed {
    fn unavailable(what: impl Into<String>) -> Self {
        Self { kind: "unavailable".into(), what: what.into() }
    }
}

impl Crew {
    pub(super) fn new(py: Python<'_>, threads: usize) -> PyResult<Arc<Self>> {
        let calls = py.import("serinus._crew")?;
        let crew = calls.call_method1("Crew", (threads,))?;
        let put = crew.getattr("put")?.unbind();
        Ok(Arc::new(Self { threads: crew.unbind(), put, run: calls.getattr("run")?.unbind() }))
    }

    /// Calls the function of `serinus._crew` of this name, and reads what it gives.
    pub(super) fn call<T>(
        &self,
        function: &str,
        arguments: impl for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyTuple>>,
        read: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<T, Failed> {
        let answer = |said: &Bound<'_, PyAny>| -> PyResult<Result<T, Failed>> {
            let (kind, said): (String, Bound<'_, PyAny>) = said.extract()?;
            if kind == "ok" { read(&said).map(Ok) } else { Ok(Err(Failed { kind, what: said.extract()? })) }
        };
        let done = if IS_PYTHONS.get() {
            if INTERRUPT.with_borrow(Option::is_some) {
                return Err(Failed { kind: "refused".into(), what: "it was interrupted".into() });
            }
            Python::attach(|py| match self.run.bind(py).call1((function, arguments(py)?)) {
                Ok(said) => answer(&said),
                Err(interrupt) => {
                    INTERRUPT.set(Some(interrupt));
                    Ok(Err(Failed { kind: "refused".into(), what: "it was interrupted".into() }))
                }
            })
        } else {
            let put = |py: Python<'_>, reply| self.put.bind(py).call1(((function, arguments(py)?, reply),)).map(drop);
            ask(put, answer).map_err(|unanswered| Failed::unavailable(unanswered.to_string()))?
        };
        done.unwrap_or_else(|error| Err(Failed { kind: "unparsable".into(), what: error.to_string() }))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        process::enter(|py| self.threads.bind(py).call_method0("close").map(drop).ok());
    }
}
