//! The reviewer, and what it calls.

use std::sync::Arc;

use pyo3::prelude::*;
use serde::Deserialize;
use serinus::judge::{self, Feedback, Reviewer as Native, Sampling};

use super::adapters::Adapter;
use super::crew::{Crew, on_this_thread};
use super::endpoint::seconds;
use super::measure;
use super::standard::StandardChecks;
use crate::errors;
use crate::json;
use crate::process::Own;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    sampling: SamplingOptions,
    feedback: Option<FeedbackOptions>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SamplingOptions {
    per_minute: f64,
    replays_per_second: f64,
    max_held: usize,
    deadline_seconds: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FeedbackOptions {
    window_seconds: f64,
    remembered: usize,
}

/// Has a sample of both versions' answers judged, off the request path.
#[pyclass(frozen, subclass, module = "serinus")]
pub(crate) struct Reviewer {
    reviewer: Own<Arc<Native>>,
    takes_feedback: bool,
}

impl Reviewer {
    /// The library's own; `None` in a process other than the one that made it, where its threads are not.
    pub(crate) fn here(&self) -> Option<&Arc<Native>> {
        self.reviewer.get()
    }

    /// As [`here`](Self::here), or an error that says why not.
    pub(crate) fn inner(&self, py: Python<'_>) -> PyResult<Arc<Native>> {
        self.here().map(Arc::clone).ok_or_else(|| {
            let what = "this reviewer belongs to the process that made it, and its threads did not survive the fork; make one \
                        in each process";
            errors::raise(py, "JudgeConfigError", what, None, None)
        })
    }

    pub(crate) fn say(&self, py: Python<'_>, request_id: &str, score: f64) -> PyResult<()> {
        if !self.takes_feedback {
            let what = "nobody waits for feedback: this reviewer was made without; make it with feedback=Feedback()";
            return Err(errors::raise(py, "RoutingError", what, Some("a reviewer with feedback"), None));
        }
        self.inner(py)?.feedback(request_id, score).map_err(|error| errors::feedback(py, error))
    }
}

#[pymethods]
impl Reviewer {
    #[new]
    fn new(
        py: Python<'_>,
        judge: Option<&Bound<'_, PyAny>>,
        checks: Option<&Bound<'_, PyAny>>,
        generate: Option<&Bound<'_, PyAny>>,
        redactor: Option<&Bound<'_, PyAny>>,
        options: &str,
        workers: usize,
    ) -> PyResult<Self> {
        let options: Options = serde_json::from_str(options).map_err(|error| errors::judge_config(py, &error))?;
        let mut crew = None;
        let mut adapter = |object: &Bound<'_, PyAny>| -> PyResult<_> {
            let crew = match &crew {
                Some(crew) => Arc::clone(crew),
                None => Arc::clone(crew.insert(Crew::new(py, workers)?)),
            };
            Ok(Arc::new(Adapter { object: object.clone().unbind(), crew }))
        };
        let mut builder = Native::builder().workers(workers).sampling(Sampling {
            per_minute: options.sampling.per_minute,
            replays_per_second: options.sampling.replays_per_second,
            max_held: options.sampling.max_held,
            deadline: seconds(py, "deadline_seconds", options.sampling.deadline_seconds)?,
        });
        if let Some(judge) = judge {
            builder = builder.judge(measure::judge(judge, &mut adapter)?);
        }
        if let Some(checks) = checks {
            let checks: Arc<dyn judge::TextChecks> = match checks.cast::<StandardChecks>() {
                Ok(standard) => standard.get().inner(),
                Err(_) => adapter(checks)?,
            };
            builder = builder.checks(checks);
        }
        if let Some(host) = generate {
            builder = builder.replays(adapter(host)?);
        }
        if let Some(redactor) = redactor {
            builder = builder.redactor(adapter(redactor)?);
        }
        let takes_feedback = options.feedback.is_some();
        if let Some(feedback) = options.feedback {
            let window = seconds(py, "window_seconds", feedback.window_seconds)?;
            builder = builder.feedback(Feedback { window, remembered: feedback.remembered });
        }
        let reviewer = builder.build().map_err(|error| errors::judge_config(py, &error))?;
        Ok(Self { reviewer: Own::new(Arc::new(reviewer)), takes_feedback })
    }

    /// Attaches what a user thought of an answer; as ``Splitter.feedback``.
    fn feedback(&self, py: Python<'_>, request_id: &str, score: f64) -> PyResult<()> {
        self.say(py, request_id, score)
    }

    /// Does all the work that waits, on this thread: for tests, and for reviewers without workers.
    fn work_off(&self, py: Python<'_>) -> PyResult<()> {
        let reviewer = self.inner(py)?;
        on_this_thread(py, || reviewer.work_off())
    }

    /// Whether prompts can be tried on a canary and compared.
    #[getter]
    fn can_shadow(&self) -> bool {
        self.here().is_some_and(|reviewer| reviewer.can_shadow())
    }

    /// Whether it checks texts.
    #[getter]
    fn has_checks(&self) -> bool {
        self.here().is_some_and(|reviewer| reviewer.has_checks())
    }

    fn stats_json(&self, py: Python<'_>) -> PyResult<String> {
        json::write(py, &self.inner(py)?.stats())
    }
}
