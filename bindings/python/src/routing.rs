//! The splitter and its leases: what each request touches.

mod attached;
mod forks;
mod lease;
mod names;
mod splitter;

use pyo3::prelude::*;

pub(crate) use forks::{after_fork, before_fork};
pub(crate) use lease::Lease;
pub(crate) use splitter::Splitter;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Splitter>()?;
    module.add_class::<Lease>()
}
