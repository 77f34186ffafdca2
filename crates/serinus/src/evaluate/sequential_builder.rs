//! How a [`SequentialEvaluator`] is put together.

use std::sync::Arc;

use thiserror::Error;

use super::budget::{Budget, BudgetError};
use super::guardrail::{ErrorRate, FailureRate, Guardrail, IncreaseError};
use super::sequential::SequentialEvaluator;
use crate::model::VersionId;
use crate::observe::{BlockRule, Errors, Failures, Signal, Signals};

/// Each default guardrail's weight in the budget: a quarter.
const WEIGHT: f64 = 0.25;
/// The relative increase of errors and of judged failures that counts as a regression.
const INCREASE: f64 = 0.5;

/// Puts a [`SequentialEvaluator`] together. Whatever is left out has its default.
///
/// ```
/// use std::sync::Arc;
/// use serinus::evaluate::{ErrorRate, SequentialEvaluator};
/// use serinus::model::VersionId;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let evaluator = SequentialEvaluator::builder(VersionId::new("chat-v7")?, VersionId::new("chat-v8")?)
///     .false_rollback_budget(0.001)
///     .no_default_guardrails()
///     .guardrail(Arc::new(ErrorRate::new(1.0)?), 0.5)
///     .min_requests(200)
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SequentialBuilder {
    stable: VersionId,
    canary: VersionId,
    /// Relative increases of errors and of judged failures; `None` without the default guardrails.
    increases: Option<(f64, f64)>,
    guardrails: Vec<(Arc<dyn Guardrail>, f64)>,
    false_rollback_budget: f64,
    promote_error: f64,
    min_requests: u64,
    block_rule: BlockRule,
}

/// What an evaluator is made of, checked.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) stable: VersionId,
    pub(super) canary: VersionId,
    pub(super) guardrails: Vec<Arc<dyn Guardrail>>,
    pub(super) signals: Signals,
    pub(super) budget: Budget,
    pub(super) promote_error: f64,
    pub(super) min_requests: u64,
    pub(super) block_rule: BlockRule,
}

impl SequentialBuilder {
    pub(super) fn new(stable: VersionId, canary: VersionId) -> Self {
        Self {
            stable,
            canary,
            increases: Some((INCREASE, INCREASE)),
            guardrails: Vec::new(),
            false_rollback_budget: 0.01,
            promote_error: 0.05,
            min_requests: 50,
            block_rule: BlockRule::default(),
        }
    }

    /// The probability that a healthy canary is ever rolled back, in (0, 1). Default 0.01. A smaller one costs time: a
    /// tenth of it takes about a third more requests to find a regression.
    pub fn false_rollback_budget(self, false_rollback_budget: f64) -> Self {
        Self { false_rollback_budget, ..self }
    }

    /// The probability that a guardrail calls an unacceptable canary healthy, in (0, 1). Default 0.05.
    pub fn promote_error(self, promote_error: f64) -> Self {
        Self { promote_error, ..self }
    }

    /// The relative increases of errors and of judged failures that count as regressions. Default 0.5 (+50%) each.
    pub fn increases(self, errors: f64, failures: f64) -> Self {
        Self { increases: Some((errors, failures)), ..self }
    }

    /// Leaves out the default guardrails, errors and judged failures.
    pub fn no_default_guardrails(self) -> Self {
        Self { increases: None, ..self }
    }

    /// Adds a guardrail with its weight in the budget. The default ones take 0.25 each, and all may sum to 0.95.
    pub fn guardrail(mut self, guardrail: Arc<dyn Guardrail>, weight: f64) -> Self {
        self.guardrails.push((guardrail, weight));
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

    /// The evaluator.
    ///
    /// # Errors
    ///
    /// If the versions are the same, the budget cannot be divided by the weights, an increase or the promote error is out
    /// of its range, or a guardrail has no safe margin.
    pub fn build(self) -> Result<SequentialEvaluator, EvaluatorError> {
        if self.stable == self.canary {
            return Err(EvaluatorError::SameVersion { version: self.stable });
        }
        if !(self.promote_error > 0.0 && self.promote_error < 1.0) {
            return Err(EvaluatorError::PromoteError { got: self.promote_error });
        }
        let mut guardrails: Vec<(Arc<dyn Guardrail>, f64)> = Vec::new();
        if let Some((errors, failures)) = self.increases {
            guardrails.push((Arc::new(ErrorRate::new(errors)?), WEIGHT));
            guardrails.push((Arc::new(FailureRate::new(failures)?), WEIGHT));
        }
        guardrails.extend(self.guardrails);
        if let Some((guardrail, _)) = guardrails.iter().find(|(guardrail, _)| guardrail.safe().is_empty()) {
            return Err(EvaluatorError::NoSafeMargin { guardrail: guardrail.name().to_owned() });
        }
        let weights: Vec<_> = guardrails.iter().map(|(guardrail, weight)| (guardrail.name(), *weight)).collect();
        let budget = Budget::new(self.false_rollback_budget, &weights)?;
        let guardrails: Vec<_> = guardrails.into_iter().map(|(guardrail, _)| guardrail).collect();
        Ok(SequentialEvaluator::from_parts(Parts {
            signals: signals(&guardrails),
            stable: self.stable,
            canary: self.canary,
            guardrails,
            budget,
            promote_error: self.promote_error,
            min_requests: self.min_requests,
            block_rule: self.block_rule,
        }))
    }
}

/// The guardrails' signals, and those that every report describes.
fn signals(guardrails: &[Arc<dyn Guardrail>]) -> Signals {
    let mut signals: Vec<Arc<dyn Signal>> = Vec::new();
    signals.extend(guardrails.iter().map(|guardrail| Arc::clone(guardrail) as Arc<dyn Signal>));
    for described in [Arc::new(Errors) as Arc<dyn Signal>, Arc::new(Failures)] {
        if signals.iter().all(|signal| signal.name() != described.name()) {
            signals.push(described);
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
    /// The promote error is no probability.
    #[error("expected a promote error above 0 and below 1, got {got}")]
    PromoteError {
        /// The promote error.
        got: f64,
    },
    /// A guardrail could never be healthy.
    #[error("guardrail {guardrail:?} has no safe margin, so the canary could never be healthy; expected at least one")]
    NoSafeMargin {
        /// The guardrail's name.
        guardrail: String,
    },
    /// A relative increase is out of range.
    #[error(transparent)]
    Increase(#[from] IncreaseError),
    /// The budget cannot be divided so.
    #[error(transparent)]
    Budget(#[from] BudgetError),
}
