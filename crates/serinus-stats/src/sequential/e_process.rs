//! What all anytime-valid tests have in common.

use super::{Decision, EValue};
use crate::StatisticsError;

/// Evidence against one null hypothesis that grows with the data and may be looked at as often as one likes.
///
/// # Contract
///
/// Under the null hypothesis the expectation of [`e_value`](Self::e_value) is at most 1 at every time at which one may
/// stop, whatever the reason for stopping.
pub trait EProcess {
    /// The evidence so far.
    fn e_value(&self) -> EValue;

    /// Whether the evidence suffices to reject the null hypothesis at level `alpha`.
    ///
    /// # Errors
    ///
    /// Unless `alpha` is in (0, 1).
    fn decision(&self, alpha: f64) -> Result<Decision, StatisticsError> {
        self.e_value().decision(alpha)
    }
}
