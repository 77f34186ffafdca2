//! What several threads share, and what is kept of it.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use serde::Deserialize;

use crate::errors;

/// What is taken in by several threads. No change is half made when a thread dies.
pub(crate) struct Shared<T>(Mutex<T>);

impl<T: Clone + Send> Shared<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// A change that takes no longer than letting others run.
    pub(crate) fn quickly<R>(&self, py: Python<'_>, change: impl FnOnce(&mut T) -> R) -> R {
        change(&mut *self.0.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner))
    }

    /// A change with the interpreter released.
    pub(crate) fn change<E: Send>(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut T) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        py.detach(|| change(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    pub(crate) fn now(&self, py: Python<'_>) -> T {
        self.quickly(py, |value| value.clone())
    }
}

/// A state that was kept.
pub(crate) fn from_json<'a, T: Deserialize<'a>>(py: Python<'_>, json: &'a str) -> PyResult<T> {
    serde_json::from_str(json).map_err(|error| {
        let what = format!("this is not a state that was kept: {error}");
        errors::raise(py, "StatisticsError", &what, None, None)
    })
}
