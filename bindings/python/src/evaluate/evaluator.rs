//! The evaluators: one class, by two rules.

#![expect(clippy::doc_markdown, reason = "these are docstrings of Python")]

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::PyString;
use serinus::clock::{Clock, SystemClock, Timestamp};
use serinus::evaluate::CanaryEvaluator;
use serinus::model::VersionId;
use serinus::observe::{self, Arm};

use super::asked::is_asking;
use super::columns::Columns;
use super::concurrent::{Part, Waiting};
use super::guardrails::Guardrails;
use super::observation::{Observation, text, time, version};
use super::report::Report;
use super::rows::Rows;
use super::rule::{Rule, Settings};
use crate::errors;

/// Judges a canary against the stable version.
#[pyclass(frozen, subclass, module = "serinus._serinus")]
pub(crate) struct Evaluator {
    stable: VersionId,
    canary: VersionId,
    guardrails: Guardrails,
    clock: SystemClock,
    state: Mutex<State>,
}

struct State {
    rule: Rule,
    waiting: Waiting,
    /// The canary's share of the traffic, once it is known.
    share: Option<f64>,
    is_promoted: bool,
}

/// This thread may hold the lock that it would wait for.
fn check_not_asking(py: Python<'_>) -> PyResult<()> {
    if is_asking() {
        let what = "a guardrail's failed() must not use an evaluator: it answers from the outcome alone";
        return Err(errors::raise(py, "StatisticsError", what, None, None));
    }
    Ok(())
}

impl Evaluator {
    fn lock(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, State>> {
        check_not_asking(py)?;
        // Nothing panics while it is held.
        Ok(self.state.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner))
    }

    /// Works on the state with the interpreter released.
    fn detached<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&mut State) -> T + Send) -> PyResult<T> {
        check_not_asking(py)?;
        Ok(py.detach(|| work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))))
    }

    fn now(&self, py: Python<'_>, now: Option<f64>) -> PyResult<Timestamp> {
        now.map_or_else(|| Ok(self.clock.now()), |seconds| time(py, "now", seconds))
    }

    /// How the rows of batches reach the evaluator.
    fn feeding<'a>(&self, rule: &'a mut Rule) -> impl FnMut(&[Part<'_>]) + use<'a> {
        let blank = |version: &VersionId| observe::Observation::new(version.clone(), observe::Outcome::ok());
        let (mut stable, mut canary) = (blank(&self.stable), blank(&self.canary));
        move |parts| {
            rule.observe_together(|observe| {
                for (arm, rows, range) in parts {
                    let observation = if *arm == Arm::Stable { &mut stable } else { &mut canary };
                    for row in range.clone() {
                        observation.outcome = rows.outcome(row);
                        observation.arrived_at = Some(rows.arrival(row));
                        observation.sticky_key = rows.key(row).map(str::to_owned);
                        observe(observation);
                    }
                }
            });
        }
    }

    fn take(&self, state: &mut State, version: &VersionId, rows: Rows<'_>) {
        let State { rule, waiting, is_promoted, .. } = state;
        let arm = if *version == self.stable {
            Arm::Stable
        } else if *version == self.canary {
            Arm::Canary
        } else {
            let stranger = observe::Observation::new(version.clone(), observe::Outcome::ok());
            rule.observe_together(|observe| (0..rows.len).for_each(|_| observe(&stranger)));
            return;
        };
        let mut feed = self.feeding(rule);
        waiting.add(arm, rows, &mut feed);
        if *is_promoted {
            waiting.release(&mut feed);
        }
    }

    /// The shares of the traffic change: whoever still waits waits for nothing.
    fn turn(&self, state: &mut State, change: impl FnOnce(&mut dyn CanaryEvaluator)) {
        let State { rule, waiting, .. } = state;
        waiting.release(&mut self.feeding(rule));
        change(rule.evaluator());
    }
}

#[pymethods]
impl Evaluator {
    #[new]
    #[pyo3(signature = (*, stable, canary, margins, min_requests, guardrails=None, settings=None))]
    fn new(
        py: Python<'_>,
        stable: &str,
        canary: &str,
        margins: &Bound<'_, PyAny>,
        min_requests: i64,
        guardrails: Option<&Bound<'_, PyAny>>,
        settings: Option<Settings>,
    ) -> PyResult<Self> {
        let (stable, canary) = (version(py, stable)?, version(py, canary)?);
        let guardrails = Guardrails::read(guardrails)?;
        let rule = Rule::new(py, (&stable, &canary), (margins, min_requests), &guardrails, settings)?;
        let state = State { rule, waiting: Waiting::default(), share: None, is_promoted: false };
        Ok(Self { stable, canary, guardrails, clock: SystemClock::new(), state: Mutex::new(state) })
    }

    /// The version that users have.
    #[getter]
    fn stable(&self) -> &str {
        self.stable.as_str()
    }

    /// The version that is tried.
    #[getter]
    fn canary(&self) -> &str {
        self.canary.as_str()
    }

    /// Takes in one request, reported after the fact.
    ///
    /// One of a version that is neither `stable` nor `canary` is counted and otherwise left out.
    ///
    /// Parameters
    /// ----------
    /// observation : Observation
    ///     The request.
    /// now : float, optional
    ///     The time of the report, in seconds since the epoch; the system's clock if left out. It stands for the arrival where
    ///     that is not known.
    ///
    /// Raises
    /// ------
    /// StatisticsError
    ///     If `now` is negative, infinite or NaN.
    #[pyo3(signature = (observation, *, now=None))]
    fn observe(&self, py: Python<'_>, observation: &Bound<'_, Observation>, now: Option<f64>) -> PyResult<()> {
        let (observation, now) = (&observation.get().0, self.now(py, now)?);
        self.lock(py)?.rule.evaluator().observe(observation, now);
        Ok(())
    }

    /// Takes in many requests to one version, a column for each field.
    ///
    /// Contiguous arrays of `float64` are read where they are, with the interpreter released; everything else is copied. All
    /// columns have the same length. NaN, and `None` in a list, stand for what was not measured. It takes some 30
    /// nanoseconds a row, and 15 more for each column.
    ///
    /// Evidence comes from requests that both versions served over the same time. So a batch waits for one of the other
    /// version; then both are divided into blocks, by `arrived_at`, or evenly where all of a batch have one time. Once 65,536
    /// rows of one version wait, the next batch of it takes their place, and they count without having been compared so.
    ///
    /// Parameters
    /// ----------
    /// version : str
    ///     The version that served them.
    /// latency_ms, ttft_ms, tokens, quality, feedback, stratum : sequence of float, optional
    ///     As of an `Observation`.
    /// error, passed : sequence of bool, optional
    ///     Of `error` whatever is true counts as one; `passed` may lack some.
    /// arrived_at : float or sequence of float, optional
    ///     In seconds since the epoch; `now` if left out.
    /// sticky_key : sequence of str, optional
    ///     Each request's user, or `None`.
    /// now : float, optional
    ///     The time of the report; the system's clock if left out.
    ///
    /// Raises
    /// ------
    /// StatisticsError
    ///     If columns differ in length, there is none, or a time or the version's name is none.
    #[expect(clippy::too_many_arguments, reason = "keywords")]
    #[pyo3(signature = (*, version, latency_ms=None, ttft_ms=None, tokens=None, error=None, quality=None, passed=None,
                        feedback=None, stratum=None, arrived_at=None, sticky_key=None, now=None))]
    fn observe_many(
        &self,
        py: Python<'_>,
        version: &Bound<'_, PyAny>,
        latency_ms: Option<&Bound<'_, PyAny>>,
        ttft_ms: Option<&Bound<'_, PyAny>>,
        tokens: Option<&Bound<'_, PyAny>>,
        error: Option<&Bound<'_, PyAny>>,
        quality: Option<&Bound<'_, PyAny>>,
        passed: Option<&Bound<'_, PyAny>>,
        feedback: Option<&Bound<'_, PyAny>>,
        stratum: Option<&Bound<'_, PyAny>>,
        arrived_at: Option<&Bound<'_, PyAny>>,
        sticky_key: Option<&Bound<'_, PyAny>>,
        now: Option<f64>,
    ) -> PyResult<()> {
        let version = self::version(py, text(version, "version")?)?;
        let mut columns = Columns::new(self.now(py, now)?);
        columns.numbers("latency_ms", latency_ms)?;
        columns.numbers("ttft_ms", ttft_ms)?;
        columns.numbers("tokens", tokens)?;
        columns.error(error)?;
        columns.numbers("quality", quality)?;
        columns.passed(passed)?;
        columns.numbers("feedback", feedback)?;
        columns.numbers("stratum", stratum)?;
        columns.arrived_at(arrived_at)?;
        columns.sticky_key(sticky_key)?;
        if columns.len().is_none() {
            let what = "expected at least one column: without any it is not known how many requests there were";
            return Err(errors::raise(py, "StatisticsError", what, None, None));
        }
        self.detached(py, |state| self.take(state, &version, columns.rows()))
    }

    /// A new stage begins: from here on the canary has this share of the traffic, in [0, 1]. The evidence carries on.
    ///
    /// What waited for the other version waits no longer: it was served under other shares. The same share again changes
    /// nothing.
    ///
    /// Parameters
    /// ----------
    /// canary_share : float
    ///     The canary's share, in [0, 1].
    /// now : float, optional
    ///     When it changed, in seconds since the epoch; the system's clock if left out.
    ///
    /// Raises
    /// ------
    /// StatisticsError
    ///     If the share is outside [0, 1], or `now` is negative, infinite or NaN.
    #[pyo3(signature = (canary_share, *, now=None))]
    fn set_traffic(&self, py: Python<'_>, canary_share: f64, now: Option<f64>) -> PyResult<()> {
        if !(0.0..=1.0).contains(&canary_share) {
            let (what, got) =
                (format!("the canary's share must be in [0, 1], got {canary_share}"), canary_share.to_string());
            return Err(errors::raise(py, "StatisticsError", &what, Some("in [0, 1]"), Some(&got)));
        }
        let now = self.now(py, now)?;
        self.detached(py, |state| {
            if state.share.replace(canary_share) != Some(canary_share) {
                self.turn(state, |evaluator| evaluator.set_traffic(canary_share, now));
            }
        })
    }

    /// The canary is promoted: from here on it has all the traffic, and is held against what the stable version was.
    ///
    /// Parameters
    /// ----------
    /// now : float, optional
    ///     When it was, in seconds since the epoch; the system's clock if left out.
    ///
    /// Raises
    /// ------
    /// StatisticsError
    ///     If `now` is negative, infinite or NaN.
    #[pyo3(signature = (*, now=None))]
    fn promoted(&self, py: Python<'_>, now: Option<f64>) -> PyResult<()> {
        let now = self.now(py, now)?;
        self.detached(py, |state| {
            self.turn(state, |evaluator| evaluator.promoted(now));
            state.is_promoted = true;
        })
    }

    /// What there is to say at `now`, for an `Evaluation` to read.
    #[pyo3(signature = (*, now=None, confidence=0.95))]
    fn report(&self, py: Python<'_>, now: Option<f64>, confidence: f64) -> PyResult<Report> {
        let now = self.now(py, now)?;
        self.detached(py, |state| state.rule.report(now, confidence))?.map_err(|error| errors::statistics(py, &error))
    }

    /// How often `failed` of a guardrail of your own raised, by its name: such requests count as unmeasured there.
    #[getter]
    fn guardrail_errors(&self) -> BTreeMap<String, u64> {
        self.guardrails.errors()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let name = match self.lock(py)?.rule {
            Rule::Sequential(_) => "CanaryEvaluator",
            Rule::Threshold(_) => "ThresholdEvaluator",
        };
        let (stable, canary) = (PyString::new(py, self.stable()), PyString::new(py, self.canary()));
        Ok(format!("{name}(stable={}, canary={})", stable.repr()?, canary.repr()?))
    }
}
