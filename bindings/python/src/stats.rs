//! The statistics: each function takes what Python has, computes with the interpreter released, and gives a tuple of the
//! result's fields in their order.

#![expect(clippy::needless_pass_by_value, reason = "arguments are made of Python's")]

mod accumulators;
pub(crate) mod counts;
mod means;
mod multiple;
mod power;
mod proportions;
mod quantiles;
mod ranks;
mod resampling;
mod sequential;
pub(crate) mod shared;
pub(crate) mod words;

use pyo3::prelude::*;
use serinus_stats::{Interval, StatisticsError, TestOptions};

use crate::errors;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    means::register(module)?;
    ranks::register(module)?;
    proportions::register(module)?;
    quantiles::register(module)?;
    multiple::register(module)?;
    resampling::register(module)?;
    power::register(module)?;
    accumulators::register(module)?;
    sequential::register(module)
}

/// The two ends of an interval.
type Ends = (f64, f64);

const fn ends(interval: Interval) -> Ends {
    (interval.low, interval.high)
}

/// Computes with the interpreter released.
fn compute<T: Send>(py: Python<'_>, computation: impl FnOnce() -> Result<T, StatisticsError> + Send) -> PyResult<T> {
    py.detach(computation).map_err(|error| errors::statistics(py, &error))
}

fn test_options(py: Python<'_>, alternative: &str, confidence: f64) -> PyResult<TestOptions> {
    Ok(TestOptions { alternative: words::alternative(py, alternative)?, confidence })
}
