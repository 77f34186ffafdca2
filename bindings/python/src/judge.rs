//! Judging: judges, checks and redactors of Python and of the library, and the reviewer that calls them.

mod adapters;
mod crew;
mod endpoint;
mod measure;
mod reviewer;
mod standard;
mod texts;

use pyo3::prelude::*;

pub(crate) use reviewer::Reviewer;
pub(crate) use texts::{Answered, Asked};

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<endpoint::OpenAiJudge>()?;
    module.add_class::<standard::StandardChecks>()?;
    module.add_class::<Reviewer>()?;
    texts::register(module)?;
    endpoint::register(module)?;
    measure::register(module)
}
