//! Proportions.

use pyo3::prelude::*;
use serinus_stats::proportions::{self, McNemarMethod, McNemarOptions, TwoProportionOptions};

use super::counts::{Table, Whole, count};
use super::{Ends, compute, ends, test_options, words};
use crate::numbers::Floats;

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(two_proportion_z, module)?)?;
    module.add_function(wrap_pyfunction!(miettinen_nurminen_test, module)?)?;
    module.add_function(wrap_pyfunction!(fisher_exact, module)?)?;
    module.add_function(wrap_pyfunction!(boschloo_exact, module)?)?;
    module.add_function(wrap_pyfunction!(mcnemar, module)?)?;
    module.add_function(wrap_pyfunction!(chi_square_srm, module)?)?;
    module.add_function(wrap_pyfunction!(clopper_pearson_interval, module)?)?;
    module.add_function(wrap_pyfunction!(wilson_interval, module)?)?;
    module.add_function(wrap_pyfunction!(newcombe_interval, module)?)?;
    module.add_function(wrap_pyfunction!(miettinen_nurminen_interval, module)?)?;
    module.add_function(wrap_pyfunction!(rogan_gladen, module)?)
}

#[expect(clippy::too_many_arguments, reason = "counts and options")]
#[pyfunction]
fn two_proportion_z(
    py: Python<'_>,
    x1: Whole,
    n1: Whole,
    x2: Whole,
    n2: Whole,
    alternative: &str,
    pooled: bool,
    confidence: f64,
) -> PyResult<(f64, f64, f64, Ends, bool)> {
    let (a, b) = (count(py, x1, n1)?, count(py, x2, n2)?);
    let options = TwoProportionOptions { alternative: words::alternative(py, alternative)?, confidence, pooled };
    let test = compute(py, || proportions::two_proportion_z(a, b, options))?;
    Ok((test.statistic, test.p_value, test.difference, ends(test.interval), test.all_alike))
}

#[expect(clippy::too_many_arguments, reason = "counts and options")]
#[pyfunction]
fn miettinen_nurminen_test(
    py: Python<'_>,
    x1: Whole,
    n1: Whole,
    x2: Whole,
    n2: Whole,
    margin: f64,
    alternative: &str,
    confidence: f64,
) -> PyResult<(f64, f64, f64, Ends)> {
    let (a, b) = (count(py, x1, n1)?, count(py, x2, n2)?);
    let options = test_options(py, alternative, confidence)?;
    let test = compute(py, || proportions::miettinen_nurminen_test(a, b, margin, options))?;
    Ok((test.statistic, test.p_value, test.difference, ends(test.interval)))
}

#[pyfunction]
fn fisher_exact(py: Python<'_>, table: Table, alternative: &str) -> PyResult<(f64, f64, bool)> {
    let alternative = words::alternative(py, alternative)?;
    let test = compute(py, || proportions::fisher_exact(table.0, alternative))?;
    Ok((test.statistic, test.p_value, test.empty_margin))
}

#[pyfunction]
fn boschloo_exact(py: Python<'_>, table: Table, alternative: &str) -> PyResult<(f64, f64, bool)> {
    let alternative = words::alternative(py, alternative)?;
    let test = compute(py, || proportions::boschloo_exact(table.0, alternative))?;
    Ok((test.statistic, test.p_value, test.empty_column))
}

#[pyfunction]
fn mcnemar(
    py: Python<'_>,
    b: Whole,
    c: Whole,
    method: &str,
    alternative: &str,
    confidence: f64,
) -> PyResult<(f64, f64, f64, Ends)> {
    let method = match method {
        "exact" => McNemarMethod::Exact,
        "mid-p" => McNemarMethod::MidP,
        "chi-squared" => McNemarMethod::ChiSquared { continuity: false },
        "corrected" => McNemarMethod::ChiSquared { continuity: true },
        _ => {
            return Err(words::unknown(py, "method", method, "\"exact\", \"mid-p\", \"chi-squared\" or \"corrected\""));
        }
    };
    let options = McNemarOptions { method, alternative: words::alternative(py, alternative)?, confidence };
    let test = compute(py, || proportions::mcnemar(b.0, c.0, options))?;
    Ok((test.statistic, test.p_value, test.share, ends(test.interval)))
}

#[pyfunction]
fn chi_square_srm(py: Python<'_>, counts: Vec<Whole>, weights: Floats) -> PyResult<(f64, f64, u64, bool)> {
    let counts: Vec<u64> = counts.iter().map(|count| count.0).collect();
    let test = compute(py, || proportions::chi_square_srm(&counts, weights.as_slice()))?;
    Ok((test.statistic, test.p_value, test.degrees_of_freedom, test.impossible))
}

#[pyfunction]
fn clopper_pearson_interval(py: Python<'_>, x: Whole, n: Whole, confidence: f64) -> PyResult<Ends> {
    let count = count(py, x, n)?;
    compute(py, || proportions::clopper_pearson_interval(count, confidence)).map(ends)
}

#[pyfunction]
fn wilson_interval(py: Python<'_>, x: Whole, n: Whole, confidence: f64) -> PyResult<Ends> {
    let count = count(py, x, n)?;
    compute(py, || proportions::wilson_interval(count, confidence)).map(ends)
}

#[pyfunction]
fn newcombe_interval(py: Python<'_>, x1: Whole, n1: Whole, x2: Whole, n2: Whole, confidence: f64) -> PyResult<Ends> {
    let (a, b) = (count(py, x1, n1)?, count(py, x2, n2)?);
    compute(py, || proportions::newcombe_interval(a, b, confidence)).map(ends)
}

#[pyfunction]
fn miettinen_nurminen_interval(
    py: Python<'_>,
    x1: Whole,
    n1: Whole,
    x2: Whole,
    n2: Whole,
    confidence: f64,
) -> PyResult<Ends> {
    let (a, b) = (count(py, x1, n1)?, count(py, x2, n2)?);
    compute(py, || proportions::miettinen_nurminen_interval(a, b, confidence)).map(ends)
}

/// Each count is a pair: how many, of how many.
#[pyfunction]
fn rogan_gladen(
    py: Python<'_>,
    judged: (Whole, Whole),
    sensitivity: (Whole, Whole),
    specificity: (Whole, Whole),
    confidence: f64,
) -> PyResult<Option<(f64, Ends)>> {
    let judged = count(py, judged.0, judged.1)?;
    let (sensitivity, specificity) =
        (count(py, sensitivity.0, sensitivity.1)?, count(py, specificity.0, specificity.1)?);
    let corrected = compute(py, || proportions::rogan_gladen(judged, sensitivity, specificity, confidence))?;
    Ok(corrected.map(|corrected| (corrected.rate, ends(corrected.interval))))
}
