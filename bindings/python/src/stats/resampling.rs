//! Resampling, by statistics of the library's or of Python's.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};
use serinus_stats::StatisticsError;
use serinus_stats::resampling::{
    self, Bootstrap, BootstrapInterval, BootstrapOptions, PermutationOptions, Statistic, mean_difference,
};

use super::counts::Whole;
use super::{Ends, compute, ends, words};
use crate::errors;
use crate::numbers::Floats;

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(bootstrap, module)?)?;
    module.add_function(wrap_pyfunction!(bootstrap_difference, module)?)?;
    module.add_function(wrap_pyfunction!(permutation_test, module)?)
}

type BootstrapFields = (f64, Ends, f64, f64, f64, f64, bool);
/// How the interval is read off, confidence, resamples, seed.
type Options<'a> = (&'a str, f64, Whole, Whole);

const fn fields(found: &Bootstrap) -> BootstrapFields {
    let Bootstrap { estimate, interval, standard_error, bias, bias_correction, acceleration, degenerate } = *found;
    (estimate, ends(interval), standard_error, bias, bias_correction, acceleration, degenerate)
}

fn options(py: Python<'_>, options: Options<'_>) -> PyResult<BootstrapOptions> {
    let (method, confidence, resamples, seed) = options;
    let interval = match method {
        "bca" => BootstrapInterval::Bca,
        "percentile" => BootstrapInterval::Percentile,
        _ => return Err(words::unknown(py, "method", method, "\"bca\" or \"percentile\"")),
    };
    Ok(BootstrapOptions { interval, confidence, resamples: times(resamples), seed: seed.0 })
}

/// What exceeds the range is refused by the library.
fn times(resamples: Whole) -> u32 {
    u32::try_from(resamples.0).unwrap_or(u32::MAX)
}

/// A function of Python's, and what it raised first. After that it is not called again.
struct Callable {
    function: Py<PyAny>,
    raised: Mutex<Option<PyErr>>,
}

impl Callable {
    const fn new(function: Py<PyAny>) -> Self {
        Self { function, raised: Mutex::new(None) }
    }

    fn of(&self, samples: &[&[f64]]) -> f64 {
        if self.raised.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return f64::NAN;
        }
        Python::attach(|py| self.call(py, samples)).unwrap_or_else(|error| {
            *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            f64::NAN
        })
    }

    /// Each sample is given as an `array.array`.
    fn call(&self, py: Python<'_>, samples: &[&[f64]]) -> PyResult<f64> {
        let array = py.import("array")?.getattr("array")?;
        let arrays = samples.iter().map(|values| {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_ne_bytes()).collect();
            array.call1(("d", PyBytes::new(py, &bytes)))
        });
        let arrays = PyTuple::new(py, arrays.collect::<PyResult<Vec<_>>>()?)?;
        self.function.bind(py).call1(arrays)?.extract()
    }

    fn result<T>(self, found: PyResult<T>) -> PyResult<T> {
        match self.raised.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => found,
        }
    }
}

/// Works a statistic into what a computation is asked with.
fn with_statistic<T: Send>(
    py: Python<'_>,
    statistic: &Bound<'_, PyAny>,
    q: Option<f64>,
    computation: impl FnOnce(Statistic<'_>) -> Result<T, StatisticsError> + Send,
) -> PyResult<T> {
    let Ok(name) = statistic.cast::<PyString>() else {
        let callable = Callable::new(statistic.clone().unbind());
        let of = |values: &[f64]| callable.of(&[values]);
        let found = compute(py, || computation(Statistic::Custom(&of)));
        return callable.result(found);
    };
    let known = match (name.to_cow()?.as_ref(), q) {
        ("mean", None) => Statistic::Mean,
        ("median", None) => Statistic::Median,
        ("variance", None) => Statistic::Variance,
        ("standard_deviation", None) => Statistic::StandardDeviation,
        ("quantile", Some(q)) => Statistic::Quantile(q),
        ("quantile", None) => {
            let what = "statistic \"quantile\" needs q, in [0, 1]";
            return Err(errors::raise(py, "StatisticsError", what, Some("q in [0, 1]"), Some("None")));
        }
        (other, None) => {
            let expected = "\"mean\", \"median\", \"variance\", \"standard_deviation\", \"quantile\" or a function";
            return Err(words::unknown(py, "statistic", other, expected));
        }
        (other, Some(q)) => {
            let what = format!("q is for the statistic \"quantile\" alone, got one with {other:?}");
            return Err(errors::raise(py, "StatisticsError", &what, Some("no q"), Some(&q.to_string())));
        }
    };
    compute(py, || computation(known))
}

#[pyfunction]
fn bootstrap(
    py: Python<'_>,
    values: Floats,
    statistic: &Bound<'_, PyAny>,
    q: Option<f64>,
    options: Options<'_>,
) -> PyResult<BootstrapFields> {
    let options = self::options(py, options)?;
    let of = |statistic: Statistic<'_>| resampling::bootstrap(values.as_slice(), statistic, options);
    with_statistic(py, statistic, q, of).map(|found| fields(&found))
}

#[pyfunction]
fn bootstrap_difference(
    py: Python<'_>,
    a: Floats,
    b: Floats,
    statistic: &Bound<'_, PyAny>,
    q: Option<f64>,
    options: Options<'_>,
) -> PyResult<BootstrapFields> {
    let options = self::options(py, options)?;
    let of =
        |statistic: Statistic<'_>| resampling::bootstrap_difference(a.as_slice(), b.as_slice(), statistic, options);
    with_statistic(py, statistic, q, of).map(|found| fields(&found))
}

#[pyfunction]
fn permutation_test(
    py: Python<'_>,
    a: Floats,
    b: Floats,
    statistic: &Bound<'_, PyAny>,
    alternative: &str,
    resamples: Whole,
    seed: Whole,
) -> PyResult<(f64, f64, bool, u32)> {
    let alternative = words::alternative(py, alternative)?;
    let options = PermutationOptions { alternative, resamples: times(resamples), seed: seed.0 };
    let (a, b) = (&a, &b);
    let found = match statistic.cast::<PyString>() {
        Err(_) => {
            let callable = Callable::new(statistic.clone().unbind());
            let of = |a: &[f64], b: &[f64]| callable.of(&[a, b]);
            let found = compute(py, || resampling::permutation_test(a.as_slice(), b.as_slice(), of, options));
            callable.result(found)?
        }
        Ok(name) if name.to_cow()? == "mean_difference" => {
            compute(py, || resampling::permutation_test(a.as_slice(), b.as_slice(), mean_difference, options))?
        }
        Ok(name) => {
            return Err(words::unknown(
                py,
                "statistic",
                &name.to_cow()?,
                "\"mean_difference\" or a function of a and b",
            ));
        }
    };
    Ok((found.statistic, found.p_value, found.exact, found.deals))
}
