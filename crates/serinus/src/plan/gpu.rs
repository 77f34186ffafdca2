//! What an update takes in GPU memory.

use serde::{Deserialize, Serialize};

use super::{Change, Fleet, PlanError};
use crate::model::ModelVersion;

/// What an update takes in GPU memory, over the whole fleet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuBudget {
    /// What the old version takes before the update, in gigabytes.
    pub stable_memory_gb: f64,
    /// What both versions take at the most during the update, in gigabytes.
    pub peak_memory_gb: f64,
    /// What there is, in gigabytes.
    pub available_memory_gb: f64,
    /// The peak's extra memory over the old version's, as a fraction of it: 1.0 is a full second set.
    pub overhead_fraction: f64,
    /// Whether both versions must be loaded at once.
    pub overlap_required: bool,
}

impl GpuBudget {
    pub(super) fn check(&self) -> Result<(), PlanError> {
        for (field, value) in [
            ("gpu.stable_memory_gb", self.stable_memory_gb),
            ("gpu.peak_memory_gb", self.peak_memory_gb),
            ("gpu.available_memory_gb", self.available_memory_gb),
            ("gpu.overhead_fraction", self.overhead_fraction),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(PlanError::invalid(field, "finite and at least 0", value));
            }
        }
        Ok(())
    }
}

/// GPU memory that the target takes on a replica beside the current version, in gigabytes: an adapter shares the base
/// weights that are there.
pub(super) fn extra_memory_gb(current: &ModelVersion, target: &ModelVersion) -> f64 {
    match (Change::between(current, target), target.adapter()) {
        (Change::AdapterSwap, Some(adapter)) => adapter.memory_gb(target.gpu_memory_gb()),
        (Change::AdapterSwap, None) => 0.0,
        _ => target.total_memory_gb(),
    }
}

/// Whether both versions fit on one replica.
pub(super) fn fit_together(current: &ModelVersion, target: &ModelVersion, fleet: &Fleet) -> bool {
    current.total_memory_gb() + extra_memory_gb(current, target) <= fleet.gpu_memory_gb()
}

/// That each version by itself fits on a replica.
pub(super) fn check_each_fits(current: &ModelVersion, target: &ModelVersion, fleet: &Fleet) -> Result<(), PlanError> {
    let available_gb = fleet.gpu_memory_gb();
    match [current, target].into_iter().find(|version| version.total_memory_gb() > available_gb) {
        Some(version) => Err(PlanError::Memory {
            what: format!("{} on one replica", version.version()),
            needed_gb: version.total_memory_gb(),
            available_gb,
            advice: "a replica must hold at least one copy of the model",
        }),
        None => Ok(()),
    }
}
