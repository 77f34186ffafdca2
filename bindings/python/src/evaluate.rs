//! Judging a canary: evaluators, what they are fed with, and what they say.

mod asked;
mod columns;
mod concurrent;
mod evaluator;
mod guardrails;
pub(crate) mod maker;
mod observation;
pub(crate) mod report;
mod rows;
mod rule;

use pyo3::prelude::*;

pub(crate) use self::rule::thresholds;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<evaluator::Evaluator>()?;
    module.add_class::<observation::Observation>()?;
    module.add_class::<observation::Outcome>()?;
    module.add_class::<report::Report>()
}
