//! A host written in Python.

use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::prelude::*;
use serinus::host::{HostError, ModelHost, conformance};
use serinus::model::{Fingerprint, ModelVersion, VersionId};
use serinus::plan::Fleet;

use crate::calls::Argument::{self, Number, Text};
use crate::calls::{Calls, Failure, Raised};
use crate::errors;

/// An object with the methods of `serinus.ModelHost`.
#[derive(Debug)]
pub(super) struct Host {
    object: Py<PyAny>,
    calls: Arc<Calls>,
    failures: Arc<Failures>,
}

/// The calls that failed, with what was raised.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Vec<(&'static str, Failure)>>);

/// A call that failed: its method, the error in words, what was raised and its traceback.
pub(super) type Failed = (&'static str, String, Option<Py<PyAny>>, Option<String>);

impl Failures {
    pub(super) fn list(&self, py: Python<'_>) -> Vec<Failed> {
        let each = |(method, failure): &(&'static str, Failure)| {
            let raised = failure.raised.as_ref();
            let error = raised.map(|Raised { error, .. }| error.clone_ref(py));
            (*method, failure.message.clone(), error, raised.map(|raised| raised.traceback.clone()))
        };
        self.0.lock().iter().map(each).collect()
    }
}

impl Host {
    pub(super) const fn new(object: Py<PyAny>, calls: Arc<Calls>, failures: Arc<Failures>) -> Self {
        Self { object, calls, failures }
    }

    fn call<T>(
        &self,
        method: &'static str,
        arguments: &[Argument<'_>],
        read: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<T, HostError> {
        self.calls.call(&self.object, method, arguments, read).map_err(|failure| {
            let what = format!("{method}: {failure}");
            let error = if failure.transient { HostError::transient(what) } else { HostError::permanent(what) };
            self.failures.0.lock().push((method, failure));
            error
        })
    }
}

/// Holds a host to the contract; an error names the rule.
#[pyfunction]
pub(super) fn check_host(py: Python<'_>, host: Py<PyAny>, calls: Py<PyAny>, first: &str, second: &str) -> PyResult<()> {
    let read = |json: &str| serde_json::from_str::<ModelVersion>(json).map_err(|error| errors::form(py, &error));
    let (first, second) = (read(first)?, read(second)?);
    let host = Host::new(host, Arc::new(Calls::new(calls)), Arc::default());
    let held = py.detach(|| conformance::check(&host, &first, &second));
    held.map_err(|violation| {
        errors::raise(py, "HostError", &violation.to_string(), Some(violation.rule), Some(&violation.what))
    })
}

impl ModelHost for Host {
    fn fleet(&self) -> Result<Fleet, HostError> {
        let json = self.call("fleet", &[], |fleet| fleet.call_method0("to_json")?.extract::<String>())?;
        serde_json::from_str(&json).map_err(HostError::permanent)
    }

    fn load(&self, version: &ModelVersion, replicas: u32) -> Result<(), HostError> {
        let version = Argument::value("version", version);
        self.call("load", &[version, Number(replicas)], |_| Ok(()))
    }

    fn warm_up(&self, version: &VersionId, tokens: u32) -> Result<(), HostError> {
        self.call("warm_up", &[Text(version.as_str()), Number(tokens)], |_| Ok(()))
    }

    fn verify(&self, version: &VersionId) -> Result<Option<Fingerprint>, HostError> {
        let found = self.call("verify", &[Text(version.as_str())], |found| found.extract::<Option<String>>())?;
        found.map(|found| Fingerprint::new(found).map_err(HostError::permanent)).transpose()
    }

    fn cancel_in_flight(&self, version: &VersionId) -> Result<u64, HostError> {
        let count = |count: &Bound<'_, PyAny>| count.extract::<Option<u64>>();
        self.call("cancel_in_flight", &[Text(version.as_str())], count).map(Option::unwrap_or_default)
    }

    fn unload(&self, version: &VersionId, keep: u32) -> Result<(), HostError> {
        self.call("unload", &[Text(version.as_str()), Number(keep)], |_| Ok(()))
    }
}
