//! Calls from threads of the library into objects written in Python.

use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use serde::Serialize;

use crate::interpreter;

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
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Where a call's answer goes.
#[pyclass(frozen, module = "serinus._serinus")]
pub(crate) struct Reply(Sender<Result<Py<PyAny>, Failure>>);

#[pymethods]
impl Reply {
    // Nobody listens any more where the library has given up on the call: there is nobody to tell.
    fn give(&self, value: Py<PyAny>) {
        let _ = self.0.send(Ok(value));
    }

    fn fail(&self, error: Py<PyAny>, message: String, traceback: String, transient: bool) {
        let raised = Some(Raised { error, traceback });
        let _ = self.0.send(Err(Failure { message, transient, raised }));
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
        let going = || Failure::new("the interpreter is shutting down");
        let answer = interpreter::attach(|py| self.begin(py, object, method, arguments)).ok_or_else(going)?;
        let answer = answer.map_err(Failure::new)?;
        let value = answer.recv().unwrap_or_else(|_| Err(Failure::new(format!("{method}() gave no answer"))))?;
        let read = interpreter::attach(|py| read(value.bind(py))).ok_or_else(going)?;
        read.map_err(|error| Failure::new(format!("{method}() gave what it should not: {error}")))
    }

    fn begin(
        &self,
        py: Python<'_>,
        object: &Py<PyAny>,
        method: &str,
        arguments: &[Argument<'_>],
    ) -> PyResult<Receiver<Result<Py<PyAny>, Failure>>> {
        let (sender, receiver) = channel();
        let made = arguments.iter().map(|argument| argument.made(py)).collect::<PyResult<Vec<_>>>()?;
        let made = PyTuple::new(py, made)?;
        let method = object.bind(py).getattr(method)?;
        self.start.bind(py).call_method1("start", (method, made, Reply(sender)))?;
        Ok(receiver)
    }
}
