//! How a [`SequentialEvaluator`] is put together.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::budget::{Budget, BudgetError};
use super::guardrail::{Comparison, Guardrail, MarginError, RateOf};
use super::sequential::{SequentialEvaluator, SequentialState, StateError};
use super::standard::StandardGuardrail;
use super::watch::Watch;
use crate::judge::Calibration;
use crate::model::VersionId;
use crate::observe::{BlockRule, Check, Errors, Failures, Signal, Signals, UserCap};
use crate::plan::{Margins, UpdatePlan};

/// The default guardrails' weights: errors, judged failures, times and scores a quarter each, and of the times two thirds
/// for latency and one for the first token.
const QUARTER: f64 = 0.25;
/// The relative change of the mean length, and of the rate of abandoned requests, that alerts.
const LENGTH_CHANGE: f64 = 0.2;
const ABANDONED_INCREASE: f64 = 0.5;
/// The checks that are guardrails where texts are checked: what is wrong in any answer. Which lengths are wrong, and what a
/// check of the host's own is worth, only the host knows.
const CHECKS: [Check; 7] =
    [Check::Empty, Check::Truncated, Check::Repetition, Check::Refusal, Check::Json, Check::ToolCall, Check::Language];

/// Puts a [`SequentialEvaluator`] together. Whatever is left out has its default.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use serinus::evaluate::{SequentialEvaluator, StandardGuardrail};
/// use serinus::model::VersionId;
/// use serinus::observe::UserCap;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let evaluator = SequentialEvaluator::builder(VersionId::new("chat-v7")?, VersionId::new("chat-v8")?)
///     .false_rollback_budget(0.001)
///     .no_default_guardrails()
///     .guardrail(Arc::new(StandardGuardrail::error_rate(1.0)?), 0.5)
///     .guardrail(Arc::new(StandardGuardrail::latency(0.2)?), 0.45)
///     .alert_on(Arc::new(StandardGuardrail::length(0.3)?))
///     .min_requests(200)
///     .user_cap(UserCap::Once)
///     .cold_start(100, Duration::from_secs(60))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SequentialBuilder {
    stable: VersionId,
    canary: VersionId,
    /// The margins of the default guardrails; `None` without these.
    margins: Option<Margins>,
    guardrails: Vec<(Arc<dyn Guardrail>, f64)>,
    alert_on: Vec<Arc<dyn Guardrail>>,
    false_rollback_budget: f64,
    false_promotion_budget: f64,
    min_requests: u64,
    block_rule: BlockRule,
    user_cap: UserCap,
    cold_start: ColdStart,
    pairwise: bool,
    text_checks: bool,
    calibration: Option<Calibration>,
}

/// How long a canary counts as cold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ColdStart {
    pub(super) requests: u64,
    pub(super) time: Duration,
}

/// What an evaluator is made of, checked.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) stable: VersionId,
    pub(super) canary: VersionId,
    pub(super) watches: Vec<Watch>,
    pub(super) signals: Signals,
    pub(super) budget: Budget,
    pub(super) false_promotion_budget: f64,
    pub(super) min_requests: u64,
    pub(super) block_rule: BlockRule,
    pub(super) user_cap: UserCap,
    pub(super) cold_start: ColdStart,
    pub(super) calibration: Option<Calibration>,
}

impl SequentialBuilder {
    pub(super) fn new(stable: VersionId, canary: VersionId) -> Self {
        Self {
            stable,
            canary,
            margins: Some(Margins::default()),
            guardrails: Vec::new(),
            alert_on: Vec::new(),
            false_rollback_budget: 0.01,
            false_promotion_budget: 0.05,
            min_requests: 50,
            block_rule: BlockRule::default(),
            user_cap: UserCap::default(),
            cold_start: ColdStart::default(),
            pairwise: false,
            text_checks: false,
            calibration: None,
        }
    }

    pub(super) fn for_plan(plan: &UpdatePlan) -> Self {
        let builder = Self::new(plan.current().version().clone(), plan.target().version().clone());
        let builder = if plan.shadow().is_some() { builder.pairwise() } else { builder };
        builder
            .margins(*plan.margins())
            .false_rollback_budget(plan.false_rollback_budget())
            .false_promotion_budget(plan.false_promotion_budget())
            .min_requests(plan.min_requests())
    }

    /// The probability that a healthy canary is ever rolled back, in (0, 1). Default 0.01. A smaller one costs time: a
    /// tenth of it takes about a third more requests to find a regression.
    pub fn false_rollback_budget(self, false_rollback_budget: f64) -> Self {
        Self { false_rollback_budget, ..self }
    }

    /// The probability that a guardrail calls an unacceptable canary healthy, in (0, 1). Default 0.05.
    pub fn false_promotion_budget(self, false_promotion_budget: f64) -> Self {
        Self { false_promotion_budget, ..self }
    }

    /// What counts as a regression to the default guardrails; +50% of errors and of judged failures, +20% of latency and of the
    /// time to the first token, and −0.05 of the mean score, unless set.
    pub fn margins(self, margins: Margins) -> Self {
        Self { margins: Some(margins), ..self }
    }

    /// Leaves out the default guardrails, the alert-only ones too.
    pub fn no_default_guardrails(self) -> Self {
        Self { margins: None, ..self }
    }

    /// Adds a guardrail with its weight in the budget, in proportion to the others': the default ones have a quarter each for
    /// errors, judged failures and scores, a sixth for latency and a twelfth for the first token. One more takes from all
    /// of them: each then needs a little more evidence. One with a default one's name takes its place.
    pub fn guardrail(mut self, guardrail: Arc<dyn Guardrail>, weight: f64) -> Self {
        self.guardrails.push((guardrail, weight));
        self
    }

    /// Watches which of two answers to the same prompts is better, at the margin of the mean score and a weight of a quarter.
    /// It is not needed for promotion: there are pairs only while the canary is in the shadow. A plan with a
    /// [shadow](UpdatePlan::shadow) has it.
    pub fn pairwise(self) -> Self {
        Self { pairwise: true, ..self }
    }

    /// Watches the checks of texts ([`Outcome::checks`](crate::observe::Outcome::checks)), all but those of the length and of
    /// the host's own, at the margin of errors and a weight of a quarter together. None is needed for promotion.
    pub fn text_checks(self) -> Self {
        Self { text_checks: true, ..self }
    }

    /// Reports rates of judged failures corrected for the judge's own errors, beside the raw ones.
    pub fn calibration(self, calibration: Calibration) -> Self {
        Self { calibration: Some(calibration), ..self }
    }

    /// Adds a guardrail that only alerts: it rolls nothing back, takes nothing of the budget, and is not needed for
    /// promotion. On a canary that is no worse it alerts with a probability of at most the budget of false rollbacks.
    pub fn alert_on(mut self, guardrail: Arc<dyn Guardrail>) -> Self {
        self.alert_on.push(guardrail);
        self
    }

    /// Requests that each version must have had before anything is said. Default 50.
    pub fn min_requests(self, min_requests: u64) -> Self {
        Self { min_requests, ..self }
    }

    /// When blocks close.
    pub fn block_rule(self, block_rule: BlockRule) -> Self {
        Self { block_rule, ..self }
    }

    /// How much of the evidence one user may make up: ten requests an hour, unless set.
    pub fn user_cap(self, user_cap: UserCap) -> Self {
        Self { user_cap, ..self }
    }

    /// Leaves the canary's times out of the evidence until, in each stage, this many of its requests *and* this time have
    /// passed: new replicas have cold caches. Errors and judgements count from the first request on. Nothing is left out
    /// unless this is set; it delays the discovery of a slow canary by as much.
    pub fn cold_start(self, requests: u64, time: Duration) -> Self {
        Self { cold_start: ColdStart { requests, time }, ..self }
    }

    /// The evaluator.
    ///
    /// # Errors
    ///
    /// If the versions are the same, the budget cannot be divided by the weights, the budget of false promotions is out of
    /// its range, or a margin makes no sense.
    pub fn build(self) -> Result<SequentialEvaluator, EvaluatorError> {
        if self.stable == self.canary {
            return Err(EvaluatorError::SameVersion { version: self.stable });
        }
        if !(self.false_promotion_budget > 0.0 && self.false_promotion_budget < 1.0) {
            return Err(EvaluatorError::FalsePromotionBudget { got: self.false_promotion_budget });
        }
        let (mut guardrails, mut alert_on) = match &self.margins {
            Some(margins) => defaults(margins)?,
            None => Default::default(),
        };
        guardrails.extend(quality(self.margins.unwrap_or_default(), self.pairwise, self.text_checks)?);
        let given = self.guardrails.iter().map(|(guardrail, _)| guardrail).chain(&self.alert_on);
        let is_given = |default: &dyn Guardrail| given.clone().any(|guardrail| guardrail.name() == default.name());
        guardrails.retain(|(default, _)| !is_given(&**default));
        alert_on.retain(|default| !is_given(&**default));
        guardrails.extend(self.guardrails);
        alert_on.extend(self.alert_on);
        let weights: Vec<_> = guardrails.iter().map(|(guardrail, weight)| (guardrail.name(), *weight)).collect();
        let budget = Budget::new(self.false_rollback_budget, &weights)?;
        let alerting = alert_on.into_iter().map(|guardrail| (guardrail, true));
        let all: Vec<_> = guardrails.into_iter().map(|(guardrail, _)| (guardrail, false)).chain(alerting).collect();
        check(&all)?;
        let signals = signals(&all);
        let watch = |(guardrail, alerts_only): (Arc<dyn Guardrail>, bool)| {
            let name = guardrail.name().to_owned();
            Watch::new(guardrail, alerts_only, &signals).map_err(|error| EvaluatorError::Margin {
                guardrail: name,
                problem: MarginError { expected: error.expected, got: error.got },
            })
        };
        Ok(SequentialEvaluator::from_parts(Parts {
            watches: all.into_iter().map(watch).collect::<Result<_, _>>()?,
            signals,
            stable: self.stable,
            canary: self.canary,
            budget,
            false_promotion_budget: self.false_promotion_budget,
            min_requests: self.min_requests,
            block_rule: self.block_rule,
            user_cap: self.user_cap,
            cold_start: self.cold_start,
            calibration: self.calibration,
        }))
    }

    /// The evaluator, going on from stored evidence.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build), and if the evidence is of other versions, guardrails or margins.
    pub fn resume(self, state: SequentialState) -> Result<SequentialEvaluator, EvaluatorError> {
        let mut evaluator = self.build()?;
        evaluator.resume(state)?;
        Ok(evaluator)
    }
}

type Weighted = Vec<(Arc<dyn Guardrail>, f64)>;

fn defaults(margins: &Margins) -> Result<(Weighted, Vec<Arc<dyn Guardrail>>), EvaluatorError> {
    let times = margins.p99_latency_increase;
    let guardrails = [
        (StandardGuardrail::error_rate(margins.error_rate_increase), QUARTER),
        (StandardGuardrail::failure_rate(margins.failure_rate_increase()), QUARTER),
        (StandardGuardrail::latency(times), QUARTER * 2.0 / 3.0),
        (StandardGuardrail::ttft(times), QUARTER / 3.0),
        (StandardGuardrail::score(margins.quality_decrease), QUARTER),
    ];
    let alert_on = [StandardGuardrail::length(LENGTH_CHANGE), StandardGuardrail::abandoned_rate(ABANDONED_INCREASE)];
    let weighted = |(guardrail, weight): (Result<StandardGuardrail, MarginError>, f64)| {
        guardrail.map(|guardrail| (Arc::new(guardrail) as Arc<dyn Guardrail>, weight)).map_err(of_default)
    };
    let alerting = |guardrail: Result<StandardGuardrail, MarginError>| {
        guardrail.map(|guardrail| Arc::new(guardrail) as Arc<dyn Guardrail>).map_err(of_default)
    };
    let guardrails = guardrails.into_iter().map(weighted).collect::<Result<_, _>>()?;
    Ok((guardrails, alert_on.into_iter().map(alerting).collect::<Result<_, _>>()?))
}

/// What an answer's text and its comparison with another add to the defaults.
fn quality(margins: Margins, pairwise: bool, text_checks: bool) -> Result<Weighted, EvaluatorError> {
    let mut all = Vec::new();
    if pairwise {
        all.push((StandardGuardrail::pairwise(margins.quality_decrease), QUARTER));
    }
    if text_checks {
        let share = QUARTER / CHECKS.len() as f64;
        let checks = CHECKS.map(|check| (StandardGuardrail::text_check(check, margins.error_rate_increase), share));
        all.extend(checks);
    }
    let optional = |(guardrail, weight): (Result<StandardGuardrail, MarginError>, f64)| {
        let guardrail = guardrail.map_err(of_default)?;
        Ok((Arc::new(guardrail.optional()) as Arc<dyn Guardrail>, weight))
    };
    all.into_iter().map(optional).collect()
}

fn of_default(problem: MarginError) -> EvaluatorError {
    EvaluatorError::Margin { guardrail: "of the default ones".into(), problem }
}

/// Margins that make sense, and no name twice.
fn check(guardrails: &[(Arc<dyn Guardrail>, bool)]) -> Result<(), EvaluatorError> {
    for (index, (guardrail, _)) in guardrails.iter().enumerate() {
        let name = guardrail.name();
        guardrail
            .compares()
            .check()
            .map_err(|problem| EvaluatorError::Margin { guardrail: name.to_owned(), problem })?;
        if guardrails[..index].iter().any(|(other, _)| other.name() == name) {
            return Err(BudgetError::Twice { guardrail: name.to_owned() }.into());
        }
    }
    Ok(())
}

/// The guardrails' signals, and those that every report describes.
fn signals(guardrails: &[(Arc<dyn Guardrail>, bool)]) -> Signals {
    let mut signals: Vec<Arc<dyn Signal>> = vec![Arc::new(Errors), Arc::new(Failures)];
    for (guardrail, _) in guardrails {
        if let Comparison::Rate { of: RateOf::Signal(signal), .. } = guardrail.compares()
            && signals.iter().all(|known| known.name() != signal.name())
        {
            signals.push(signal);
        }
    }
    signals.into_iter().collect()
}

/// Why an evaluator cannot be put together so.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum EvaluatorError {
    /// A version cannot be compared with itself.
    #[error("expected two versions to compare, got {version} as both")]
    SameVersion {
        /// The version.
        version: VersionId,
    },
    /// The budget of false promotions is no probability.
    #[error("expected a budget of false promotions above 0 and below 1, got {got}")]
    FalsePromotionBudget {
        /// The budget.
        got: f64,
    },
    /// A guardrail's margin makes no sense.
    #[error("guardrail {guardrail:?}: {problem}")]
    Margin {
        /// The guardrail's name.
        guardrail: String,
        /// What is wrong with it.
        problem: MarginError,
    },
    /// Stored evidence does not fit.
    #[error(transparent)]
    State(#[from] StateError),
    /// The budget cannot be divided so.
    #[error(transparent)]
    Budget(#[from] BudgetError),
}
