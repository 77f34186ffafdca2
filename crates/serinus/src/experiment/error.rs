//! What a test refuses.

use serinus_stats::StatisticsError;
use thiserror::Error;

use super::Design;
use crate::model::VersionId;

/// What a test or a set of tests refuses. Nothing of the refused call is taken in.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ExperimentError {
    /// A score is none.
    #[error(
        "expected scores from 0 to 1, got {got} at place {place}; scale scores to [0, 1] and leave out what has none"
    )]
    Score {
        /// The score.
        got: f64,
        /// Its place in the call, from 0.
        place: usize,
    },
    /// A covariate is no number.
    #[error(
        "expected a finite covariate, got {got}; for a user without history give the covariate's mean over all users"
    )]
    Covariate {
        /// The covariate.
        got: f64,
    },
    /// A version takes no part in the test.
    #[error("version {version} is no arm of test {test:?}; its arms are {arms}")]
    UnknownVersion {
        /// The version.
        version: VersionId,
        /// The test.
        test: String,
        /// The versions that do.
        arms: String,
    },
    /// A call does not fit the design of the test.
    #[error("`{call}` does not fit test {test:?}, which is {design}; {instead}")]
    Design {
        /// The call.
        call: &'static str,
        /// The test.
        test: String,
        /// Its design.
        design: Design,
        /// What to do.
        instead: &'static str,
    },
    /// Two lists are no pairs.
    #[error("expected as many scores of both versions, got {control} of the control and {arm} of the other")]
    Pairs {
        /// Scores of the control.
        control: usize,
        /// Scores of the other version.
        arm: usize,
    },
    /// A setting makes no sense.
    #[error("expected {setting} {expected}, got {got}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it was.
        got: String,
    },
    /// A layer has too few users left.
    #[error(
        "layer {layer:?} has {left:.4} of its users left, test {test:?} asks for {asked:.4}; end a test of the layer, ask for \
         less, or take another layer"
    )]
    NoRoom {
        /// The layer.
        layer: String,
        /// The test.
        test: String,
        /// The share that it asks for, in (0, 1].
        asked: f64,
        /// The share that is left, in [0, 1].
        left: f64,
    },
    /// There is no such layer.
    #[error("there is no layer {layer:?}; there are {known}")]
    UnknownLayer {
        /// The layer.
        layer: String,
        /// Those that there are.
        known: String,
    },
    /// There is no such test.
    #[error("no test {test:?} is running; running are {known}")]
    UnknownTest {
        /// The test.
        test: String,
        /// Those that are.
        known: String,
    },
    /// Two tests would have one name, and so the same users in the same arms.
    #[error("a test {test:?} is running already; the name draws the arms, so give each test its own")]
    SameName {
        /// The name.
        test: String,
    },
    /// A number that a statistic cannot take.
    #[error(transparent)]
    Statistics(#[from] StatisticsError),
}

impl ExperimentError {
    pub(super) fn setting(setting: &'static str, expected: &'static str, got: String) -> Self {
        Self::Setting { setting, expected, got }
    }
}
