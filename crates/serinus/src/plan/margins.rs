//! How much worse the new version may be.

use serde::{Deserialize, Serialize};

use super::PlanError;

/// The increases that trigger a rollback, compared with the old version over the same minutes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Margins {
    /// Relative increase of the 99th percentile of latency: 0.2 is +20%.
    pub p99_latency_increase: f64,
    /// Relative increase of the error rate: 0.5 is +50%.
    pub error_rate_increase: f64,
    /// Relative increase of the rate of judged failures; as for errors if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_rate_increase: Option<f64>,
    /// Absolute decrease of the mean judged score, which is in [0, 1].
    pub quality_decrease: f64,
}

impl Default for Margins {
    fn default() -> Self {
        Self {
            p99_latency_increase: 0.20,
            error_rate_increase: 0.50,
            failure_rate_increase: None,
            quality_decrease: 0.05,
        }
    }
}

impl Margins {
    /// The margin for judged failures.
    pub fn failure_rate_increase(&self) -> f64 {
        self.failure_rate_increase.unwrap_or(self.error_rate_increase)
    }

    pub(super) fn check(&self) -> Result<(), PlanError> {
        for (field, value, most) in [
            ("margins.p99_latency_increase", self.p99_latency_increase, f64::MAX),
            ("margins.error_rate_increase", self.error_rate_increase, f64::MAX),
            ("margins.failure_rate_increase", self.failure_rate_increase(), f64::MAX),
            ("margins.quality_decrease", self.quality_decrease, 1.0),
        ] {
            if !(value > 0.0 && value <= most) {
                return Err(PlanError::invalid(field, "finite and above 0 (a decrease at most 1)", value));
            }
        }
        Ok(())
    }
}
