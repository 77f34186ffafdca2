//! Many tests at once.

use pyo3::prelude::*;
use serinus_stats::sequential::{self, EValue};
use serinus_stats::{StatisticsError, multiple};

use super::compute;
use crate::numbers::Floats;

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(holm, module)?)?;
    module.add_function(wrap_pyfunction!(hochberg, module)?)?;
    module.add_function(wrap_pyfunction!(benjamini_hochberg, module)?)?;
    module.add_function(wrap_pyfunction!(e_benjamini_hochberg, module)?)
}

#[pyfunction]
fn holm(py: Python<'_>, p_values: Floats) -> PyResult<Vec<f64>> {
    compute(py, || multiple::holm(p_values.as_slice()))
}

#[pyfunction]
fn hochberg(py: Python<'_>, p_values: Floats) -> PyResult<Vec<f64>> {
    compute(py, || multiple::hochberg(p_values.as_slice()))
}

#[pyfunction]
fn benjamini_hochberg(py: Python<'_>, p_values: Floats) -> PyResult<Vec<f64>> {
    compute(py, || multiple::benjamini_hochberg(p_values.as_slice()))
}

#[pyfunction]
fn e_benjamini_hochberg(py: Python<'_>, e_values: Floats, alpha: f64) -> PyResult<Vec<bool>> {
    compute(py, || {
        let values: Vec<EValue> =
            e_values.as_slice().iter().map(|value| EValue::new(*value)).collect::<Result<_, StatisticsError>>()?;
        sequential::e_benjamini_hochberg(&values, alpha)
    })
}
