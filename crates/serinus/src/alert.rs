//! Telling somebody.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::clock::Timestamp;

/// How urgent an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Somebody should look at it today.
    Warning,
    /// Somebody should look at it now.
    Critical,
}

/// Something that a person should know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// How urgent it is.
    pub severity: Severity,
    /// The rollout that it is about.
    pub rollout: String,
    /// One line.
    pub title: String,
    /// What happened, in words and numbers, and what to do.
    pub body: String,
    /// When it happened.
    pub at: Timestamp,
}

/// An alert that could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the alert was not delivered: {0}")]
pub struct AlertError(pub String);

/// Where alerts go.
///
/// # Contract
///
/// `send` is called on a thread of its own, so it may block; it should give up in a minute or so. An alert that fails
/// is logged and never holds a rollout up. The same alert may come twice after a crash.
pub trait AlertSink: Send + Sync + fmt::Debug {
    /// Delivers an alert.
    ///
    /// # Errors
    ///
    /// [`AlertError`] if nobody was told.
    fn send(&self, alert: &Alert) -> Result<(), AlertError>;
}

/// Writes alerts to the log (`tracing`): critical ones as errors, warnings as warnings, the rest as information.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogAlerts;

impl AlertSink for LogAlerts {
    fn send(&self, alert: &Alert) -> Result<(), AlertError> {
        let Alert { rollout, title, body, .. } = alert;
        match alert.severity {
            Severity::Critical => tracing::error!(target: "serinus::alert", rollout, body, "{title}"),
            Severity::Warning => tracing::warn!(target: "serinus::alert", rollout, body, "{title}"),
            Severity::Info => tracing::info!(target: "serinus::alert", rollout, body, "{title}"),
        }
        Ok(())
    }
}
