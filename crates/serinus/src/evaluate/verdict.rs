//! What the evidence says.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the evidence says about a canary, or about one guardrail of it.
///
/// Only `Degraded` rolls back, and only `Healthy` lets the last step to all traffic happen. The other two extend a
/// stage: no data decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Too few requests to say anything.
    Insufficient,
    /// Neither shown to be worse nor shown not to be.
    Undecided,
    /// Shown to be no worse than the margin.
    Healthy,
    /// Shown to be worse.
    Degraded,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Insufficient => "insufficient",
            Self::Undecided => "undecided",
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
        })
    }
}
