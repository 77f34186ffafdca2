//! One request, and what it came to, as Python sees them.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString, PyTuple};
use serinus::clock::Timestamp;
use serinus::model::VersionId;
use serinus::observe::{self, Check, Checks};

use crate::errors;

/// What an error is called of which nothing is known but that it was one.
const ERROR: &str = "error";

pub(super) fn version(py: Python<'_>, name: &str) -> PyResult<VersionId> {
    VersionId::new(name).map_err(|error| errors::raise(py, "StatisticsError", &error.to_string(), None, None))
}

/// Seconds since the epoch.
pub(super) fn time(py: Python<'_>, argument: &str, seconds: f64) -> PyResult<Timestamp> {
    if !(0.0..=f64::MAX).contains(&seconds) {
        let (what, got) = (format!("{argument} must be finite and at least 0, got {seconds}"), seconds.to_string());
        return Err(errors::raise(py, "StatisticsError", &what, Some("finite and at least 0"), Some(&got)));
    }
    Ok(Timestamp::from_secs_f64(seconds))
}

/// A number of tokens; unmeasured if it cannot be one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in the range")]
pub(super) fn tokens(number: f64) -> Option<u32> {
    (0.0..=f64::from(u32::MAX)).contains(&number).then_some(number as u32)
}

/// The kind of a request; 16 and above, which are none, as one that is none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in the range")]
pub(super) fn stratum(number: f64) -> u8 {
    if (0.0..16.0).contains(&number) { number as u8 } else { u8::MAX }
}

const fn check_name(check: Check) -> &'static str {
    match check {
        Check::Empty => "empty",
        Check::Truncated => "truncated",
        Check::Repetition => "repetition",
        Check::Refusal => "refusal",
        Check::Json => "json",
        Check::ToolCall => "tool_call",
        Check::Language => "language",
        Check::Length => "length",
        Check::Custom => "custom",
    }
}

pub(super) fn check(py: Python<'_>, name: &str) -> PyResult<Check> {
    Check::ALL.into_iter().find(|check| check_name(*check) == name).ok_or_else(|| {
        let expected = Check::ALL.map(check_name).join(", ");
        let what = format!("expected a check of texts ({expected}), got {name:?}");
        errors::raise(py, "StatisticsError", &what, Some(&expected), Some(name))
    })
}

fn checks(object: &Bound<'_, PyAny>) -> PyResult<Checks> {
    let mut all = Checks::none();
    for item in object.call_method0("items")?.try_iter()? {
        let (name, passed): (String, bool) = item?.extract()?;
        all = all.with(check(object.py(), &name)?, passed);
    }
    Ok(all)
}

fn checks_made(py: Python<'_>, checks: Checks) -> PyResult<Bound<'_, PyDict>> {
    let made = PyDict::new(py);
    for check in Check::ALL {
        if let Some(failed) = checks.failed(check) {
            made.set_item(check_name(check), !failed)?;
        }
    }
    Ok(made)
}

/// What went wrong, in words; `None` if nothing did.
fn error_message(error: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    if !error.is_truthy()? {
        return Ok(None);
    }
    if error.is_instance_of::<PyBool>() {
        return Ok(Some(ERROR.into()));
    }
    if let Ok(words) = error.cast::<PyString>() {
        return words.extract().map(Some);
    }
    Ok(Some(format!("{}: {}", error.get_type().name()?, error.str()?)))
}

/// One request, reported after the fact.
#[pyclass(frozen, subclass, module = "serinus._serinus")]
pub(crate) struct Observation(pub(super) observe::Observation);

#[pymethods]
impl Observation {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "keywords")]
    #[pyo3(signature = (*, version, latency_ms=None, ttft_ms=None, tokens=None, error=None, quality=None, passed=None,
                        feedback=None, checks=None, stratum=None, sticky_key=None, request_id=None, arrived_at=None,
                        prompt=None, response=None))]
    fn new(
        py: Python<'_>,
        version: &str,
        latency_ms: Option<f64>,
        ttft_ms: Option<f64>,
        tokens: Option<f64>,
        error: Option<&Bound<'_, PyAny>>,
        quality: Option<f64>,
        passed: Option<bool>,
        feedback: Option<f64>,
        checks: Option<&Bound<'_, PyAny>>,
        stratum: Option<f64>,
        sticky_key: Option<String>,
        request_id: Option<String>,
        arrived_at: Option<f64>,
        prompt: Option<String>,
        response: Option<String>,
    ) -> PyResult<Self> {
        let error_message = error.map_or(Ok(None), error_message)?;
        let outcome = observe::Outcome {
            ttft_ms,
            latency_ms,
            tokens: tokens.and_then(self::tokens),
            error: error_message.is_some(),
            passed,
            quality,
            checks: checks.map_or(Ok(Checks::none()), self::checks)?,
            feedback,
            stratum: stratum.map(self::stratum),
        };
        Ok(Self(observe::Observation {
            version: self::version(py, version)?,
            request_id,
            arrived_at: arrived_at.map(|seconds| time(py, "arrived_at", seconds)).transpose()?,
            sticky_key,
            outcome,
            error_message,
            prompt,
            response,
        }))
    }

    #[getter]
    fn version(&self) -> &str {
        self.0.version.as_str()
    }

    #[getter]
    fn latency_ms(&self) -> Option<f64> {
        self.0.outcome.latency_ms
    }

    #[getter]
    fn ttft_ms(&self) -> Option<f64> {
        self.0.outcome.ttft_ms
    }

    #[getter]
    fn tokens(&self) -> Option<u32> {
        self.0.outcome.tokens
    }

    #[getter]
    fn error(&self) -> Option<&str> {
        self.0.error_message.as_deref()
    }

    #[getter]
    fn quality(&self) -> Option<f64> {
        self.0.outcome.quality
    }

    #[getter]
    fn passed(&self) -> Option<bool> {
        self.0.outcome.passed
    }

    #[getter]
    fn feedback(&self) -> Option<f64> {
        self.0.outcome.feedback
    }

    #[getter]
    fn checks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        checks_made(py, self.0.outcome.checks)
    }

    #[getter]
    fn stratum(&self) -> Option<u8> {
        self.0.outcome.stratum
    }

    #[getter]
    fn sticky_key(&self) -> Option<&str> {
        self.0.sticky_key.as_deref()
    }

    #[getter]
    fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    #[getter]
    fn arrived_at(&self) -> Option<f64> {
        self.0.arrived_at.map(Timestamp::as_secs_f64)
    }

    #[getter]
    fn prompt(&self) -> Option<&str> {
        self.0.prompt.as_deref()
    }

    #[getter]
    fn response(&self) -> Option<&str> {
        self.0.response.as_deref()
    }

    /// The value as plain data: what is known of the request.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let fields = PyDict::new(py);
        fields.set_item("version", self.version())?;
        set(&fields, "latency_ms", self.latency_ms())?;
        set(&fields, "ttft_ms", self.ttft_ms())?;
        set(&fields, "tokens", self.tokens())?;
        set(&fields, "error", self.error())?;
        set(&fields, "quality", self.quality())?;
        set(&fields, "passed", self.passed())?;
        set(&fields, "feedback", self.feedback())?;
        let checks = self.checks(py)?;
        set(&fields, "checks", (!checks.is_empty()).then_some(checks))?;
        set(&fields, "stratum", self.stratum())?;
        set(&fields, "sticky_key", self.sticky_key())?;
        set(&fields, "request_id", self.request_id())?;
        set(&fields, "arrived_at", self.arrived_at())?;
        set(&fields, "prompt", self.prompt())?;
        set(&fields, "response", self.response())?;
        Ok(fields)
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        Ok((PyTuple::empty(py), self.to_dict(py)?))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().0 == self.0)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let observation = &self.0;
        (&observation.version, &observation.request_id, &observation.sticky_key).hash(&mut hasher);
        (observation.arrived_at, observation.outcome.tokens).hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut shown = Vec::new();
        for (name, value) in self.to_dict(py)? {
            shown.push(format!("{name}={}", value.repr()?));
        }
        Ok(format!("Observation({})", shown.join(", ")))
    }
}

fn set<'py>(fields: &Bound<'py, PyDict>, name: &str, value: Option<impl IntoPyObject<'py>>) -> PyResult<()> {
    value.map_or(Ok(()), |value| fields.set_item(name, value))
}

/// What a request came to, as a guardrail of the host's own is asked about it.
#[pyclass(frozen, module = "serinus._serinus")]
pub(crate) struct Outcome(pub(super) observe::Outcome);

#[pymethods]
impl Outcome {
    /// Time from the request's arrival to its last token, in milliseconds.
    #[getter]
    fn latency_ms(&self) -> Option<f64> {
        self.0.latency_ms
    }

    /// Time to the first token, in milliseconds.
    #[getter]
    fn ttft_ms(&self) -> Option<f64> {
        self.0.ttft_ms
    }

    /// Tokens of the response.
    #[getter]
    fn tokens(&self) -> Option<u32> {
        self.0.tokens
    }

    /// Whether the request ended in an error.
    #[getter]
    fn error(&self) -> bool {
        self.0.error
    }

    /// Whether the answer was judged to be good.
    #[getter]
    fn passed(&self) -> Option<bool> {
        self.0.passed
    }

    /// A score of the answer, in [0, 1].
    #[getter]
    fn quality(&self) -> Option<f64> {
        self.0.quality
    }

    /// What the user thought of it, in [0, 1].
    #[getter]
    fn feedback(&self) -> Option<f64> {
        self.0.feedback
    }

    /// The checks of its text that were made, and whether it passed each.
    #[getter]
    fn checks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        checks_made(py, self.0.checks)
    }

    /// What kind of request it was, from 0 to 15.
    #[getter]
    fn stratum(&self) -> Option<u8> {
        self.0.stratum
    }

    fn __repr__(&self) -> String {
        format!("Outcome(error={}, latency_ms={:?}, tokens={:?})", self.0.error, self.0.latency_ms, self.0.tokens)
    }
}

/// A version's name is text; anything else is a mistake that is told of by its type.
pub(super) fn text<'a>(object: &'a Bound<'_, PyAny>, argument: &str) -> PyResult<&'a str> {
    let text = object.cast::<PyString>().map_err(|_| {
        let kind = object.get_type().name().map_or_else(|_| "something else".into(), |name| name.to_string());
        PyTypeError::new_err(format!("{argument}: expected a string, got {kind}"))
    })?;
    text.to_str()
}
