//! A lease: the right to run one request on one version.

#![expect(clippy::doc_markdown, reason = "Python's docstrings are not Markdown")]

use std::mem;

use parking_lot::Mutex;
use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};
use serinus::judge::Ticket;
use serinus::observe::Outcome;
use serinus::route::{Lease as Held, Reason, SessionPin};

use crate::errors;
use crate::judge::{Answered, Asked};
use crate::process::Home;

/// The right to run one request on one version, counted until it ends. It may be handed from thread to thread and from task
/// to task. One that goes without an end was abandoned: its client went away.
#[pyclass(frozen, module = "serinus")]
pub(crate) struct Lease {
    version: Py<PyString>,
    reason: Reason,
    is_sampled: bool,
    home: Home,
    session_pin: SessionPin,
    /// Locked for no longer than it takes to look, as is the ticket.
    held: Mutex<Option<Held>>,
    ticket: Mutex<Option<Box<Ticket>>>,
}

impl Lease {
    #[inline]
    pub(super) fn new(version: Py<PyString>, held: Held, ticket: Option<Ticket>) -> Self {
        Self {
            version,
            reason: held.reason(),
            is_sampled: ticket.is_some(),
            home: Home::here(),
            session_pin: held.session_pin(),
            held: Mutex::new(Some(held)),
            ticket: Mutex::new(ticket.map(Box::new)),
        }
    }

    /// Takes what is held, if it is still held.
    #[inline]
    fn take(&self) -> Option<Held> {
        self.held.lock().take()
    }

    /// Takes what is held; an error if the lease has ended.
    pub(super) fn end(&self, py: Python<'_>) -> PyResult<Held> {
        self.take().ok_or_else(|| {
            let what = "this lease has been finished already; each lease ends once";
            errors::raise(py, "RoutingError", what, None, None)
        })
    }

    /// The process that it was made in.
    pub(super) const fn home(&self) -> Home {
        self.home
    }

    #[inline]
    fn take_ticket(&self) -> Option<Box<Ticket>> {
        if self.is_sampled { self.ticket.lock().take() } else { None }
    }

    fn reason_name<'py>(&self, py: Python<'py>) -> &Bound<'py, PyString> {
        match self.reason {
            Reason::Forced => intern!(py, "forced"),
            Reason::Pinned => intern!(py, "pinned"),
            Reason::Category => intern!(py, "category"),
            Reason::Sticky => intern!(py, "sticky"),
            Reason::Weighted => intern!(py, "weighted"),
            Reason::Retried => intern!(py, "retried"),
        }
    }
}

/// What is to be judged of a request that has ended.
fn texts(
    prompt: Option<&Bound<'_, PyAny>>,
    response: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<(Asked, Answered)>> {
    let (Some(prompt), Some(response)) = (prompt, response) else { return Ok(None) };
    Ok(Some((prompt.extract()?, response.extract()?)))
}

/// A whole number that is to be within limits.
#[inline]
fn limited<T: TryFrom<i64>>(py: Python<'_>, field: &str, given: Option<i64>, most: i64) -> PyResult<Option<T>> {
    let Some(given) = given else { return Ok(None) };
    match T::try_from(given) {
        Ok(fits) if given <= most => Ok(Some(fits)),
        _ => {
            let (expected, got) = (format!("0 to {most}"), given.to_string());
            let what = format!("expected {field} from {expected}, got {got}");
            Err(errors::raise(py, "RoutingError", &what, Some(&expected), Some(&got)))
        }
    }
}

#[pymethods]
impl Lease {
    /// The version that must answer the request.
    #[getter]
    fn version(&self, py: Python<'_>) -> Py<PyString> {
        self.version.clone_ref(py)
    }

    /// Why it was chosen: ``"forced"``, ``"pinned"``, ``"category"``, ``"sticky"``, ``"weighted"`` or ``"retried"``.
    #[getter]
    fn reason(&self, py: Python<'_>) -> Py<PyString> {
        self.reason_name(py).clone().unbind()
    }

    /// A token that keeps the conversation on this version: hand it to the client, and pass it to ``route`` again.
    #[getter]
    fn session_token(&self) -> String {
        self.session_pin.sign().to_string()
    }

    /// Whether the request's prompt and answer are wanted for judging: hand them to ``finish``.
    #[getter]
    fn sampled(&self) -> bool {
        self.is_sampled
    }

    /// Whether the request must stop: its version is leaving and the drain deadline has passed.
    #[getter]
    fn cancelled(&self) -> bool {
        let held = self.held.lock();
        held.as_ref().is_some_and(Held::is_cancelled)
    }

    /// Whether the request has ended, one way or another.
    #[getter]
    fn ended(&self) -> bool {
        self.held.lock().is_none()
    }

    /// Ends the request with what came of it. What was not measured is left out; a measurement that cannot be right is
    /// counted as invalid, and is no error.
    ///
    /// Parameters
    /// ----------
    /// ttft_ms, latency_ms : float, optional
    ///     Time to the first token, and to the last, from the request's arrival, in milliseconds.
    /// tokens : int, optional
    ///     Tokens of the response.
    /// error : object, optional
    ///     Anything true means that the request failed.
    /// passed : bool, optional
    ///     A yes-or-no judgement of the answer.
    /// quality, feedback : float, optional
    ///     A score of the answer, and what its user thought of it, in [0, 1].
    /// prompt : str or Prompt, optional
    /// response : str or Answer, optional
    ///     What was asked and answered. They are judged if the request is `sampled` and did not fail, and not looked at
    ///     otherwise.
    /// stratum : int, optional
    ///     What kind of request it was, from 0 to 15: only requests of the same kind are compared.
    ///
    /// Raises
    /// ------
    /// RoutingError
    ///     If the lease has ended already, or for tokens or a stratum that there cannot be.
    #[expect(clippy::too_many_arguments, reason = "keywords")]
    #[pyo3(signature = (ttft_ms=None, latency_ms=None, tokens=None, *, passed=None, quality=None, error=None, prompt=None,
                        response=None, feedback=None, stratum=None))]
    fn finish(
        &self,
        py: Python<'_>,
        ttft_ms: Option<f64>,
        latency_ms: Option<f64>,
        tokens: Option<i64>,
        passed: Option<bool>,
        quality: Option<f64>,
        error: Option<&Bound<'_, PyAny>>,
        prompt: Option<&Bound<'_, PyAny>>,
        response: Option<&Bound<'_, PyAny>>,
        feedback: Option<f64>,
        stratum: Option<i64>,
    ) -> PyResult<()> {
        let error = error.map_or(Ok(false), PyAnyMethods::is_truthy)?;
        let tokens = limited(py, "tokens", tokens, i64::from(u32::MAX))?;
        let stratum = limited(py, "a stratum", stratum, 15)?;
        let texts = if self.is_sampled && !error { texts(prompt, response)? } else { None };
        let held = self.end(py)?;
        if !self.home.is_here() {
            mem::forget(held);
            return Ok(());
        }
        held.finish(Outcome {
            ttft_ms,
            latency_ms,
            tokens,
            error,
            passed,
            quality,
            feedback,
            stratum,
            ..Outcome::ok()
        });
        if let (Some(ticket), Some((Asked(prompt), Answered(answer)))) = (self.take_ticket(), texts) {
            let ticket = stratum.into_iter().fold(*ticket, Ticket::stratum);
            ticket.submit(prompt, answer);
        }
        Ok(())
    }

    /// Ends the request as abandoned: its client went away. Says how long it had waited by then, and its time to the first
    /// token if that had come, so that a version that is left for being slow does not look fast.
    ///
    /// Parameters
    /// ----------
    /// ttft_ms, latency_ms : float, optional
    ///     In milliseconds, from the request's arrival.
    ///
    /// Raises
    /// ------
    /// RoutingError
    ///     If the lease has ended already.
    #[pyo3(signature = (*, ttft_ms=None, latency_ms=None))]
    fn abandon(&self, py: Python<'_>, ttft_ms: Option<f64>, latency_ms: Option<f64>) -> PyResult<()> {
        let held = self.end(py)?;
        drop(self.take_ticket());
        if self.home.is_here() {
            held.abandon(Outcome { ttft_ms, latency_ms, ..Outcome::ok() });
        } else {
            mem::forget(held);
        }
        Ok(())
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    /// Leaving by an exception records an error; leaving without an end, or as the task is cancelled, that the client went
    /// away.
    #[pyo3(signature = (kind, _value, _traceback))]
    fn __exit__(
        &self,
        py: Python<'_>,
        kind: Option<&Bound<'_, PyType>>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let Some(held) = self.take() else { return Ok(false) };
        if !self.home.is_here() {
            mem::forget(held);
            return Ok(false);
        }
        drop(self.take_ticket());
        if let Some(kind) = kind
            && kind.is_subclass(&py.get_type::<PyException>())?
        {
            held.finish(Outcome::error());
        }
        Ok(false)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!("Lease(version={}, reason='{}')", self.version.bind(py), self.reason_name(py))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.home.is_here() {
            mem::forget((self.held.get_mut().take(), self.ticket.get_mut().take()));
        }
    }
}
