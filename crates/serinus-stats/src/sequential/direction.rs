//! Which claim a test can prove.

use serde::{Deserialize, Serialize};

/// Which claim about the canary a test can prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// That it is worse than the margin. Null hypothesis: it is not.
    Worse,
    /// That it is not worse than the margin. Null hypothesis: it is, or lies on it.
    Safe,
}
