//! The splitter and its leases: what each request touches.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::sync::MutexExt;
use pyo3::types::{PyDict, PyString};
use serinus::model::VersionId;
use serinus::observe::Outcome;
use serinus::route::{HashSplitter, Lease as Held, Reason, Request, SessionToken, TrafficSplitter, Weights};

use crate::errors;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Splitter>()?;
    module.add_class::<Lease>()
}

fn version(py: Python<'_>, name: &str) -> PyResult<VersionId> {
    VersionId::new(name).map_err(|error| errors::raise(py, "RoutingError", &error.to_string(), None, None))
}

fn weights(py: Python<'_>, shares: &Bound<'_, PyDict>) -> PyResult<Weights> {
    let mut all = Vec::with_capacity(shares.len());
    for (name, share) in shares {
        all.push((version(py, name.extract::<&str>()?)?, share.extract::<f64>()?));
    }
    Weights::new(all).map_err(|error| errors::routing(py, &error))
}

const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Forced => "forced",
        Reason::Pinned => "pinned",
        Reason::Category => "category",
        Reason::Sticky => "sticky",
        Reason::Weighted => "weighted",
        Reason::Retried => "retried",
    }
}

/// Splits traffic between versions by a frozen hash of the user's id. Keeps nothing per user.
#[pyclass(frozen, subclass, module = "serinus")]
pub(crate) struct Splitter {
    splitter: Arc<HashSplitter>,
    names: Names,
}

/// Each version's name as one Python string: there are few, and each request needs one.
#[derive(Default)]
struct Names(RwLock<Vec<(VersionId, Py<PyString>)>>);

impl Names {
    fn of(&self, py: Python<'_>, version: &VersionId) -> Py<PyString> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, name)) = known.iter().find(|(known, _)| known == version) {
            return name.clone_ref(py);
        }
        drop(known);
        let name = PyString::intern(py, version.as_str()).unbind();
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.push((version.clone(), name.clone_ref(py)));
        name
    }
}

impl Splitter {
    /// The splitter, for those who change its weights.
    pub(crate) fn shared(&self) -> Arc<HashSplitter> {
        Arc::clone(&self.splitter)
    }
}

#[pymethods]
impl Splitter {
    #[new]
    #[pyo3(signature = (weights, *, salt))]
    fn new(py: Python<'_>, weights: &Bound<'_, PyDict>, salt: String) -> PyResult<Self> {
        let splitter = Arc::new(HashSplitter::new(salt, &self::weights(py, weights)?));
        Ok(Self { splitter, names: Names::default() })
    }

    #[pyo3(signature = (*, user_id=None, category=None, force_version=None, session_token=None))]
    fn route(
        &self,
        py: Python<'_>,
        user_id: Option<&str>,
        category: Option<&str>,
        force_version: Option<&str>,
        session_token: Option<&str>,
    ) -> Lease {
        let request = Request::new()
            .sticky_key(user_id)
            .category(category)
            .force_version(force_version)
            .session_token(session_token);
        let held = self.splitter.route(&request);
        Lease::new(self.names.of(py, held.version()), held)
    }

    fn version_for(&self, py: Python<'_>, user_id: &str) -> Py<PyString> {
        self.names.of(py, &self.splitter.version_for(user_id))
    }

    #[expect(clippy::needless_pass_by_value, reason = "made of a Python list")]
    fn assign(&self, py: Python<'_>, user_ids: Vec<PyBackedStr>) -> Vec<Py<PyString>> {
        let versions: Vec<VersionId> =
            py.detach(|| user_ids.iter().map(|user| self.splitter.version_for(user)).collect());
        versions.iter().map(|version| self.names.of(py, version)).collect()
    }

    fn admit(&self, py: Python<'_>, version: &str) -> PyResult<()> {
        self.splitter.admit(&self::version(py, version)?);
        Ok(())
    }

    fn withdraw(&self, py: Python<'_>, version: &str) -> PyResult<()> {
        self.splitter.withdraw(&self::version(py, version)?).map_err(|error| errors::routing(py, &error))
    }

    fn set_weights(&self, py: Python<'_>, weights: &Bound<'_, PyDict>) -> PyResult<()> {
        self.splitter.set_weights(&self::weights(py, weights)?).map_err(|error| errors::routing(py, &error))
    }

    #[getter]
    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        for (version, weight) in self.splitter.table().weights().iter() {
            all.set_item(self.names.of(py, version), weight)?;
        }
        Ok(all)
    }

    fn set_category_override(&self, py: Python<'_>, category: String, version: &str) -> PyResult<()> {
        let version = self::version(py, version)?;
        self.splitter.set_category_override(category, &version).map_err(|error| errors::routing(py, &error))
    }

    fn clear_category_override(&self, category: &str) {
        self.splitter.clear_category_override(category);
    }

    fn clear_sticky_sessions(&self) {
        self.splitter.clear_sticky_sessions();
    }

    /// Gives up a cancelled lease and begins again on a version that stays; evidence for neither.
    fn retry(&self, py: Python<'_>, lease: &Lease) -> PyResult<Lease> {
        let held = self.splitter.retry(lease.end(py)?);
        Ok(Lease::new(self.names.of(py, held.version()), held))
    }

    fn cancel(&self, py: Python<'_>, version: &str) -> PyResult<u64> {
        self.splitter.cancel(&self::version(py, version)?).map_err(|error| errors::routing(py, &error))
    }

    fn stats_json(&self, py: Python<'_>) -> PyResult<String> {
        serde_json::to_string(&self.splitter.stats()).map_err(|error| errors::form(py, &error))
    }
}

/// The right to run one request on one version, counted until it ends.
#[pyclass(frozen, module = "serinus")]
pub(crate) struct Lease {
    version: Py<PyString>,
    reason: Reason,
    session_token: SessionToken,
    held: Mutex<Option<Held>>,
}

impl Lease {
    fn new(version: Py<PyString>, held: Held) -> Self {
        Self { version, reason: held.reason(), session_token: held.session_token(), held: Mutex::new(Some(held)) }
    }

    /// Takes what is held, if it is still held. A thread that died with the lock left it whole.
    fn take(&self, py: Python<'_>) -> Option<Held> {
        self.held.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner).take()
    }

    fn end(&self, py: Python<'_>) -> PyResult<Held> {
        let what = "this lease has been finished already; each lease ends once";
        self.take(py).ok_or_else(|| errors::raise(py, "RoutingError", what, None, None))
    }
}

#[pymethods]
impl Lease {
    #[getter]
    fn version(&self, py: Python<'_>) -> Py<PyString> {
        self.version.clone_ref(py)
    }

    #[getter]
    fn reason<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        PyString::intern(py, reason(self.reason))
    }

    #[getter]
    fn session_token(&self) -> String {
        self.session_token.to_string()
    }

    /// Whether the request must stop: its version is leaving and the drain deadline has passed.
    #[getter]
    fn cancelled(&self, py: Python<'_>) -> bool {
        let held = self.held.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        held.as_ref().is_some_and(Held::is_cancelled)
    }

    /// Whether the request has ended, one way or another.
    #[getter]
    fn ended(&self, py: Python<'_>) -> bool {
        self.held.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner).is_none()
    }

    #[expect(clippy::too_many_arguments, reason = "keywords")]
    #[pyo3(signature = (*, ttft_ms=None, latency_ms=None, tokens=None, error=None, passed=None, quality=None))]
    fn finish(
        &self,
        py: Python<'_>,
        ttft_ms: Option<f64>,
        latency_ms: Option<f64>,
        tokens: Option<u32>,
        error: Option<&Bound<'_, PyAny>>,
        passed: Option<bool>,
        quality: Option<f64>,
    ) -> PyResult<()> {
        let error = error.map_or(Ok(false), PyAnyMethods::is_truthy)?;
        let held = self.end(py)?;
        held.finish(Outcome { ttft_ms, latency_ms, tokens, error, passed, quality, ..Outcome::ok() });
        Ok(())
    }

    /// Ends the request as abandoned: its client went away. Says how long it had waited by then, and its time to the
    /// first token if that had come, so that a version that is left for being slow does not look fast.
    #[pyo3(signature = (*, ttft_ms=None, latency_ms=None))]
    fn abandon(&self, py: Python<'_>, ttft_ms: Option<f64>, latency_ms: Option<f64>) -> PyResult<()> {
        self.end(py)?.abandon(Outcome { ttft_ms, latency_ms, ..Outcome::ok() });
        Ok(())
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    /// Leaving by an exception records an error, leaving without an end that the client went away.
    #[pyo3(signature = (kind, _value, _traceback))]
    fn __exit__(
        &self,
        py: Python<'_>,
        kind: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> bool {
        if let Some(held) = self.take(py)
            && !kind.is_none()
        {
            held.finish(Outcome::error());
        }
        false
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!("Lease(version={}, reason={:?})", self.version.bind(py), reason(self.reason))
    }
}
