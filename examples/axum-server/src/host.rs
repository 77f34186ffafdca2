//! The fleet as Serinus sees it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serinus::host::{Answer, Generate, HostError, ModelHost, Prompt};
use serinus::model::{Fingerprint, ModelVersion, VersionId};
use serinus::plan::Fleet;

use crate::engine::{Engine, EngineError, Finish};
use crate::model::Checkpoint;
use crate::server::MODEL;

/// Tokens that a replica generates before it serves.
const WARM_UP_TOKENS: u32 = 256;

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

    /// A version as its checkpoint describes it: a fine-tune of one base model, known by the fingerprint of its weights.
    ///
    /// # Errors
    ///
    /// If there is no such checkpoint, or it cannot be read.
    pub fn describe(&self, version: &VersionId) -> Result<ModelVersion> {
        let path = self.checkpoint(version);
        let checkpoint = Checkpoint::read(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(ModelVersion::builder(MODEL, version.as_str())
            .base_model("tiny-llama")
            .weight_hash(checkpoint.fingerprint().to_string())
            // More than half a slot: two versions never fit on one replica.
            .gpu_memory_gb(self.engine.memory().slot_gb * 0.8)
            .load_time(Duration::from_secs(1))
            .warmup_tokens(WARM_UP_TOKENS)
            .build()?)
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

impl Generate for EngineHost {
    fn generate(&self, version: &VersionId, prompt: &Prompt) -> Result<Answer, HostError> {
        let generation = self.engine.generate(version.as_str(), &prompt.text, usize::MAX).map_err(host_error)?;
        let (bytes, finish) = generation.wait().map_err(HostError::transient)?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(Answer::new(text).cut_off(finish == Finish::Length))
    }
}

fn host_error(error: EngineError) -> HostError {
    match error {
        EngineError::Busy { .. } | EngineError::ReplicaDied { .. } => HostError::transient(error),
        _ => HostError::permanent(error),
    }
}
