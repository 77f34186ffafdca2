//! The extension module under the Python package `serinus`: what must be fast, and what the library decides.
//!
//! Values that are made seldom (versions, fleets, plans) cross as JSON and are dataclasses on the other side; what a request
//! touches is a class of its own. The package around it is in `python/serinus`.

mod errors;
mod evaluate;
mod numbers;
mod planning;
mod routing;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
fn _serinus(module: &Bound<'_, PyModule>) -> PyResult<()> {
    planning::register(module)?;
    routing::register(module)?;
    evaluate::register(module)
}
