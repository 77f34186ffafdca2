//! Two answers to one prompt.

use serde::{Deserialize, Serialize};

/// How the canary's answer to a prompt fared against the stable version's to the same prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pair {
    /// The canary's was the better one.
    Win,
    /// Neither was, or which one depended on the order in which they were shown.
    Tie,
    /// The stable version's was the better one.
    Loss,
}

impl Pair {
    /// The canary's score: 1, ½ or 0. The stable version's is the rest to 1.
    pub const fn score(self) -> f64 {
        match self {
            Self::Win => 1.0,
            Self::Tie => 0.5,
            Self::Loss => 0.0,
        }
    }
}
