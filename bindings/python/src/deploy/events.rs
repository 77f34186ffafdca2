//! Following a rollout.

use std::time::Duration;

use parking_lot::Mutex;
use pyo3::prelude::*;
use serde::Serialize;
use serinus::clock::Timestamp;
use serinus::deploy::{Event, Events as Source, What};
use serinus::evaluate::Evaluation;
use serinus::rollback::RollbackRecord;
use serinus::rollout::{Outcome, Progress};

use crate::errors;

/// What happens in a deployment, from the moment of subscription to its end.
#[pyclass(frozen, module = "serinus._serinus")]
pub(crate) struct Events(Mutex<Source>);

/// An event as it crosses.
#[derive(Serialize)]
struct Told<'a> {
    rollout: &'a str,
    at: Timestamp,
    what: Crossing<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Crossing<'a> {
    Progress(&'a Progress),
    Judged(&'a Evaluation),
    RolledBack(&'a RollbackRecord),
    Finished(&'a Outcome),
    /// Something that this binding does not know.
    Other,
}

fn told(event: &Event) -> Told<'_> {
    let what = match &event.what {
        What::Progress(progress) => Crossing::Progress(progress),
        What::Judged(evaluation) => Crossing::Judged(evaluation),
        What::RolledBack(record) => Crossing::RolledBack(record),
        What::Finished(outcome) => Crossing::Finished(outcome),
        _ => Crossing::Other,
    };
    Told { rollout: &event.rollout, at: event.at, what }
}

impl Events {
    pub(super) const fn new(source: Source) -> Self {
        Self(Mutex::new(source))
    }
}

#[pymethods]
impl Events {
    /// The next event as JSON, if it comes within this time.
    fn next_json(&self, py: Python<'_>, timeout_seconds: f64) -> PyResult<Option<String>> {
        let timeout = Duration::try_from_secs_f64(timeout_seconds).unwrap_or_default();
        let next = py.detach(|| self.0.lock().next_timeout(timeout));
        let json = next.map(|event| serde_json::to_string(&told(&event))).transpose();
        json.map_err(|error| errors::form(py, &error))
    }

    /// Whether the deployment has ended and all its events were read.
    fn is_over(&self, py: Python<'_>) -> bool {
        py.detach(|| self.0.lock().is_over())
    }

    #[getter]
    fn missed(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.0.lock().missed())
    }
}
