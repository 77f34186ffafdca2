//! Whole numbers, and what is made of them.

use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use serinus_stats::sequential::Count;

use crate::errors;

/// A whole number from 0 to 2⁶⁴ − 1.
#[derive(Clone, Copy)]
pub(crate) struct Whole(pub(crate) u64);

impl<'py> FromPyObject<'_, 'py> for Whole {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        object.extract().map(Self).map_err(|error: PyErr| {
            let py = object.py();
            if !error.is_instance_of::<PyOverflowError>(py) {
                return error;
            }
            let expected = "from 0 to 2^64 - 1";
            let what = format!("a whole number must be {expected}, got {}", *object);
            errors::raise(py, "StatisticsError", &what, Some(expected), Some(&object.to_string()))
        })
    }
}

/// Failures among trials.
pub(super) fn count(py: Python<'_>, failures: Whole, trials: Whole) -> PyResult<Count> {
    Count::new(failures.0, trials.0).map_err(|error| errors::statistics(py, &error))
}

/// A table of two rows and two columns.
pub(super) struct Table(pub(super) [[u64; 2]; 2]);

impl<'py> FromPyObject<'_, 'py> for Table {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let rows: Vec<Vec<Whole>> = object.extract().map_err(|error: PyErr| {
            let py = object.py();
            if error.is_instance_of::<PyTypeError>(py) {
                let kind = object.get_type();
                return PyTypeError::new_err(format!("expected a table [[a, b], [c, d]] of counts, got {kind}"));
            }
            error
        })?;
        match rows.as_slice() {
            [first, second] => match (first.as_slice(), second.as_slice()) {
                ([a, b], [c, d]) => Ok(Self([[a.0, b.0], [c.0, d.0]])),
                _ => Err(not_two_by_two(object, first.len().max(second.len()))),
            },
            rows => Err(not_two_by_two(object, rows.len())),
        }
    }
}

fn not_two_by_two(object: Borrowed<'_, '_, PyAny>, got: usize) -> PyErr {
    let what = format!("a table must have two rows and two columns, [[a, b], [c, d]], got {got}");
    errors::raise(object.py(), "StatisticsError", &what, Some("two rows and two columns"), Some(&got.to_string()))
}
