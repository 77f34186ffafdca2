//! Sequences of numbers as Python gives them: arrays are read where they are, the rest is copied.

use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::errors;

/// A sequence of numbers: a contiguous array of `float64` as it is, anything else copied.
pub(crate) enum Floats {
    Array(PyBuffer<f64>),
    Copy(Vec<f64>),
}

impl Floats {
    /// The numbers. To be read with the interpreter released.
    #[expect(unsafe_code, reason = "without it an array would have to be copied")]
    pub(crate) fn as_slice(&self) -> &[f64] {
        match self {
            Self::Copy(values) => values,
            Self::Array(buffer) if buffer.item_count() == 0 => &[],
            // SAFETY: `buffer` is one-dimensional, C-contiguous, aligned and of `f64` (checked in `extract`), it holds
            // `item_count` items (more than none, so the pointer is not null), and neither moves nor goes while the export is
            // held, which is as long as `self` lives. Every pattern of bits is an `f64`. A thread that writes to the array during
            // the call breaks the documented contract that all functions of NumPy that release the interpreter have too.
            Self::Array(buffer) => unsafe {
                std::slice::from_raw_parts(buffer.buf_ptr().cast::<f64>(), buffer.item_count())
            },
        }
    }
}

impl<'py> FromPyObject<'_, 'py> for Floats {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let py = object.py();
        if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
            return object.extract().map(Self::Copy);
        }
        if let Some(buffer) = buffer::<f64>(&object) {
            check_dimensions(py, buffer.dimensions())?;
            if buffer.is_c_contiguous() {
                return Ok(Self::Array(buffer));
            }
            return buffer.to_vec(py).map(Self::Copy);
        }
        if let Some(values) = converted::<f32>(object)? {
            return Ok(Self::Copy(values.into_iter().map(f64::from).collect()));
        }
        // Arrays of other numbers, frames' columns, tensors: whatever says how it becomes an array.
        if object.hasattr("__array__")? {
            let array = object.call_method1("__array__", ("float64",)).map_err(|error| {
                let is_value = error.is_instance_of::<PyValueError>(py);
                if is_value { PyTypeError::new_err(format!("expected a sequence of numbers: {error}")) } else { error }
            })?;
            let Some(buffer) = buffer::<f64>(&array) else { return Err(no_sequence(object)) };
            check_dimensions(py, buffer.dimensions())?;
            return if buffer.is_c_contiguous() { Ok(Self::Array(buffer)) } else { buffer.to_vec(py).map(Self::Copy) };
        }
        object.extract().map(Self::Copy).map_err(|_| no_sequence(object))
    }
}

fn no_sequence(object: Borrowed<'_, '_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!("expected a sequence of numbers, got {}", object.get_type()))
}

/// A sequence of truth values: an array's bytes, or anything whose items are true or false.
pub(crate) struct Flags(pub(crate) Vec<bool>);

impl<'py> FromPyObject<'_, 'py> for Flags {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let object =
            if object.hasattr("__array__")? { object.call_method1("__array__", ("bool",))? } else { object.to_owned() };
        if let Ok(view) = object.call_method1("view", ("uint8",))
            && let Some(values) = converted::<u8>(view.as_borrowed())?
        {
            return Ok(Self(values.into_iter().map(|value| value != 0).collect()));
        }
        object.try_iter()?.map(|item| item?.is_truthy()).collect::<PyResult<_>>().map(Self)
    }
}

/// The buffer, if it has one of this type. `PyBuffer` takes big-endian items for those of a little-endian machine.
fn buffer<T: Element>(object: &Bound<'_, PyAny>) -> Option<PyBuffer<T>> {
    let buffer = PyBuffer::<T>::get(object).ok()?;
    let foreign = cfg!(target_endian = "little") && matches!(buffer.format().to_bytes().first(), Some(b'>' | b'!'));
    (!foreign).then_some(buffer)
}

/// The items of a one-dimensional buffer of this type, if it is one.
fn converted<T: Element>(object: Borrowed<'_, '_, PyAny>) -> PyResult<Option<Vec<T>>> {
    let Some(buffer) = buffer::<T>(&object) else { return Ok(None) };
    check_dimensions(object.py(), buffer.dimensions())?;
    buffer.to_vec(object.py()).map(Some)
}

fn check_dimensions(py: Python<'_>, dimensions: usize) -> PyResult<()> {
    if dimensions == 1 {
        return Ok(());
    }
    let what = format!("expected a sequence of numbers in one dimension, got an array of {dimensions} dimensions");
    Err(errors::raise(py, "StatisticsError", &what, Some("1 dimension"), Some(&dimensions.to_string())))
}
