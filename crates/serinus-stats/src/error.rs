//! An argument that makes no sense.

use thiserror::Error;

/// An argument that makes no sense, by name.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{argument} must be {expected}, got {got}")]
pub struct StatisticsError {
    /// The argument's name.
    pub argument: &'static str,
    /// What it must be.
    pub expected: &'static str,
    /// What it was.
    pub got: f64,
}
