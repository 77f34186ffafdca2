//! Alert sinks written in Python.

use std::sync::Arc;

use pyo3::prelude::*;
use serinus::alert::{Alert, AlertError, AlertSink};

use crate::calls::{Argument, Calls};

/// An object with `send(alert)`.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) object: Py<PyAny>,
    pub(super) calls: Arc<Calls>,
}

impl AlertSink for Sink {
    fn send(&self, alert: &Alert) -> Result<(), AlertError> {
        let alert = Argument::value("alert", alert);
        let sent = self.calls.call(&self.object, "send", &[alert], |_| Ok(()));
        sent.map_err(|failure| AlertError(failure.to_string()))
    }
}
