//! Quantiles.

use pyo3::prelude::*;
use serinus_stats::quantiles;

use super::{Ends, compute, ends, words};
use crate::numbers::Floats;

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(quantile, module)?)?;
    module.add_function(wrap_pyfunction!(quantiles_of, module)?)?;
    module.add_function(wrap_pyfunction!(harrell_davis, module)?)?;
    module.add_function(wrap_pyfunction!(quantile_interval, module)?)
}

#[pyfunction]
fn quantile(py: Python<'_>, values: Floats, q: f64, method: &str) -> PyResult<f64> {
    let method = words::quantile_type(py, method)?;
    compute(py, || quantiles::quantile(values.as_slice(), q, method))
}

#[pyfunction]
fn quantiles_of(py: Python<'_>, values: Floats, qs: Floats, method: &str) -> PyResult<Vec<f64>> {
    let method = words::quantile_type(py, method)?;
    compute(py, || quantiles::quantiles(values.as_slice(), qs.as_slice(), method))
}

#[pyfunction]
fn harrell_davis(py: Python<'_>, values: Floats, q: f64) -> PyResult<f64> {
    compute(py, || quantiles::harrell_davis(values.as_slice(), q))
}

#[pyfunction]
fn quantile_interval(py: Python<'_>, values: Floats, q: f64, confidence: f64) -> PyResult<(Ends, f64)> {
    let found = compute(py, || quantiles::quantile_interval(values.as_slice(), q, confidence))?;
    Ok((ends(found.interval), found.coverage))
}
