//! What a test looks for.

use serde::{Deserialize, Serialize};

/// What a test of two samples `a` and `b` looks for, as in SciPy: the alternative is stated of the *first* sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alternative {
    /// `a` and `b` differ.
    #[default]
    TwoSided,
    /// `a` is greater than `b` (or a single sample greater than 0).
    Greater,
    /// `a` is less than `b` (or a single sample less than 0).
    Less,
}
