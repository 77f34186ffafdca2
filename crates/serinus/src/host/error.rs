//! What a host could not do, and whether it is worth trying again.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether the same call may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// It may: a connection was lost, memory was short for a moment.
    Transient,
    /// It will not: the checkpoint is broken, the file is missing.
    Permanent,
}

/// A call to the host that failed.
///
/// ```
/// use serinus::host::HostError;
///
/// let error = HostError::permanent("checkpoint v2 is truncated: expected 560,112 bytes, got 32,768");
/// assert!(!error.is_transient());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostError {
    message: String,
    retry: Retry,
}

impl HostError {
    /// One that may go away by itself.
    pub fn transient(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), retry: Retry::Transient }
    }

    /// One that trying again does not mend.
    pub fn permanent(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), retry: Retry::Permanent }
    }

    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        self.retry == Retry::Transient
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for HostError {}
