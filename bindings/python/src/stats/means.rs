//! Means.

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use serinus_stats::means::{self, EffectSize, WelchT};

use super::accumulators::Moments;
use super::{Ends, compute, ends, test_options};
use crate::numbers::Floats;

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(welch_t, module)?)?;
    module.add_function(wrap_pyfunction!(welch_t_from_moments, module)?)?;
    module.add_function(wrap_pyfunction!(cohens_d, module)?)?;
    module.add_function(wrap_pyfunction!(hedges_g, module)?)?;
    module.add_function(wrap_pyfunction!(cuped, module)?)?;
    module.add_function(wrap_pyfunction!(cuped_theta, module)?)?;
    module.add_function(wrap_pyfunction!(cuped_welch_t, module)?)
}

type WelchFields = (f64, f64, f64, f64, Ends, Option<f64>, bool);
type Effect = Option<(f64, Ends)>;

const fn fields(test: &WelchT) -> WelchFields {
    let WelchT { statistic, p_value, degrees_of_freedom, difference, interval, cohens_d, constant } = *test;
    (statistic, p_value, degrees_of_freedom, difference, ends(interval), cohens_d, constant)
}

fn effect(size: Option<EffectSize>) -> Effect {
    size.map(|size| (size.estimate, ends(size.interval)))
}

#[pyfunction]
fn welch_t(py: Python<'_>, a: Floats, b: Floats, alternative: &str, confidence: f64) -> PyResult<WelchFields> {
    let options = test_options(py, alternative, confidence)?;
    compute(py, || means::welch_t(a.as_slice(), b.as_slice(), options)).map(|test| fields(&test))
}

#[pyfunction]
fn welch_t_from_moments(
    py: Python<'_>,
    a: &Moments,
    b: &Moments,
    alternative: &str,
    confidence: f64,
) -> PyResult<WelchFields> {
    let options = test_options(py, alternative, confidence)?;
    let (a, b) = (a.now(py), b.now(py));
    compute(py, || means::welch_t_from_moments(&a, &b, options)).map(|test| fields(&test))
}

#[pyfunction]
fn cohens_d(py: Python<'_>, a: Floats, b: Floats, confidence: f64) -> PyResult<Effect> {
    compute(py, || means::cohens_d(a.as_slice(), b.as_slice(), confidence)).map(effect)
}

#[pyfunction]
fn hedges_g(py: Python<'_>, a: Floats, b: Floats, confidence: f64) -> PyResult<Effect> {
    compute(py, || means::hedges_g(a.as_slice(), b.as_slice(), confidence)).map(effect)
}

#[pyfunction]
fn cuped(py: Python<'_>, y: Floats, x: Floats) -> PyResult<(Bound<'_, PyTuple>, f64, f64)> {
    let found = compute(py, || means::cuped(y.as_slice(), x.as_slice()))?;
    Ok((PyTuple::new(py, found.adjusted)?, found.theta, found.variance_reduction))
}

#[pyfunction]
fn cuped_theta(py: Python<'_>, y_a: Floats, x_a: Floats, y_b: Floats, x_b: Floats) -> PyResult<f64> {
    compute(py, || means::cuped_theta(y_a.as_slice(), x_a.as_slice(), y_b.as_slice(), x_b.as_slice()))
}

#[pyfunction]
fn cuped_welch_t(
    py: Python<'_>,
    y_a: Floats,
    x_a: Floats,
    y_b: Floats,
    x_b: Floats,
    alternative: &str,
    confidence: f64,
) -> PyResult<(f64, WelchFields)> {
    let options = test_options(py, alternative, confidence)?;
    let test = || means::cuped_welch_t(y_a.as_slice(), x_a.as_slice(), y_b.as_slice(), x_b.as_slice(), options);
    compute(py, test).map(|found| (found.theta, fields(&found.test)))
}
