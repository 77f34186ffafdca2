//! Ranks.

use pyo3::prelude::*;
use serinus_stats::ranks::{self, KolmogorovSmirnovOptions, MannWhitneyOptions, WilcoxonOptions};

use super::counts::Whole;
use super::{Ends, compute, ends, test_options, words};
use crate::numbers::Floats;

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(mann_whitney_u, module)?)?;
    module.add_function(wrap_pyfunction!(brunner_munzel, module)?)?;
    module.add_function(wrap_pyfunction!(wilcoxon_signed_rank, module)?)?;
    module.add_function(wrap_pyfunction!(sign_test, module)?)?;
    module.add_function(wrap_pyfunction!(kolmogorov_smirnov, module)?)?;
    module.add_function(wrap_pyfunction!(hodges_lehmann, module)?)?;
    module.add_function(wrap_pyfunction!(win_rate, module)?)?;
    module.add_function(wrap_pyfunction!(cliffs_delta, module)?)
}

#[pyfunction]
fn mann_whitney_u(
    py: Python<'_>,
    a: Floats,
    b: Floats,
    alternative: &str,
    method: &str,
    continuity: bool,
) -> PyResult<(f64, f64, &'static str, f64, f64, bool)> {
    let (alternative, method) = (words::alternative(py, alternative)?, words::method(py, method)?);
    let options = MannWhitneyOptions { alternative, method, continuity };
    let test = compute(py, || ranks::mann_whitney_u(a.as_slice(), b.as_slice(), options))?;
    let method = words::method_name(test.method);
    Ok((test.statistic, test.p_value, method, test.win_rate, test.cliffs_delta, test.all_tied))
}

#[pyfunction]
fn brunner_munzel(
    py: Python<'_>,
    a: Floats,
    b: Floats,
    alternative: &str,
    confidence: f64,
) -> PyResult<(f64, f64, Option<f64>, f64, Ends, bool)> {
    let options = test_options(py, alternative, confidence)?;
    let test = compute(py, || ranks::brunner_munzel(a.as_slice(), b.as_slice(), options))?;
    let interval = ends(test.interval);
    Ok((test.statistic, test.p_value, test.degrees_of_freedom, test.win_rate, interval, test.apart))
}

#[pyfunction]
fn wilcoxon_signed_rank(
    py: Python<'_>,
    differences: Floats,
    alternative: &str,
    method: &str,
    zero_method: &str,
    continuity: bool,
    confidence: f64,
) -> PyResult<(f64, f64, &'static str, f64, f64, Ends, bool)> {
    let options = WilcoxonOptions {
        alternative: words::alternative(py, alternative)?,
        method: words::method(py, method)?,
        zero_method: words::zero_method(py, zero_method)?,
        continuity,
        confidence,
    };
    let test = compute(py, || ranks::wilcoxon_signed_rank(differences.as_slice(), options))?;
    let (method, interval) = (words::method_name(test.method), ends(test.interval));
    Ok((test.statistic, test.p_value, method, test.rank_biserial, test.centre, interval, test.all_zero))
}

#[pyfunction]
fn sign_test(
    py: Python<'_>,
    wins: Whole,
    losses: Whole,
    alternative: &str,
    confidence: f64,
) -> PyResult<(f64, f64, f64, Ends)> {
    let options = test_options(py, alternative, confidence)?;
    let test = compute(py, || ranks::sign_test(wins.0, losses.0, options))?;
    Ok((test.statistic, test.p_value, test.win_share, ends(test.interval)))
}

#[pyfunction]
fn kolmogorov_smirnov(
    py: Python<'_>,
    a: Floats,
    b: Floats,
    alternative: &str,
    method: &str,
) -> PyResult<(f64, f64, &'static str, f64, bool)> {
    let (alternative, method) = (words::alternative(py, alternative)?, words::method(py, method)?);
    let options = KolmogorovSmirnovOptions { alternative, method };
    let test = compute(py, || ranks::kolmogorov_smirnov(a.as_slice(), b.as_slice(), options))?;
    Ok((test.statistic, test.p_value, words::method_name(test.method), test.location, test.a_below))
}

#[pyfunction]
fn hodges_lehmann(py: Python<'_>, a: Floats, b: Floats, confidence: f64) -> PyResult<(f64, Ends)> {
    let shift = compute(py, || ranks::hodges_lehmann(a.as_slice(), b.as_slice(), confidence))?;
    Ok((shift.estimate, ends(shift.interval)))
}

#[pyfunction]
fn win_rate(py: Python<'_>, a: Floats, b: Floats, confidence: f64) -> PyResult<(f64, Ends)> {
    let rate = compute(py, || ranks::win_rate(a.as_slice(), b.as_slice(), confidence))?;
    Ok((rate.estimate, ends(rate.interval)))
}

#[pyfunction]
fn cliffs_delta(py: Python<'_>, a: Floats, b: Floats, confidence: f64) -> PyResult<(f64, Ends)> {
    let delta = compute(py, || ranks::cliffs_delta(a.as_slice(), b.as_slice(), confidence))?;
    Ok((delta.estimate, ends(delta.interval)))
}
