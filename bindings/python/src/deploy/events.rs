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

use crate::evaluate::report::Report;
use crate::json;

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
    /// The evaluation crosses beside it.
    Judged,
    RolledBack(&'a RollbackRecord),
    Finished(&'a Outcome),
}

/// `None` of what this binding does not know.
fn told(event: &Event) -> Option<Told<'_>> {
    let what = match &event.what {
        What::Progress(progress) => Crossing::Progress(progress),
        What::Judged(_) => Crossing::Judged,
        What::RolledBack(record) => Crossing::RolledBack(record),
        What::Finished(outcome) => Crossing::Finished(outcome),
        _ => return None,
    };
    Some(Told { rollout: &event.rollout, at: event.at, what })
}

impl Events {
    pub(super) const fn new(source: Source) -> Self {
        Self(Mutex::new(source))
    }
}

#[pymethods]
impl Events {
    /// The next event as JSON, and its evaluation where it has one, if it comes within this time.
    fn next(&self, py: Python<'_>, timeout_seconds: f64) -> PyResult<Option<(String, Option<Report>)>> {
        let timeout = Duration::try_from_secs_f64(timeout_seconds).unwrap_or_default();
        let Some(event) = py.detach(|| self.0.lock().next_timeout(timeout)) else { return Ok(None) };
        let Some(told) = told(&event) else { return Ok(None) };
        let report = match &event.what {
            What::Judged(evaluation) => Some(Report::new(Evaluation::clone(evaluation), [])),
            _ => None,
        };
        Ok(Some((json::write(py, &told)?, report)))
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
