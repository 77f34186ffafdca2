//! Trying a version on real prompts before it has any traffic.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{PlanError, seconds};

/// The time before the first stage in which the new version, loaded and verified, answers prompts that users of the old
/// one have asked, and no user meets what it says. Both answers are compared pair by pair, and their texts are checked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shadow {
    #[serde(rename = "hold_seconds", with = "seconds")]
    pub(super) hold: Duration,
    #[serde(rename = "max_hold_seconds", with = "seconds")]
    pub(super) max_hold: Duration,
    pub(super) min_pairs: u64,
}

impl Default for Shadow {
    /// 500 prompts, however long they take, and a person is asked after a day.
    fn default() -> Self {
        Self::new(Duration::ZERO, 500)
    }
}

impl Shadow {
    /// A shadow that lasts at least this long and compares at least this many prompts.
    pub fn new(hold: Duration, min_pairs: u64) -> Self {
        Self { hold, max_hold: hold.saturating_mul(4).max(Duration::from_secs(24 * 3_600)), min_pairs }
    }

    /// With another longest time.
    #[must_use]
    pub fn with_max_hold(self, max_hold: Duration) -> Self {
        Self { max_hold, ..self }
    }

    /// How long it lasts at least.
    pub fn hold(&self) -> Duration {
        self.hold
    }

    /// How long it lasts at most before somebody is asked.
    pub fn max_hold(&self) -> Duration {
        self.max_hold
    }

    /// Prompts to be compared before the first stage.
    pub fn min_pairs(&self) -> u64 {
        self.min_pairs
    }

    pub(super) fn check(&self, alone: bool) -> Result<(), PlanError> {
        if alone {
            return Err(PlanError::invalid("shadow", "none, as the plan has no stages to come after it", self));
        }
        if self.min_pairs == 0 {
            return Err(PlanError::invalid("shadow.min_pairs", "at least 1", self.min_pairs));
        }
        if self.max_hold < self.hold {
            return Err(PlanError::invalid("shadow.max_hold_seconds", "at least the hold", self.max_hold));
        }
        Ok(())
    }
}
