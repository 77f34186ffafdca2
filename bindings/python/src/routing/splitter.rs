//! The splitter.

#![expect(clippy::doc_markdown, reason = "Python's docstrings are not Markdown")]

use std::mem;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyDict, PyString};
use serinus::model::VersionId;
use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};

use super::Lease;
use super::attached::Attached;
use super::forks::Lineage;
use super::names::Names;
use crate::errors;
use crate::json;
use crate::judge::Reviewer;

/// Splits traffic between versions by a frozen hash of the user's id. Keeps nothing per user.
#[pyclass(frozen, subclass, module = "serinus")]
pub(crate) struct Splitter {
    lineage: Arc<Lineage>,
    names: Names,
    attached: Attached,
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

impl Splitter {
    /// The library's own, of this process.
    pub(crate) fn inner(&self) -> &Arc<HashSplitter> {
        self.lineage.splitter()
    }

    /// Requests are sampled for this reviewer from here on, or for none.
    pub(crate) fn set_reviewer(&self, reviewer: Option<Py<Reviewer>>) {
        self.attached.set(reviewer);
    }
}

#[pymethods]
impl Splitter {
    #[new]
    #[pyo3(signature = (weights, *, salt))]
    fn new(py: Python<'_>, weights: &Bound<'_, PyDict>, salt: String) -> PyResult<Self> {
        let lineage = Lineage::found(salt, &self::weights(py, weights)?);
        Ok(Self { lineage, names: Names::default(), attached: Attached::default() })
    }

    /// Chooses the version for a request and counts it in flight until its lease ends.
    ///
    /// Parameters
    /// ----------
    /// user_id : str, optional
    ///     The user, session or tenant that is to meet the same version each time; without one chance decides.
    /// category : str, optional
    ///     The kind of request, for category overrides.
    /// force_version : str, optional
    ///     Asks for a version by name, past every weight; one that is not served is ignored.
    /// session_token : str, optional
    ///     The token of an earlier request of the same conversation.
    /// request_id : str, optional
    ///     The host's name for the request, by which it is sampled for judging and by which feedback finds it.
    ///
    /// Returns
    /// -------
    /// Lease
    ///     For a ``with`` block, or to be kept and finished wherever the request ends.
    #[pyo3(signature = (user_id=None, category=None, force_version=None, session_token=None, request_id=None))]
    fn route(
        &self,
        py: Python<'_>,
        user_id: Option<&str>,
        category: Option<&str>,
        force_version: Option<&str>,
        session_token: Option<&str>,
        request_id: Option<&str>,
    ) -> Lease {
        let request = Request::new()
            .sticky_key(user_id)
            .category(category)
            .force_version(force_version)
            .session_token(session_token);
        let held = self.inner().route(&request);
        let ticket = self.attached.ticket(&held, request_id);
        Lease::new(self.names.of(py, held.version()), held, ticket)
    }

    /// The version that a user belongs to. Counts nothing.
    fn version_for(&self, py: Python<'_>, user_id: &str) -> Py<PyString> {
        let version = self
            .inner()
            .with_version_for(user_id, |version| self.names.known(py, version).ok_or_else(|| version.clone()));
        version.unwrap_or_else(|version| self.names.of(py, &version))
    }

    /// The versions that users belong to, in their order.
    #[expect(clippy::needless_pass_by_value, reason = "made of a Python list")]
    fn assign(&self, py: Python<'_>, user_ids: Vec<PyBackedStr>) -> Vec<Py<PyString>> {
        let splitter = self.inner();
        let versions: Vec<VersionId> = py.detach(|| user_ids.iter().map(|user| splitter.version_for(user)).collect());
        versions.iter().map(|version| self.names.of(py, version)).collect()
    }

    /// Makes a loaded version known; it has no traffic yet.
    fn admit(&self, py: Python<'_>, version: &str) -> PyResult<()> {
        self.inner().admit(&self::version(py, version)?);
        Ok(())
    }

    /// Takes a version out of service: it gets no new request, whatever asks for it.
    fn withdraw(&self, py: Python<'_>, version: &str) -> PyResult<()> {
        self.inner().withdraw(&self::version(py, version)?).map_err(|error| errors::routing(py, &error))
    }

    /// Shares traffic out anew. The very next request follows it.
    fn set_weights(&self, py: Python<'_>, weights: &Bound<'_, PyDict>) -> PyResult<()> {
        self.inner().set_weights(&self::weights(py, weights)?).map_err(|error| errors::routing(py, &error))
    }

    /// The configured shares, by version.
    #[getter]
    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        for (version, weight) in self.inner().table().weights().iter() {
            all.set_item(self.names.of(py, version), weight)?;
        }
        Ok(all)
    }

    /// Sends all requests of a category to one version.
    fn set_category_override(&self, py: Python<'_>, category: String, version: &str) -> PyResult<()> {
        let version = self::version(py, version)?;
        self.inner().set_category_override(category, &version).map_err(|error| errors::routing(py, &error))
    }

    /// Routes a category by the weights again.
    fn clear_category_override(&self, category: &str) {
        self.inner().clear_category_override(category);
    }

    /// Session tokens handed out so far no longer pin.
    fn clear_sticky_sessions(&self) {
        self.inner().clear_sticky_sessions();
    }

    /// The reviewer that requests are sampled for, if there is one.
    #[getter]
    fn reviewer(&self, py: Python<'_>) -> Option<Py<Reviewer>> {
        self.attached.get(py)
    }

    #[setter(reviewer)]
    fn attach(&self, reviewer: Option<Py<Reviewer>>) {
        self.set_reviewer(reviewer);
    }

    /// Attaches what a user thought of an answer, in [0, 1], to its request. The first word on a request counts.
    ///
    /// Raises
    /// ------
    /// FeedbackError
    ///     If it is no score, comes too late, or finds no request that is compared. The last is usual: most requests are not
    ///     part of a rollout.
    /// RoutingError
    ///     If nobody waits for feedback.
    fn feedback(&self, py: Python<'_>, request_id: &str, score: f64) -> PyResult<()> {
        let Some(reviewer) = self.attached.get(py) else {
            let what = "nobody waits for feedback: this splitter has no reviewer; set splitter.reviewer to a \
                        Reviewer(feedback=Feedback())";
            return Err(errors::raise(py, "RoutingError", what, Some("a reviewer"), Some("none")));
        };
        reviewer.get().say(py, request_id, score)
    }

    /// Gives up a cancelled lease and begins again on a version that stays; evidence for neither. Its ``reason`` is
    /// ``"retried"``.
    ///
    /// Raises
    /// ------
    /// RoutingError
    ///     If the lease has ended already, or is of a process that this one was forked from.
    fn retry(&self, py: Python<'_>, lease: &Lease) -> PyResult<Lease> {
        let held = lease.end(py)?;
        if !lease.home().is_here() {
            mem::forget(held);
            let what = "this lease is of the process that this one was forked from; route the request anew";
            return Err(errors::raise(py, "RoutingError", what, None, None));
        }
        let held = self.inner().retry(held);
        Ok(Lease::new(self.names.of(py, held.version()), held, None))
    }

    /// Tells the holders of a withdrawn version's leases to stop and retry; says how many there are.
    ///
    /// Raises
    /// ------
    /// RoutingError
    ///     While the version still gets traffic.
    fn cancel(&self, py: Python<'_>, version: &str) -> PyResult<u64> {
        self.inner().cancel(&self::version(py, version)?).map_err(|error| errors::routing(py, &error))
    }

    fn stats_json(&self, py: Python<'_>) -> PyResult<String> {
        json::write(py, &self.inner().stats())
    }
}
