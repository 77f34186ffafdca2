//! One deployment.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::prelude::*;
use serde::Serialize;
use serinus::clock::Timestamp;
use serinus::deploy::{Controls, DeployError, Deployment as Driver, DeploymentBuilder};
use serinus::evaluate::{CanaryEvaluator, EvaluatorError};
use serinus::host::ModelHost;
use serinus::journal::{Journal as Keeps, MemoryJournal, Record};
use serinus::judge::Reviewer as Review;
use serinus::plan::UpdatePlan;
use serinus::rollout::{Effect, Outcome, RolloutError};

use super::alerts::Sink;
use super::events::Events;
use super::host::{Failed, Failures, Host};
use super::journal;
use super::policy::Policy;
use crate::calls::Calls;
use crate::errors;
use crate::evaluate::maker::{maker, refused};
use crate::evaluate::report::Report;
use crate::json;
use crate::judge::Reviewer;
use crate::routing::Splitter;

/// A plan being carried out.
#[pyclass(frozen, module = "serinus._serinus")]
pub(crate) struct Deployment {
    driver: Mutex<Option<Driver>>,
    controls: Controls,
    journal: Arc<dyn Keeps>,
    failures: Arc<Failures>,
}

/// What a deployment came to, as it crosses.
#[derive(Serialize)]
struct Ended {
    outcome: Outcome,
    /// The canary's share over time, as the journal has it.
    weights: Vec<(Timestamp, f64)>,
}

/// What a deployment is put together of, beside its plan.
struct Parts {
    journal: Arc<dyn Keeps>,
    tick: Duration,
    alerts: Vec<Arc<Sink>>,
    policy: Option<Arc<Policy>>,
    review: Option<Arc<Review>>,
}

impl Parts {
    fn put<P>(
        self,
        builder: DeploymentBuilder<Arc<dyn ModelHost>, P>,
        make: impl Fn(&UpdatePlan) -> Result<Box<dyn CanaryEvaluator>, EvaluatorError> + Send + Sync + 'static,
    ) -> DeploymentBuilder<Arc<dyn ModelHost>, P> {
        let mut builder = builder.tick(self.tick).journal(self.journal).evaluator(make);
        if let Some(review) = self.review {
            builder = builder.reviewer(review);
        }
        for sink in self.alerts {
            builder = builder.alerts(sink);
        }
        match self.policy {
            Some(policy) => builder.policy(policy),
            None => builder,
        }
    }
}

#[pymethods]
impl Deployment {
    /// Of a plan; or, without one, of the rollout that the journal has as unfinished, if there is one.
    #[staticmethod]
    #[expect(clippy::too_many_arguments, reason = "keywords")]
    #[pyo3(signature = (plan, *, host, splitter, calls, tick_seconds, alerts, journal=None, policy=None, reviewer=None,
                        guardrails=None, rollout=None))]
    fn open(
        py: Python<'_>,
        plan: Option<&str>,
        host: Py<PyAny>,
        splitter: &Bound<'_, Splitter>,
        calls: Py<PyAny>,
        tick_seconds: f64,
        alerts: Vec<Py<PyAny>>,
        journal: Option<&Bound<'_, PyAny>>,
        policy: Option<Bound<'_, PyAny>>,
        reviewer: Option<Py<Reviewer>>,
        guardrails: Option<&Bound<'_, PyAny>>,
        rollout: Option<String>,
    ) -> PyResult<Option<Self>> {
        let plan = plan.map(UpdatePlan::from_json).transpose().map_err(|error| errors::plan(py, &error))?;
        let tick = Duration::try_from_secs_f64(tick_seconds).ok().filter(|tick| !tick.is_zero()).ok_or_else(|| {
            let what = format!("tick_seconds must be finite and above 0, got {tick_seconds}");
            errors::raise(py, "RolloutConfigError", &what, Some("finite and above 0"), Some(&tick_seconds.to_string()))
        })?;
        let calls = Arc::new(Calls::new(calls));
        let failures = Arc::new(Failures::default());
        let host: Arc<dyn ModelHost> = Arc::new(Host::new(host, Arc::clone(&calls), Arc::clone(&failures)));
        let journal = match journal {
            None => Arc::new(MemoryJournal::default()),
            Some(journal) => journal::given(journal, &calls)?,
        };
        let sink = |object| Arc::new(Sink { object, calls: Arc::clone(&calls) });
        let policy = policy.map(|policy| Policy::new(policy, Arc::clone(&calls))).transpose()?.map(Arc::new);
        let review = reviewer.as_ref().map(|reviewer| reviewer.get().inner(py)).transpose()?;
        let checks_texts = review.as_ref().is_some_and(|reviewer| reviewer.has_checks());
        let make = maker(guardrails, checks_texts)?;
        let alerts = alerts.into_iter().map(sink).collect();
        let parts = Parts { journal: Arc::clone(&journal), tick, alerts, policy, review };
        let table = Arc::clone(splitter.get().inner());
        let built = py.detach(|| match (plan, rollout) {
            (Some(plan), _) => parts.put(Driver::builder(plan, host, table), make).build().map(Some),
            (None, None) => parts.put(Driver::recovery(host, table), make).build(),
            (None, Some(rollout)) => parts.put(Driver::recovery(host, table), make).rollout(rollout).build(),
        });
        let Some(driver) = built.map_err(|error| raise(py, &error))? else { return Ok(None) };
        if reviewer.is_some() {
            splitter.get().set_reviewer(reviewer);
        }
        let controls = driver.controls();
        Ok(Some(Self { driver: Mutex::new(Some(driver)), controls, journal, failures }))
    }

    /// Carries the plan out; blocks until the end.
    fn drive(&self, py: Python<'_>) -> PyResult<String> {
        let Some(driver) = py.detach(|| self.driver.lock().take()) else {
            let what = "this deployment has run already; make another one";
            return Err(errors::raise(py, "RolloutError", what, None, None));
        };
        let ended = py.detach(|| {
            let outcome = driver.run()?;
            let weights = self.weights().unwrap_or_default();
            Ok(Ended { outcome, weights })
        });
        let ended = ended.map_err(|error: DeployError| raise(py, &error))?;
        json::write(py, &ended)
    }

    /// The calls to the host that failed.
    fn failures(&self, py: Python<'_>) -> Vec<Failed> {
        self.failures.list(py)
    }

    fn events(&self, py: Python<'_>) -> Events {
        Events::new(py.detach(|| self.controls.events()))
    }

    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.controls.stop());
    }

    fn pause(&self, py: Python<'_>, reason: String) -> PyResult<()> {
        self.command(py, |controls| controls.pause(reason))
    }

    fn resume(&self, py: Python<'_>) -> PyResult<()> {
        self.command(py, Controls::resume)
    }

    fn approve(&self, py: Python<'_>) -> PyResult<()> {
        self.command(py, Controls::approve)
    }

    fn abort(&self, py: Python<'_>, reason: String) -> PyResult<()> {
        self.command(py, |controls| controls.abort(reason))
    }

    fn promote(&self, py: Python<'_>) -> PyResult<()> {
        self.command(py, Controls::promote)
    }

    fn end_bake(&self, py: Python<'_>) -> PyResult<()> {
        self.command(py, Controls::end_bake)
    }

    fn supersede(&self, py: Python<'_>, plan: &str) -> PyResult<()> {
        let plan = UpdatePlan::from_json(plan).map_err(|error| errors::plan(py, &error))?;
        self.command(py, |controls| controls.supersede(plan))
    }

    #[getter]
    fn rollout(&self, py: Python<'_>) -> String {
        py.detach(|| self.controls.rollout())
    }

    #[getter]
    fn phase(&self, py: Python<'_>) -> String {
        py.detach(|| self.controls.phase().to_string())
    }

    fn evaluation(&self, py: Python<'_>) -> Report {
        Report::new(py.detach(|| self.controls.evaluation()), [])
    }
}

impl Deployment {
    fn command(&self, py: Python<'_>, word: impl FnOnce(&Controls) -> Result<(), RolloutError> + Send) -> PyResult<()> {
        let taken = py.detach(|| word(&self.controls));
        taken.map_err(|error| errors::raise(py, "RolloutError", &error.to_string(), None, None))
    }

    fn weights(&self) -> Option<Vec<(Timestamp, f64)>> {
        let entries = self.journal.entries(&self.controls.rollout()).ok()?;
        let mut weights = Vec::new();
        for entry in entries {
            let Record::Decided { effects, .. } = entry.what else { continue };
            weights.extend(effects.iter().filter_map(|effect| match effect {
                Effect::SetWeights { canary_weight, .. } => Some((entry.at, *canary_weight)),
                Effect::RollBackTraffic { .. } => Some((entry.at, 0.0)),
                _ => None,
            }));
        }
        Some(weights)
    }
}

fn raise(py: Python<'_>, error: &DeployError) -> PyErr {
    let class = match error {
        DeployError::Plan(error) => return errors::plan(py, error),
        DeployError::Evaluator(error) => return refused(py, error),
        DeployError::Journal(error) => return journal::raise(py, error),
        _ => "RolloutError",
    };
    errors::raise(py, class, &error.to_string(), None, None)
}
