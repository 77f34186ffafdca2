//! Carrying a plan out, with hosts, journals, policies and alert sinks written in Python.

mod alerts;
mod deployment;
mod events;
mod host;
mod journal;
mod policy;

use pyo3::prelude::*;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<deployment::Deployment>()?;
    module.add_class::<events::Events>()?;
    module.add_function(wrap_pyfunction!(host::check_host, module)?)?;
    module.add_function(wrap_pyfunction!(journal::history_json, module)?)
}
