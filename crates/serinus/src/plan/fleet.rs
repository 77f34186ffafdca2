//! The GPUs that models are served on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::PlanError;
use crate::model::VersionId;

/// The GPUs that models are served on, as replicas: each holds one copy of a model, or more where they fit.
///
/// ```
/// use serinus::plan::Fleet;
///
/// let fleet = Fleet::new(10, 160.0)?.with_spare_replicas(1);
/// // At the default peak utilization of 80%, each of ten replicas can serve an eighth of the peak.
/// assert_eq!(fleet.replica_share(), 0.125);
/// # Ok::<(), serinus::plan::PlanError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Fleet {
    replicas: u32,
    gpu_memory_gb: f64,
    spare_replicas: u32,
    peak_utilization: f64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    loaded: BTreeMap<VersionId, u32>,
}

/// A fleet as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    replicas: u32,
    gpu_memory_gb: f64,
    #[serde(default)]
    spare_replicas: u32,
    #[serde(default = "default_utilization")]
    peak_utilization: f64,
    #[serde(default)]
    loaded: BTreeMap<VersionId, u32>,
}

impl TryFrom<Unchecked> for Fleet {
    type Error = PlanError;

    fn try_from(read: Unchecked) -> Result<Self, Self::Error> {
        let Unchecked { replicas, gpu_memory_gb, spare_replicas, peak_utilization, loaded } = read;
        let fleet = Self { replicas, gpu_memory_gb, spare_replicas, peak_utilization, loaded };
        fleet.check().map(|()| fleet)
    }
}

const fn default_utilization() -> f64 {
    0.8
}

impl Fleet {
    /// A fleet of this many replicas that serve today, each with this much GPU memory in gigabytes.
    ///
    /// # Errors
    ///
    /// [`PlanError::Invalid`] without replicas or memory.
    pub fn new(replicas: u32, gpu_memory_gb: f64) -> Result<Self, PlanError> {
        let peak_utilization = default_utilization();
        let fleet = Self { replicas, gpu_memory_gb, spare_replicas: 0, peak_utilization, loaded: BTreeMap::new() };
        fleet.check().map(|()| fleet)
    }

    /// With empty replicas beside those that serve.
    #[must_use]
    pub fn with_spare_replicas(self, spare_replicas: u32) -> Self {
        Self { spare_replicas, ..self }
    }

    /// With the share of the replicas' capacity that peak traffic takes, in (0, 1]; 0.8 unless you say otherwise. The
    /// rest is what lets a replica be taken away for the canary.
    ///
    /// # Errors
    ///
    /// [`PlanError::Invalid`] outside (0, 1].
    pub fn with_peak_utilization(self, peak_utilization: f64) -> Result<Self, PlanError> {
        let fleet = Self { peak_utilization, ..self };
        fleet.check().map(|()| fleet)
    }

    /// With the replicas of each version that are loaded, as a host reports them.
    #[must_use]
    pub fn with_loaded(self, loaded: impl IntoIterator<Item = (VersionId, u32)>) -> Self {
        Self { loaded: loaded.into_iter().collect(), ..self }
    }

    /// Replicas that serve today.
    pub fn replicas(&self) -> u32 {
        self.replicas
    }

    /// Empty replicas beside them.
    pub fn spare_replicas(&self) -> u32 {
        self.spare_replicas
    }

    /// GPU memory of each replica, in gigabytes.
    pub fn gpu_memory_gb(&self) -> f64 {
        self.gpu_memory_gb
    }

    /// The share of the replicas' capacity that peak traffic takes, in (0, 1].
    pub fn peak_utilization(&self) -> f64 {
        self.peak_utilization
    }

    /// Loaded replicas by version, where a host has reported them.
    pub fn loaded(&self) -> &BTreeMap<VersionId, u32> {
        &self.loaded
    }

    /// The share of peak traffic that one replica can serve.
    pub fn replica_share(&self) -> f64 {
        1.0 / (f64::from(self.replicas) * self.peak_utilization)
    }

    /// Replicas in all.
    pub fn slots(&self) -> u32 {
        self.replicas.saturating_add(self.spare_replicas)
    }

    /// GPU memory of all replicas, in gigabytes.
    pub fn total_memory_gb(&self) -> f64 {
        f64::from(self.slots()) * self.gpu_memory_gb
    }

    pub(super) fn check(&self) -> Result<(), PlanError> {
        if self.replicas == 0 || self.slots() > 100_000 {
            let expected = "1 to 100,000, the spare ones included";
            return Err(PlanError::invalid("fleet.replicas", expected, self.slots()));
        }
        if !(self.gpu_memory_gb.is_finite() && self.gpu_memory_gb > 0.0) {
            return Err(PlanError::invalid("fleet.gpu_memory_gb", "finite and above 0", self.gpu_memory_gb));
        }
        if !(self.peak_utilization > 0.0 && self.peak_utilization <= 1.0) {
            return Err(PlanError::invalid("fleet.peak_utilization", "above 0 and at most 1", self.peak_utilization));
        }
        Ok(())
    }
}
