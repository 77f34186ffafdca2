//! How many observations.

use pyo3::prelude::*;
use serinus_stats::power::{self, Allocation, Design, PowerOptions, SampleSize};

use super::counts::Whole;
use super::{compute, words};
use crate::errors;

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(sample_size, module)?)?;
    module.add_function(wrap_pyfunction!(power_of, module)?)?;
    module.add_function(wrap_pyfunction!(minimum_detectable_effect, module)?)?;
    module.add_function(wrap_pyfunction!(time_needed, module)?)
}

/// What a comparison is to be: design, alpha, power, alternative, margin, the share of `b`, baseline.
type Question<'a> = (&'a str, f64, f64, &'a str, f64, f64, Option<f64>);

fn options(py: Python<'_>, question: Question<'_>) -> PyResult<PowerOptions> {
    let (design, alpha, power, alternative, margin, canary_share, baseline) = question;
    let design = match (design, baseline) {
        ("two-proportions", Some(baseline)) => Design::TwoProportions { baseline },
        ("two-proportions", None) => {
            let what = "design \"two-proportions\" needs a baseline: the share of a, above 0 and below 1";
            return Err(errors::raise(py, "StatisticsError", what, Some("a baseline"), Some("None")));
        }
        (_, Some(baseline)) => {
            let what = format!("a baseline is for the design \"two-proportions\" alone, got one with {design:?}");
            return Err(errors::raise(py, "StatisticsError", &what, Some("no baseline"), Some(&baseline.to_string())));
        }
        ("paired", None) => Design::Paired,
        ("two-sample", None) => Design::TwoSample,
        ("mann-whitney", None) => Design::MannWhitney,
        ("mann-whitney-bound", None) => Design::MannWhitneyBound,
        ("win-rate", None) => Design::WinRate,
        _ => {
            let expected = "\"paired\", \"two-sample\", \"mann-whitney\", \"mann-whitney-bound\", \"win-rate\" or \
                            \"two-proportions\"";
            return Err(words::unknown(py, "design", design, expected));
        }
    };
    let alternative = words::alternative(py, alternative)?;
    let allocation = Allocation::canary_share(canary_share).map_err(|error| errors::statistics(py, &error))?;
    Ok(PowerOptions { design, alpha, power, alternative, margin, allocation })
}

#[pyfunction]
fn sample_size(py: Python<'_>, effect: f64, question: Question<'_>) -> PyResult<(u64, u64, u64, u64)> {
    let options = options(py, question)?;
    let size = compute(py, || power::sample_size(effect, options))?;
    Ok((size.per_group, size.a, size.b, size.total))
}

#[pyfunction]
fn power_of(py: Python<'_>, effect: f64, n: Whole, question: Question<'_>) -> PyResult<f64> {
    let options = options(py, question)?;
    compute(py, || power::power(effect, n.0, options))
}

#[pyfunction]
fn minimum_detectable_effect(py: Python<'_>, n: Whole, question: Question<'_>) -> PyResult<f64> {
    let options = options(py, question)?;
    compute(py, || power::minimum_detectable_effect(n.0, options))
}

/// In seconds.
#[pyfunction]
fn time_needed(py: Python<'_>, a: Whole, b: Whole, requests_per_hour: f64, canary_share: f64) -> PyResult<f64> {
    let size = SampleSize { per_group: a.0.min(b.0), a: a.0, b: b.0, total: a.0.saturating_add(b.0) };
    compute(py, || power::time_needed(size, requests_per_hour, canary_share)).map(|time| time.as_secs_f64())
}
