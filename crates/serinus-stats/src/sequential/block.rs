//! What two versions did over the same minutes.

use serde::{Deserialize, Serialize};

use super::Count;

/// What two versions did over the same minutes, with requests assigned to them by chance.
///
/// A block closes by time and arrival counts only, never by outcomes, and is tested once all its requests have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateBlock {
    /// The version in service.
    pub stable: Count,
    /// The version on trial.
    pub canary: Count,
}

impl RateBlock {
    /// Adds what the versions did elsewhere over the same minutes: another router's counts.
    ///
    /// ```
    /// use serinus_stats::sequential::{Count, RateBlock};
    ///
    /// let mut here = RateBlock { stable: Count::new(3, 90)?, canary: Count::new(1, 10)? };
    /// here.merge(RateBlock { stable: Count::new(1, 85)?, canary: Count::new(0, 12)? });
    /// assert_eq!((here.stable, here.canary), (Count::new(4, 175)?, Count::new(1, 22)?));
    /// # Ok::<(), serinus_stats::StatisticsError>(())
    /// ```
    pub fn merge(&mut self, other: Self) {
        self.stable.merge(other.stable);
        self.canary.merge(other.canary);
    }
}
