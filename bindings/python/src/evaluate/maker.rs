//! Evaluators of plans, with guardrails as Python gives them.

use pyo3::prelude::*;
use serinus::evaluate::{CanaryEvaluator, EvaluatorError, SequentialEvaluator};
use serinus::plan::UpdatePlan;

use super::guardrails::Guardrails;
use crate::errors;

pub(crate) fn refused(py: Python<'_>, error: &EvaluatorError) -> PyErr {
    errors::raise(py, "StatisticsError", &error.to_string(), None, None)
}

/// What makes the evaluator of each rollout: that of its plan, with these guardrails (a sequence, or `None`) added to the
/// default ones, and those of texts if these are checked.
///
/// # Errors
///
/// If a guardrail makes no sense.
pub(crate) fn maker(
    guardrails: Option<&Bound<'_, PyAny>>,
    checks_texts: bool,
) -> PyResult<impl Fn(&UpdatePlan) -> Result<Box<dyn CanaryEvaluator>, EvaluatorError> + Send + Sync + 'static> {
    let guardrails = Guardrails::read(guardrails)?;
    Ok(move |plan: &UpdatePlan| {
        let builder = SequentialEvaluator::for_plan(plan);
        let evaluator = guardrails.add_to(if checks_texts { builder.text_checks() } else { builder }).build()?;
        Ok(Box::new(evaluator) as Box<dyn CanaryEvaluator>)
    })
}
