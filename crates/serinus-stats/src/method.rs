//! How a p-value is found.

use serde::{Deserialize, Serialize};

/// How a p-value is found, by tests that know more than one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// As SciPy's function of the same name chooses: exactly for small samples, by an approximation for others.
    #[default]
    Auto,
    /// By the distribution of the statistic itself.
    Exact,
    /// By the distribution that the statistic's tends to in large samples.
    Asymptotic,
}
