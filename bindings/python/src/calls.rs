//! Calls from threads of the library into objects written in Python.

use std::fmt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use parking_lot::Mutex;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use serde::Serialize;

use crate::process;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Reply>()
}

/// Has calls made by threads, or an event loop, of Python's own: such a thread may be cut off wherever it is when the interpreter
/// ends, which one of Rust's may not.
#[derive(Debug)]
pub(crate) struct Calls {
    /// `serinus._calls.Calls`.
    start: Py<PyAny>,
}

/// What a call is given.
pub(crate) enum Argument<'a> {
    Text(&'a str),
    Number(u32),
    /// A value of the package: its class, by module and name, and its JSON.
    Value(&'static str, &'static str, String),
}

impl Argument<'_> {
    /// A value of the package. What has no JSON form becomes an error of its class's.
    pub(crate) fn value(module: &'static str, class: &'static str, value: &impl Serialize) -> Self {
        Self::Value(module, class, serde_json::to_string(value).unwrap_or_default())
    }

    fn made<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Text(text) => text.into_bound_py_any(py),
            Self::Number(number) => number.into_bound_py_any(py),
            Self::Value(module, class, json) => py.import(*module)?.getattr(*class)?.call_method1("from_json", (json,)),
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

impl Reply {
    /// A reply, and where its answer comes out.
    pub(crate) fn new() -> (Self, Receiver<Py<PyAny>>) {
        let (sender, receiver) = sync_channel(1);
        (Self(Mutex::new(Some(sender))), receiver)
    }
}

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
        let over = || Failure::new("the interpreter is ending");
        let answered = process::enter(|py| self.begin(py, object, method, arguments)).ok_or_else(over)?;
        let answer = answered.map_err(Failure::new)?.recv().map_err(|_| over())?;
        process::enter(|py| {
            let not_understood = |error| Failure::new(format!("{method}() gave what it should not: {error}"));
            let (returned, answer): (bool, Bound<'_, PyAny>) = answer.bind(py).extract().map_err(not_understood)?;
            if returned { read(&answer).map_err(not_understood) } else { Err(Failure::read(&answer)) }
        })
        .ok_or_else(over)?
    }

    fn begin(
        &self,
        py: Python<'_>,
        object: &Py<PyAny>,
        method: &str,
        arguments: &[Argument<'_>],
    ) -> PyResult<Receiver<Py<PyAny>>> {
        let (reply, answered) = Reply::new();
        let made = arguments.iter().map(|argument| argument.made(py)).collect::<PyResult<Vec<_>>>()?;
        let method = object.bind(py).getattr(method)?;
        self.start.bind(py).call_method1("start", (method, PyTuple::new(py, made)?, reply))?;
        Ok(answered)
    }
}
