//! What can be wrong with the description of a version.

use thiserror::Error;

/// A field of a version's description that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field} must be {expected}, got {got}")]
pub struct ModelError {
    /// The field's name.
    pub field: &'static str,
    /// What it must be.
    pub expected: &'static str,
    /// What it was.
    pub got: String,
}

impl ModelError {
    pub(super) fn new(field: &'static str, expected: &'static str, got: impl std::fmt::Debug) -> Self {
        Self { field, expected, got: format!("{got:?}") }
    }
}
