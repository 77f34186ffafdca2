//! One stage of a canary.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Allocation, seconds};

/// The longest hold is four times the hold, and at least this.
const LEAST_MAX_HOLD: Duration = Duration::from_secs(24 * 3_600);

/// One stage of a canary: its share of the traffic, for how long, on which replicas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    pub(super) weight: f64,
    #[serde(rename = "hold_seconds", with = "seconds")]
    pub(super) hold: Duration,
    #[serde(rename = "max_hold_seconds", with = "seconds")]
    pub(super) max_hold: Duration,
    pub(super) min_requests: u64,
    pub(super) canary_replicas: u32,
    pub(super) stable_replicas: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) purpose: String,
}

impl Stage {
    /// A stage. The plan that it goes into checks it.
    pub fn new(weight: f64, hold: Duration, min_requests: u64, replicas: Allocation) -> Self {
        let max_hold = hold.saturating_mul(4).max(LEAST_MAX_HOLD);
        Self {
            weight,
            hold,
            max_hold,
            min_requests,
            canary_replicas: replicas.canary,
            stable_replicas: replicas.stable,
            purpose: String::new(),
        }
    }

    /// With another longest hold.
    #[must_use]
    pub fn with_max_hold(self, max_hold: Duration) -> Self {
        Self { max_hold, ..self }
    }

    /// With what it is for, in words.
    #[must_use]
    pub fn with_purpose(self, purpose: impl Into<String>) -> Self {
        Self { purpose: purpose.into(), ..self }
    }

    /// The canary's share of the traffic, in (0, 1).
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// How long it is held at least.
    pub fn hold(&self) -> Duration {
        self.hold
    }

    /// How long it is held at most before somebody is asked.
    pub fn max_hold(&self) -> Duration {
        self.max_hold
    }

    /// Canary requests to be judged in it before the next.
    pub fn min_requests(&self) -> u64 {
        self.min_requests
    }

    /// Replicas of the canary.
    pub fn canary_replicas(&self) -> u32 {
        self.canary_replicas
    }

    /// Replicas of the old version.
    pub fn stable_replicas(&self) -> u32 {
        self.stable_replicas
    }

    /// What it is for.
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// What is loaded and how traffic is shared in it.
    pub fn allocation(&self) -> Allocation {
        Allocation { stable: self.stable_replicas, canary: self.canary_replicas, weight: self.weight }
    }
}
