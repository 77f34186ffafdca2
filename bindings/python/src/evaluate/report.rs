//! What an evaluator says, kept as it is until Python asks for its parts.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use serde::{Deserialize, Serialize};
use serinus::evaluate::{Evaluation, Verdict};
use serinus_stats::Interval;

use crate::errors;

/// An evaluation, with an interval for each guardrail.
#[pyclass(frozen, module = "serinus._serinus")]
pub(crate) struct Report(Said);

/// JSON has no infinity: an open end of an interval is `null`.
#[derive(PartialEq, Serialize, Deserialize)]
struct Said {
    #[serde(flatten)]
    evaluation: Evaluation,
    #[serde(default)]
    intervals: BTreeMap<String, (Option<f64>, Option<f64>)>,
}

impl Report {
    pub(crate) fn new(evaluation: Evaluation, intervals: impl IntoIterator<Item = (String, Interval)>) -> Self {
        let finite = |end: f64| end.is_finite().then_some(end);
        let ends = |interval: Interval| (finite(interval.low), finite(interval.high));
        let intervals = intervals.into_iter().map(|(name, interval)| (name, ends(interval))).collect();
        Self(Said { evaluation, intervals })
    }
}

#[pymethods]
impl Report {
    /// From JSON, with or without intervals.
    #[staticmethod]
    fn from_json(py: Python<'_>, json: &str) -> PyResult<Self> {
        serde_json::from_str(json)
            .map(Self)
            .map_err(|error| errors::raise(py, "StatisticsError", &format!("not an evaluation: {error}"), None, None))
    }

    #[getter]
    fn verdict(&self) -> &'static str {
        match self.0.evaluation.verdict {
            Verdict::Insufficient => "insufficient",
            Verdict::Undecided => "undecided",
            Verdict::Healthy => "healthy",
            Verdict::Degraded => "degraded",
        }
    }

    #[getter]
    fn rollback(&self) -> bool {
        self.0.evaluation.rollback
    }

    #[getter]
    fn reasons(&self) -> Vec<String> {
        self.0.evaluation.reasons.clone()
    }

    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| serde_json::to_string(&self.0))
            .map_err(|error| errors::raise(py, "StatisticsError", &error.to_string(), None, None))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().0 == self.0)
    }
}
