//! The extension module under the Python package `serinus`: what must be fast, and what the library decides.
//!
//! Values that are made seldom (versions, fleets, plans) cross as JSON and are dataclasses on the other side; what a request
//! touches is a class of its own. The package around it is in `python/serinus`.

mod calls;
mod deploy;
mod errors;
mod evaluate;
mod experiment;
mod json;
mod judge;
mod logs;
mod numbers;
mod planning;
mod process;
mod routing;
mod simulate;
mod stats;

use pyo3::prelude::*;

#[cfg(panic = "abort")]
compile_error!("a panic must become an exception, and not end the interpreter: build with panic = \"unwind\"");

#[pymodule(gil_used = false)]
fn _serinus(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    logs::register(module)?;
    process::register(module)?;
    calls::register(module)?;
    judge::register(module)?;
    planning::register(module)?;
    routing::register(module)?;
    deploy::register(module)?;
    simulate::register(module)?;
    stats::register(module)?;
    experiment::register(module)?;
    evaluate::register(module)
}
