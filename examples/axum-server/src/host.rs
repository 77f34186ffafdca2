//! The fleet as Serinus sees it.

use std::path::PathBuf;

use serinus::host::{HostError, ModelHost};
use serinus::model::{Fingerprint, ModelVersion, VersionId};
use serinus::plan::Fleet;

use crate::engine::{Engine, EngineError};

/// Lets Serinus load, warm, verify, drain and unload checkpoints on an [`Engine`].
#[derive(Debug, Clone)]
pub struct EngineHost {
    engine: Engine,
    checkpoints: PathBuf,
    replicas: u32,
}

impl EngineHost {
    /// A host that finds version `v` at `checkpoints/v.safetensors` and serves on `replicas` of the engine's slots.
    pub fn new(engine: Engine, checkpoints: impl Into<PathBuf>, replicas: u32) -> Self {
        Self { engine, checkpoints: checkpoints.into(), replicas }
    }

    /// Where a version's checkpoint is.
    pub fn checkpoint(&self, version: &VersionId) -> PathBuf {
        self.checkpoints.join(version.as_str()).with_extension("safetensors")
    }
}

impl ModelHost for EngineHost {
    fn fleet(&self) -> Result<Fleet, HostError> {
        let memory = self.engine.memory();
        let fleet = Fleet::new(self.replicas, memory.slot_gb).map_err(HostError::permanent)?;
        let loaded =
            memory.replicas.iter().filter_map(|(name, replicas)| Some((VersionId::new(name).ok()?, *replicas)));
        Ok(fleet.with_spare_replicas(memory.slots.saturating_sub(self.replicas)).with_loaded(loaded))
    }

    fn load(&self, version: &ModelVersion, replicas: u32) -> Result<(), HostError> {
        let version = version.version();
        self.engine.load(version.as_str(), &self.checkpoint(version), replicas).map_err(host_error)
    }

    fn warm_up(&self, version: &VersionId, tokens: u32) -> Result<(), HostError> {
        self.engine.warm_up(version.as_str(), tokens).map_err(host_error)
    }

    fn verify(&self, version: &VersionId) -> Result<Option<Fingerprint>, HostError> {
        let loaded = self.engine.fingerprint(version.as_str()).map_err(host_error)?;
        Fingerprint::new(loaded.to_string()).map(Some).map_err(HostError::permanent)
    }

    fn cancel_in_flight(&self, version: &VersionId) -> Result<u64, HostError> {
        Ok(self.engine.cancel_in_flight(version.as_str()))
    }

    fn unload(&self, version: &VersionId, keep: u32) -> Result<(), HostError> {
        self.engine.unload(version.as_str(), keep).map_err(host_error)
    }

    fn in_flight(&self, version: &VersionId) -> Option<u64> {
        self.engine.in_flight(version.as_str())
    }
}

fn host_error(error: EngineError) -> HostError {
    match error {
        EngineError::Busy { .. } | EngineError::ReplicaDied { .. } => HostError::transient(error),
        _ => HostError::permanent(error),
    }
}
