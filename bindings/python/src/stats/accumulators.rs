//! Streams of numbers, kept as a few words.

use pyo3::prelude::*;
use serde::{Deserialize, Serialize};
use serinus_stats::StatisticsError;
use serinus_stats::{means, sequential};

use super::shared::{Shared, from_json};
use super::{Ends, compute, ends};
use crate::errors;
use crate::json;
use crate::numbers::Floats;

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Moments>()?;
    module.add_class::<ConfidenceSequence>()
}

/// Count, mean and spread.
#[pyclass(frozen, subclass, module = "serinus._serinus")]
pub(crate) struct Moments(Shared<means::Moments>);

impl Moments {
    pub(super) fn now(&self, py: Python<'_>) -> means::Moments {
        self.0.now(py)
    }
}

#[pymethods]
impl Moments {
    #[new]
    #[pyo3(signature = (values=None))]
    fn new(py: Python<'_>, values: Option<Floats>) -> PyResult<Self> {
        let Some(values) = values else { return Ok(Self(Shared::new(means::Moments::new()))) };
        compute(py, || means::Moments::of(values.as_slice())).map(|moments| Self(Shared::new(moments)))
    }

    /// Takes in a value.
    fn update(&self, py: Python<'_>, value: f64) -> PyResult<()> {
        self.0.quickly(py, |moments| moments.update(value)).map_err(|error| errors::statistics(py, &error))
    }

    /// Takes in values; none of them if one is not finite.
    fn update_many(&self, py: Python<'_>, values: Floats) -> PyResult<()> {
        let take_in = |moments: &mut means::Moments| moments.update_many(values.as_slice());
        self.0.change(py, take_in).map_err(|error| errors::statistics(py, &error))
    }

    /// Takes in what another one saw of other values.
    fn merge(&self, py: Python<'_>, other: &Self) {
        let theirs = other.now(py);
        self.0.quickly(py, |moments| moments.merge(&theirs));
    }

    /// How many values.
    #[getter]
    fn count(&self, py: Python<'_>) -> u64 {
        self.now(py).count()
    }

    /// Their mean; None without values.
    #[getter]
    fn mean(&self, py: Python<'_>) -> Option<f64> {
        self.now(py).mean()
    }

    /// Their sample variance. Needs two values.
    #[getter]
    fn variance(&self, py: Python<'_>) -> PyResult<f64> {
        self.now(py).variance().map_err(|error| errors::statistics(py, &error))
    }

    /// The root of their sample variance. Needs two values.
    #[getter]
    fn standard_deviation(&self, py: Python<'_>) -> PyResult<f64> {
        self.now(py).standard_deviation().map_err(|error| errors::statistics(py, &error))
    }

    fn __eq__(&self, py: Python<'_>, other: &Self) -> bool {
        self.now(py) == other.now(py)
    }

    fn __getstate__(&self, py: Python<'_>) -> PyResult<String> {
        json::write(py, &self.now(py))
    }

    fn __setstate__(&self, py: Python<'_>, state: &str) -> PyResult<()> {
        let state: means::Moments = from_json(py, state)?;
        self.0.quickly(py, |moments| *moments = state);
        Ok(())
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sequence {
    alpha: f64,
    count: u64,
    values: sequential::ConfidenceSequence,
}

/// An interval for a mean, at all times at once.
#[pyclass(frozen, subclass, module = "serinus._serinus")]
pub(crate) struct ConfidenceSequence(Shared<Sequence>);

#[pymethods]
impl ConfidenceSequence {
    #[new]
    fn new(py: Python<'_>, alpha: f64) -> PyResult<Self> {
        check_alpha(py, alpha)?;
        Ok(Self(Shared::new(Sequence { alpha, count: 0, values: sequential::ConfidenceSequence::mean() })))
    }

    /// Takes in a value in [0, 1].
    fn update(&self, py: Python<'_>, value: f64) -> PyResult<()> {
        let take_in = |all: &mut Sequence| {
            all.values.update(value)?;
            all.count = all.count.saturating_add(1);
            Ok(())
        };
        self.0.quickly(py, take_in).map_err(|error| errors::statistics(py, &error))
    }

    /// Takes in values in [0, 1]; none of them if one is not.
    fn update_many(&self, py: Python<'_>, values: Floats) -> PyResult<()> {
        let values = values.as_slice();
        let take_in = |all: &mut Sequence| {
            all.values.update_many(values)?;
            all.count = all.count.saturating_add(values.len() as u64);
            Ok(())
        };
        self.0.change(py, take_in).map_err(|error| errors::statistics(py, &error))
    }

    /// Takes in what another one saw of other values.
    fn merge(&self, py: Python<'_>, other: &Self) {
        let theirs = other.0.now(py);
        self.0.quickly(py, |all| {
            all.values.merge(&theirs.values);
            all.count = all.count.saturating_add(theirs.count);
        });
    }

    #[getter]
    fn alpha(&self, py: Python<'_>) -> f64 {
        self.0.quickly(py, |all| all.alpha)
    }

    /// How many values.
    #[getter]
    fn count(&self, py: Python<'_>) -> u64 {
        self.0.quickly(py, |all| all.count)
    }

    /// Their mean; None without values.
    #[getter]
    fn estimate(&self, py: Python<'_>) -> Option<f64> {
        self.0.quickly(py, |all| all.values.estimate())
    }

    fn ends(&self, py: Python<'_>) -> PyResult<Ends> {
        let all = self.0.now(py);
        compute(py, || all.values.interval(1.0 - all.alpha)).map(ends)
    }

    fn __eq__(&self, py: Python<'_>, other: &Self) -> bool {
        self.0.now(py) == other.0.now(py)
    }

    fn __getnewargs__(&self, py: Python<'_>) -> (f64,) {
        (self.0.quickly(py, |all| all.alpha),)
    }

    fn __getstate__(&self, py: Python<'_>) -> PyResult<String> {
        json::write(py, &self.0.now(py))
    }

    fn __setstate__(&self, py: Python<'_>, state: &str) -> PyResult<()> {
        let state: Sequence = from_json(py, state)?;
        check_alpha(py, state.alpha)?;
        self.0.quickly(py, |all| *all = state);
        Ok(())
    }
}

/// A level whose complement is a confidence.
pub(super) fn check_alpha(py: Python<'_>, alpha: f64) -> PyResult<()> {
    if alpha > 0.0 && alpha < 1.0 && 1.0 - alpha < 1.0 {
        return Ok(());
    }
    Err(errors::statistics(py, &StatisticsError { argument: "alpha", expected: "above 0 and below 1", got: alpha }))
}
