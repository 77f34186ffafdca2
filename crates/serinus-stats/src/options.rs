//! What most tests of two samples ask for.

use crate::{Alternative, StatisticsError, check};

/// What most tests ask for: the alternative, and the confidence of the interval that comes with the test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TestOptions {
    /// What the test looks for. Default: [`Alternative::TwoSided`].
    pub alternative: Alternative,
    /// The probability, in (0, 1), with which the interval covers the true value. Default: 0.95.
    pub confidence: f64,
}

impl Default for TestOptions {
    fn default() -> Self {
        Self { alternative: Alternative::default(), confidence: 0.95 }
    }
}

impl From<Alternative> for TestOptions {
    fn from(alternative: Alternative) -> Self {
        Self { alternative, ..Self::default() }
    }
}

impl TestOptions {
    pub(crate) fn validate(&self) -> Result<(), StatisticsError> {
        check::confidence(self.confidence)
    }
}
