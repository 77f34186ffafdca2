//! The budget of false rollbacks, and the ledger that shows how it is spent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The share of the budget that the limits of a promoted version are set with.
///
/// Those limits rest on an estimate of the old version's rate, which may itself be off.
const AFTER_PROMOTION: f64 = 0.05;
/// Beyond it, sums of weights would lose the smaller ones.
const GREATEST_WEIGHT: f64 = 1e9;

/// The probability that a healthy canary is ever rolled back, declared in advance and divided among the guardrails.
///
/// Each guardrail k has a weight `w_k`, and is a bet that pays `E_k ≥ 0` with an expectation of at most 1 while the canary is
/// healthy. The weighted sum `Σ w_k E_k` is such a bet too as long as the weights sum to at most 1, so it ever reaches 1/α
/// with probability at most α (Ville's inequality), whatever the guardrails have to do with each other and however often
/// one looks. Weights are given in proportion to each other; they are scaled to sum to 0.95, and the rest is kept for what
/// can go wrong in setting the limits of a promoted version.
///
/// ```
/// use serinus::evaluate::Budget;
///
/// let budget = Budget::new(0.01, &[("error_rate", 3.0), ("latency", 1.0)]).unwrap();
/// assert!((budget.threshold("latency").unwrap() - 1.0 / (0.01 * 0.95 / 4.0)).abs() < 1e-9);
/// assert!(Budget::new(0.01, &[("error_rate", 0.0)]).is_err());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    false_rollback: f64,
    /// Scaled.
    weights: BTreeMap<String, f64>,
}

impl Budget {
    /// A budget `false_rollback` in (0, 1), divided in proportion to these weights.
    ///
    /// # Errors
    ///
    /// If the budget is not in (0, 1), a weight is not above 0 and finite, or two have the same name.
    pub fn new<'a>(
        false_rollback: f64,
        weights: impl IntoIterator<Item = &'a (impl AsRef<str> + 'a, f64)>,
    ) -> Result<Self, BudgetError> {
        if !(false_rollback > 0.0 && false_rollback < 1.0) {
            return Err(BudgetError::Budget { got: false_rollback });
        }
        let mut budget = Self { false_rollback, weights: BTreeMap::new() };
        for (guardrail, weight) in weights {
            let guardrail = guardrail.as_ref().to_owned();
            if !(*weight > 0.0 && *weight <= GREATEST_WEIGHT) {
                return Err(BudgetError::Weight { guardrail, got: *weight });
            }
            if budget.weights.insert(guardrail.clone(), *weight).is_some() {
                return Err(BudgetError::Twice { guardrail });
            }
        }
        let scale = (1.0 - AFTER_PROMOTION) / budget.weights.values().sum::<f64>();
        budget.weights.values_mut().for_each(|weight| *weight *= scale);
        Ok(budget)
    }

    /// The probability that a healthy canary is ever rolled back.
    pub const fn false_rollback(&self) -> f64 {
        self.false_rollback
    }

    /// The evidence at which a guardrail rolls back by itself: 1 / (its weight × the budget). `None` of a guardrail
    /// without a weight.
    pub fn threshold(&self, guardrail: &str) -> Option<f64> {
        self.weights.get(guardrail).map(|weight| 1.0 / (weight * self.false_rollback))
    }

    /// The weighted evidence at which all guardrails together roll back.
    pub fn joint_threshold(&self) -> f64 {
        1.0 / self.false_rollback
    }

    /// The logarithm of a guardrail's weight.
    pub(super) fn log_weight(&self, guardrail: &str) -> f64 {
        self.weights.get(guardrail).map_or(f64::NEG_INFINITY, |weight| weight.ln())
    }

    /// The logarithm of `Σ w_k E_k`.
    pub(super) fn log_joint<'a>(&self, log_e_values: impl Iterator<Item = (&'a str, f64)>) -> f64 {
        let terms: Vec<f64> = log_e_values.map(|(guardrail, log_e)| self.log_weight(guardrail) + log_e).collect();
        let greatest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if greatest == f64::NEG_INFINITY {
            return greatest;
        }
        greatest + terms.iter().map(|term| (term - greatest).exp()).sum::<f64>().ln()
    }

    /// The probability with which a guardrail's limit after promotion may be set too low.
    pub(super) fn limit_error(&self, guardrail: &str) -> f64 {
        let share = self.weights.get(guardrail).map_or(0.0, |weight| weight / (1.0 - AFTER_PROMOTION));
        share * AFTER_PROMOTION * self.false_rollback
    }

    /// The ledger of this budget, given each guardrail's evidence.
    pub(super) fn ledger<'a>(&self, log_e_values: impl Iterator<Item = (&'a str, f64)> + Clone) -> Ledger {
        let shares = log_e_values.clone().map(|(guardrail, log_e_value)| {
            let weight = self.weights.get(guardrail).copied().unwrap_or(0.0);
            let share = LedgerShare {
                weight,
                alpha: weight * self.false_rollback,
                threshold: self.threshold(guardrail).unwrap_or(f64::MAX),
                e_value: bounded_exp(log_e_value),
            };
            (guardrail.to_owned(), share)
        });
        Ledger {
            false_rollback_budget: self.false_rollback,
            shares: shares.collect(),
            joint_e_value: bounded_exp(self.log_joint(log_e_values)),
            joint_threshold: self.joint_threshold(),
            after_promotion: AFTER_PROMOTION,
        }
    }
}

/// The exponential, or the largest number where it overflows: JSON has no infinity.
pub(super) fn bounded_exp(log: f64) -> f64 {
    log.exp().min(f64::MAX)
}

/// How the budget of false rollbacks stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// The probability that a healthy canary is ever rolled back, over the whole rollout.
    pub false_rollback_budget: f64,
    /// Each guardrail's share of it, by name.
    pub shares: BTreeMap<String, LedgerShare>,
    /// The weighted sum of all evidence.
    pub joint_e_value: f64,
    /// The weighted sum at which the canary is rolled back.
    pub joint_threshold: f64,
    /// The weight kept for setting the limits of a promoted version.
    pub after_promotion: f64,
}

/// One guardrail's share of the budget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerShare {
    /// Its part of the whole.
    pub weight: f64,
    /// The probability that this guardrail ever rolls back a healthy canary.
    pub alpha: f64,
    /// The evidence at which it rolls back: 1/`alpha`.
    pub threshold: f64,
    /// Its evidence that the canary is worse.
    pub e_value: f64,
}

/// Why a budget cannot be divided so.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum BudgetError {
    /// The budget is no probability one can spend.
    #[error("expected a budget of false rollbacks above 0 and below 1, got {got}")]
    Budget {
        /// The budget.
        got: f64,
    },
    /// A weight is no share.
    #[error("expected a weight above 0 and at most a billion for guardrail {guardrail:?}, got {got}")]
    Weight {
        /// Whose weight it is.
        guardrail: String,
        /// The weight.
        got: f64,
    },
    /// Two guardrails have one name.
    #[error("two guardrails are named {guardrail:?}; reports tell them apart by name")]
    Twice {
        /// The name.
        guardrail: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_budget_is_refused() {
        for bad in [0.0, 1.0, -0.1, f64::NAN, f64::INFINITY] {
            assert!(matches!(Budget::new(bad, &[("a", 0.5)]), Err(BudgetError::Budget { .. })), "{bad}");
            assert!(Budget::new(0.01, &[("a", if bad == 1.0 { 1e10 } else { bad })]).is_err(), "{bad}");
        }
        assert_eq!(Budget::new(0.01, &[("a", 0.1), ("a", 0.1)]), Err(BudgetError::Twice { guardrail: "a".into() }));
    }

    #[test]
    fn a_guardrail_that_reaches_its_threshold_reaches_the_joint_one() {
        let budget = Budget::new(0.02, &[("a", 0.4), ("b", 0.1)]).unwrap();
        for guardrail in ["a", "b"] {
            let log_e = budget.threshold(guardrail).unwrap().ln();
            let joint = budget.log_joint([(guardrail, log_e)].into_iter());
            assert!((joint - budget.joint_threshold().ln()).abs() < 1e-12);
        }
    }

    #[test]
    fn the_ledger_adds_up_and_stays_finite() {
        let budget = Budget::new(0.01, &[("a", 0.25), ("b", 0.25)]).unwrap();
        let ledger = budget.ledger([("a", 4_000.0), ("b", f64::NEG_INFINITY)].into_iter());
        let spent: f64 = ledger.shares.values().map(|share| share.weight).sum();
        assert!((spent + ledger.after_promotion - 1.0).abs() < 1e-12);
        assert_eq!(ledger.joint_e_value, f64::MAX);
        assert_eq!(ledger.shares["b"].e_value, 0.0);
        let stored = serde_json::to_string(&ledger).unwrap();
        assert!(serde_json::from_str::<Ledger>(&stored).is_ok(), "{stored}");
    }
}
