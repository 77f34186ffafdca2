//! Values as JSON.

use pyo3::prelude::*;
use serde::Serialize;

use crate::errors;

/// The value as JSON.
pub(crate) fn write(py: Python<'_>, value: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| errors::raise(py, "SerinusError", &error.to_string(), None, None))
}
