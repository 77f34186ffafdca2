//! Calls from threads of the library into objects written in Python.

use std::fmt;
use std::sync::mpsc::{SyncSender, sync_channel};

use parking_lot::Mutex;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use serde::Serialize;
use serinus::evaluate::Evaluation;

use crate::evaluate::report::Report;
use crate::process;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Reply>()
}

/// Has calls made, each by a thread of its own.
#[derive(Debug)]
pub(crate) struct Calls {
    /// `serinus._calls.Calls`.
    start: Py<PyAny>,
}

/// What a call is given.
pub(crate) enum Argument<'a> {
    Text(&'a str),
    Number(u32),
    /// A value of the package, by its kind in `serinus._calls`, as JSON.
    Value(&'static str, String),
    /// The same, of an evaluation.
    Judged(&'static str, String, &'a Evaluation),
}

impl Argument<'_> {
    /// A value of the package. What has no JSON form cannot be read, which fails the call.
    pub(crate) fn value(kind: &'static str, value: &impl Serialize) -> Self {
        Self::Value(kind, serde_json::to_string(value).unwrap_or_default())
    }

    fn made<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Text(text) => text.into_bound_py_any(py),
            Self::Number(number) => number.into_bound_py_any(py),
            Self::Value(kind, json) => (*kind, json).into_bound_py_any(py),
            Self::Judged(kind, json, evaluation) => {
                (*kind, json, Report::new((*evaluation).clone(), [])).into_bound_py_any(py)
            }
        }
    }
}

/// Why a call gave nothing.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) transient: bool,
    pub(crate) raised: Option<Raised>,
}

/// What was raised.
#[derive(Debug)]
pub(crate) struct Raised {
    pub(crate) error: Py<PyAny>,
    pub(crate) traceback: String,
}

impl Failure {
    fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), transient: false, raised: None }
    }

    /// As `serinus._calls` gives it.
    fn read(answer: &Bound<'_, PyAny>) -> Self {
        match answer.extract() {
            Ok((error, message, traceback, transient)) => {
                Self { message, transient, raised: Some(Raised { error, traceback }) }
            }
            Err(error) => Self::new(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Where the answer to one call goes.
#[pyclass(frozen, module = "serinus._serinus")]
pub(crate) struct Reply(Mutex<Option<SyncSender<Py<PyAny>>>>);

#[pymethods]
impl Reply {
    /// Hands the answer over; only the first one counts.
    fn give(&self, answer: Py<PyAny>) {
        if let Some(sender) = self.0.lock().take() {
            // Nobody waits any more where the library has given up on the call, or the process is ending.
            let _ = sender.send(answer);
        }
    }
}

/// Why a thread of Python's own gave no answer.
pub(crate) enum Unanswered {
    /// It was not asked.
    Raised(PyErr),
    Ending,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raised(error) => error.fmt(f),
            Self::Ending => f.write_str("the interpreter is ending"),
        }
    }
}

/// Has a thread of Python's own make a call, and reads its answer. Waits for it outside of the interpreter, which may end
/// meanwhile: a thread of the library's that the end meets inside would be torn out of it, and the process aborted.
pub(crate) fn ask<T>(
    begin: impl FnOnce(Python<'_>, Reply) -> PyResult<()>,
    read: impl FnOnce(&Bound<'_, PyAny>) -> T,
) -> Result<T, Unanswered> {
    let (sender, answered) = sync_channel(1);
    let begun = process::enter(|py| begin(py, Reply(Mutex::new(Some(sender))))).ok_or(Unanswered::Ending)?;
    begun.map_err(Unanswered::Raised)?;
    let answer = answered.recv().map_err(|_| Unanswered::Ending)?;
    process::enter(|py| read(answer.bind(py))).ok_or(Unanswered::Ending)
}

impl Calls {
    pub(crate) const fn new(start: Py<PyAny>) -> Self {
        Self { start }
    }

    /// Calls a method and waits for its answer, on a thread that is not attached to the interpreter.
    pub(crate) fn call<T>(
        &self,
        object: &Py<PyAny>,
        method: &str,
        arguments: &[Argument<'_>],
        read: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<T, Failure> {
        let begin = |py: Python<'_>, reply| self.begin(py, object, method, arguments, reply);
        let answered = ask(begin, |answer| {
            let not_understood = |error| Failure::new(format!("{method}() gave what it should not: {error}"));
            let (returned, answer): (bool, Bound<'_, PyAny>) = answer.extract().map_err(not_understood)?;
            if returned { read(&answer).map_err(not_understood) } else { Err(Failure::read(&answer)) }
        });
        answered.map_err(Failure::new)?
    }

    fn begin(
        &self,
        py: Python<'_>,
        object: &Py<PyAny>,
        method: &str,
        arguments: &[Argument<'_>],
        reply: Reply,
    ) -> PyResult<()> {
        let made = arguments.iter().map(|argument| argument.made(py)).collect::<PyResult<Vec<_>>>()?;
        let method = object.bind(py).getattr(method)?;
        self.start.bind(py).call_method1("start", (method, PyTuple::new(py, made)?, reply)).map(drop)
    }
}
