//! Errors become the package's own.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use serinus::judge::{FeedbackError, JudgeError};
use serinus::plan::PlanError;
use serinus::route::RoutingError;
use serinus_stats::StatisticsError;

/// An error of the package by its class's name, with what was expected and what was given where that is known.
pub(crate) fn raise(py: Python<'_>, class: &str, what: &str, expected: Option<&str>, got: Option<&str>) -> PyErr {
    make(py, class, what, |keywords| {
        keywords.set_item("expected", expected)?;
        keywords.set_item("got", got)
    })
}

fn make(py: Python<'_>, class: &str, what: &str, describe: impl FnOnce(&Bound<'_, PyDict>) -> PyResult<()>) -> PyErr {
    let made = (|| {
        let class = py.import("serinus.errors")?.getattr(class)?;
        let keywords = PyDict::new(py);
        describe(&keywords)?;
        class.call((what,), Some(&keywords))
    })();
    match made {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}

pub(crate) fn plan(py: Python<'_>, error: &PlanError) -> PyErr {
    let what = error.to_string();
    match error {
        PlanError::Invalid { expected, got, .. } => raise(py, "PlanError", &what, Some(expected), Some(got)),
        PlanError::Memory { needed_gb, available_gb, .. } => {
            let (expected, got) = (format!("at least {needed_gb:.1} GB"), format!("{available_gb:.1} GB"));
            raise(py, "PlanError", &what, Some(&expected), Some(&got))
        }
        _ => raise(py, "PlanError", &what, None, None),
    }
}

pub(crate) fn routing(py: Python<'_>, error: &RoutingError) -> PyErr {
    raise(py, "RoutingError", &error.to_string(), None, None)
}

/// A value that does not have the form that it should have.
pub(crate) fn form(py: Python<'_>, error: &serde_json::Error) -> PyErr {
    raise(py, "PlanError", &error.to_string(), None, None)
}

pub(crate) fn statistics(py: Python<'_>, error: &StatisticsError) -> PyErr {
    raise(py, "StatisticsError", &error.to_string(), Some(error.expected), Some(&error.got.to_string()))
}

/// A judge that gave no judgement.
pub(crate) fn judge(py: Python<'_>, error: &JudgeError) -> PyErr {
    let kind = match error {
        JudgeError::Unavailable(_) => "unavailable",
        JudgeError::Unparsable(_) => "unparsable",
        JudgeError::OutOfBudget(_) => "out_of_budget",
        JudgeError::NotApplicable(_) => "not_applicable",
        JudgeError::Refused(_) => "refused",
    };
    make(py, "JudgeError", &error.to_string(), |keywords| keywords.set_item("kind", kind))
}

/// A judge, checks or a reviewer that cannot be put together so.
pub(crate) fn judge_config(py: Python<'_>, error: &dyn std::error::Error) -> PyErr {
    raise(py, "JudgeConfigError", &error.to_string(), None, None)
}

pub(crate) fn feedback(py: Python<'_>, error: FeedbackError) -> PyErr {
    let kind = match error {
        FeedbackError::Invalid(_) => "invalid",
        FeedbackError::Unknown => "unknown",
        FeedbackError::Late => "late",
    };
    make(py, "FeedbackError", &error.to_string(), |keywords| keywords.set_item("kind", kind))
}
