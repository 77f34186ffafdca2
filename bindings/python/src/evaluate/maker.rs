//! Evaluators of plans, with guardrails as Python gives them.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use serinus::clock::Timestamp;
use serinus::evaluate::{
    CanaryEvaluator, ErrorComparison, Evaluation, EvaluatorError, LatencyComparison, QualityComparison,
    SequentialEvaluator, Verdict,
};
use serinus::observe::{Block, BlockRule, Observation, Signals};
use serinus::plan::UpdatePlan;

use super::guardrails::Guardrails;
use crate::errors;

pub(super) fn refused(py: Python<'_>, error: &EvaluatorError) -> PyErr {
    errors::raise(py, "StatisticsError", &error.to_string(), None, None)
}

/// What makes the evaluator of each rollout: that of its plan, with these guardrails (a sequence, or `None`) added to the
/// default ones, and those of texts if these are checked.
///
/// # Errors
///
/// If a guardrail makes no sense, or they do not fit together or `plan`, where it is known by now.
pub(crate) fn maker(
    py: Python<'_>,
    plan: Option<&UpdatePlan>,
    guardrails: Option<&Bound<'_, PyAny>>,
    checks_texts: bool,
) -> PyResult<impl Fn(&UpdatePlan) -> Box<dyn CanaryEvaluator> + Send + Sync + 'static> {
    let guardrails = Guardrails::read(guardrails)?;
    if let Some(plan) = plan {
        make(plan, &guardrails, checks_texts).map_err(|error| refused(py, &error))?;
    }
    Ok(move |plan: &UpdatePlan| -> Box<dyn CanaryEvaluator> {
        match make(plan, &guardrails, checks_texts) {
            Ok(evaluator) => Box::new(evaluator),
            Err(error) => Box::new(Silent(error.to_string())),
        }
    })
}

fn make(plan: &UpdatePlan, guardrails: &Guardrails, checks_texts: bool) -> Result<SequentialEvaluator, EvaluatorError> {
    let builder = SequentialEvaluator::for_plan(plan);
    guardrails.add_to(if checks_texts { builder.text_checks() } else { builder }).build()
}

/// Stands for an evaluator that cannot be made of a later plan: it says why, and lets nothing be promoted.
#[derive(Debug)]
struct Silent(String);

impl CanaryEvaluator for Silent {
    fn signals(&self) -> Signals {
        [].into_iter().collect()
    }

    fn block_rule(&self) -> BlockRule {
        BlockRule::default()
    }

    fn absorb(&mut self, _block: &Block) {}

    fn observe(&mut self, _observation: &Observation, _now: Timestamp) {}

    fn set_traffic(&mut self, _canary_share: f64, _now: Timestamp) {}

    fn promoted(&mut self, _now: Timestamp) {}

    fn evaluate(&self, now: Timestamp) -> Evaluation {
        Evaluation {
            verdict: Verdict::Insufficient,
            rollback: false,
            reasons: vec![self.0.clone()],
            latency: LatencyComparison::default(),
            errors: ErrorComparison::default(),
            quality: QualityComparison::default(),
            guardrails: BTreeMap::new(),
            stable_requests: 0,
            canary_requests: 0,
            pairs: 0,
            alerts: BTreeMap::new(),
            awaits: None,
            ledger: None,
            at: now,
        }
    }
}
