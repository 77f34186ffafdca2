//! Many requests at once: each field a column.

use std::borrow::Cow;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyFloat, PyInt, PyList, PyTuple};
use serinus::clock::Timestamp;

use super::observation::time;
use super::rows::Rows;
use crate::errors;
use crate::numbers::{Flags, Floats};

/// The fields of many requests to one version. In columns of numbers NaN stands for what was not measured.
#[derive(Default)]
pub(super) struct Columns {
    latency_ms: Option<Floats>,
    ttft_ms: Option<Floats>,
    tokens: Option<Floats>,
    error: Option<Flags>,
    quality: Option<Floats>,
    passed: Option<Floats>,
    feedback: Option<Floats>,
    stratum: Option<Floats>,
    sticky_key: Option<Vec<Option<Box<str>>>>,
    arrived_at: Option<Floats>,
    /// When all of them arrived, where they do not say themselves.
    at: Timestamp,
    length: Option<(&'static str, usize)>,
}

impl Columns {
    pub(super) fn new(at: Timestamp) -> Self {
        Self { at, ..Self::default() }
    }

    pub(super) fn numbers(&mut self, name: &'static str, column: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let Some(column) = column else { return Ok(()) };
        let column_of = numbers(column).map_err(|error| named(column.py(), name, error))?;
        self.fits(column.py(), name, column_of.as_slice().len())?;
        let place = match name {
            "latency_ms" => &mut self.latency_ms,
            "ttft_ms" => &mut self.ttft_ms,
            "tokens" => &mut self.tokens,
            "quality" => &mut self.quality,
            "feedback" => &mut self.feedback,
            "stratum" => &mut self.stratum,
            _ => &mut self.arrived_at,
        };
        *place = Some(column_of);
        Ok(())
    }

    pub(super) fn error(&mut self, column: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let Some(column) = column else { return Ok(()) };
        let flags = flags(column).map_err(|error| named(column.py(), "error", error))?;
        self.fits(column.py(), "error", flags.0.len())?;
        self.error = Some(flags);
        Ok(())
    }

    pub(super) fn passed(&mut self, column: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let Some(column) = column else { return Ok(()) };
        let judged = judged(column).map_err(|error| named(column.py(), "passed", error))?;
        self.fits(column.py(), "passed", judged.as_slice().len())?;
        self.passed = Some(judged);
        Ok(())
    }

    pub(super) fn sticky_key(&mut self, column: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let Some(column) = column else { return Ok(()) };
        let key =
            |key: PyResult<Bound<'_, PyAny>>| Ok(key?.extract::<Option<PyBackedStr>>()?.map(|key| Box::from(&*key)));
        let keys: PyResult<Vec<_>> = column.try_iter().and_then(|keys| keys.map(key).collect());
        let keys = keys.map_err(|error| named(column.py(), "sticky_key", error))?;
        self.fits(column.py(), "sticky_key", keys.len())?;
        self.sticky_key = Some(keys);
        Ok(())
    }

    /// One time for all, or a column of times.
    pub(super) fn arrived_at(&mut self, times: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        match times {
            Some(times) if times.is_instance_of::<PyFloat>() || times.is_instance_of::<PyInt>() => {
                self.at = time(times.py(), "arrived_at", times.extract()?)?;
                Ok(())
            }
            times => self.numbers("arrived_at", times),
        }
    }

    fn fits(&mut self, py: Python<'_>, name: &'static str, rows: usize) -> PyResult<()> {
        match self.length {
            Some((other, others)) if others != rows => {
                let what =
                    format!("all columns must have the same length: {other} has {others} rows, {name} has {rows}");
                Err(errors::raise(py, "StatisticsError", &what, Some(&others.to_string()), Some(&rows.to_string())))
            }
            _ => {
                self.length = Some((name, rows));
                Ok(())
            }
        }
    }

    /// How many rows there are; `None` without a column.
    pub(super) fn len(&self) -> Option<usize> {
        self.length.map(|(_, rows)| rows)
    }

    /// All rows. To be read with the interpreter released.
    pub(super) fn rows(&self) -> Rows<'_> {
        Rows {
            len: self.len().unwrap_or(0),
            latency_ms: borrowed(self.latency_ms.as_ref()),
            ttft_ms: borrowed(self.ttft_ms.as_ref()),
            tokens: borrowed(self.tokens.as_ref()),
            error: self.error.as_ref().map(|Flags(errors)| Cow::Borrowed(errors.as_slice())),
            quality: borrowed(self.quality.as_ref()),
            passed: borrowed(self.passed.as_ref()),
            feedback: borrowed(self.feedback.as_ref()),
            stratum: borrowed(self.stratum.as_ref()),
            sticky_key: self.sticky_key.as_deref().map(Cow::Borrowed),
            arrived_at: borrowed(self.arrived_at.as_ref()),
            at: self.at,
        }
    }
}

fn borrowed(column: Option<&Floats>) -> Option<Cow<'_, [f64]>> {
    column.map(|column| Cow::Borrowed(column.as_slice()))
}

/// Numbers, of which a list may lack some.
fn numbers(column: &Bound<'_, PyAny>) -> PyResult<Floats> {
    match column.extract() {
        Err(_) if column.is_instance_of::<PyList>() || column.is_instance_of::<PyTuple>() => {
            let number = |item: PyResult<Bound<'_, PyAny>>| item?.extract::<Option<f64>>();
            let numbers: PyResult<_> = column.try_iter()?.map(|item| Ok(number(item)?.unwrap_or(f64::NAN))).collect();
            numbers.map(Floats::Copy)
        }
        numbers => numbers,
    }
}

/// Text is a sequence, but none of truth values.
fn flags(column: &Bound<'_, PyAny>) -> PyResult<Flags> {
    if column.is_instance_of::<pyo3::types::PyString>() || !column.hasattr("__iter__")? {
        return Err(PyTypeError::new_err(format!("expected a sequence, got {}", column.get_type().name()?)));
    }
    column.extract()
}

/// Judgements as 1 and 0, of which some may not have been made.
fn judged(column: &Bound<'_, PyAny>) -> PyResult<Floats> {
    let kind = column.getattr_opt("dtype")?.map(|kind| kind.str()).transpose()?;
    if kind.is_some_and(|kind| kind == "bool") {
        let Flags(passed) = flags(column)?;
        return Ok(Floats::Copy(passed.into_iter().map(f64::from).collect()));
    }
    numbers(column)
}

/// Says of an error of a column which it is of.
fn named(py: Python<'_>, name: &str, error: PyErr) -> PyErr {
    if error.is_instance_of::<PyTypeError>(py) {
        return PyTypeError::new_err(format!("{name}: {}", error.value(py)));
    }
    error
}
