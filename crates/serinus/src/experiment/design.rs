//! How a test is laid out, and what its decision rests on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who answers what. Fixed when a test is made: what does not fit it is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Design {
    /// Each request is answered by one arm, drawn by chance. Fixed analysis: Mann and Whitney's test. The default.
    #[default]
    Unpaired,
    /// The same, and each score comes with a covariate that the experiment cannot change, such as the user's mean score of
    /// the weeks before. Fixed analysis: Welch's test of scores without what the covariate explains (CUPED).
    Cuped,
    /// Two versions, and each prompt is answered by both. Fixed analysis: Wilcoxon's signed-rank test.
    Paired,
}

impl fmt::Display for Design {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unpaired => "unpaired",
            Self::Cuped => "unpaired with a covariate",
            Self::Paired => "paired",
        })
    }
}

/// Which of the two analyses the decision rests on. Fixed when a test is made: who picks the better of two p-values has
/// twice the false positives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionRule {
    /// The fixed-sample analysis: decides at the planned size, not before, and then for good. Has the power that the size was
    /// planned for. The default.
    #[default]
    PlannedSize,
    /// The anytime-valid evidence: decides as soon as it suffices, before the planned size or after it. Large effects end a
    /// test early; small ones take more scores than [`PlannedSize`](Self::PlannedSize) does (measured in
    /// `docs/experiments.md`).
    Anytime,
}
