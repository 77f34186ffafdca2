//! The "GPUs": replicas of checkpoints, loaded and unloaded while others answer.
//!
//! A fleet has a fixed number of slots, each with the memory for one model. A replica fills a slot: a thread with its
//! own loaded copy of a checkpoint and a bounded queue. Control calls ([`Engine::load`], [`Engine::warm_up`],
//! [`Engine::unload`]) block until what they ask for is so; [`Engine::generate`] never waits.

mod generation;
mod memory;
mod pool;
mod replica;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;

pub use generation::{Event, Finish, Generation, GenerationError};
pub use memory::Memory;
use memory::Slots;
use pool::Pool;

use crate::model::{CheckpointError, Fingerprint, PromptTooLong};

/// The size of the fleet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EngineOptions {
    /// Slots, each of which holds one replica of one version.
    pub slots: u32,
    /// What a slot's GPU would have, in gigabytes. The threads here need next to nothing; plans need a number.
    pub slot_memory_gb: f64,
    /// Requests that may wait for one replica before it turns more away.
    pub queue: usize,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { slots: 10, slot_memory_gb: 80.0, queue: 256 }
    }
}

/// A fleet of replicas. Clones share it.
///
/// ```
/// use std::path::Path;
/// use axum_server::engine::{Engine, EngineOptions};
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let checkpoint = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/checkpoints/v1.safetensors"));
/// let engine = Engine::new(EngineOptions::default());
/// engine.load("v1", checkpoint, 2)?;
/// let mut answer = engine.generate("v1", "capital of bagule?", 16)?;
/// let mut events = Vec::new();
/// while answer.next(&mut events).await {}
/// assert_eq!(engine.memory().used, 2);
/// engine.unload("v1", 0)?;
/// assert_eq!(engine.memory().used, 0);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: EngineOptions,
    slots: Slots,
    pools: RwLock<HashMap<String, Arc<Pool>>>,
}

impl Engine {
    /// An empty fleet.
    pub fn new(options: EngineOptions) -> Self {
        let slots = Slots::new(options.slots);
        Self { shared: Arc::new(Shared { options, slots, pools: RwLock::default() }) }
    }

    /// Sees to it that at least this many replicas of `version` are loaded from `checkpoint`. Blocks while reading.
    ///
    /// A call that fails leaves the replicas that were there before; the same call can be made again.
    ///
    /// # Errors
    /// [`EngineError::OutOfSlots`] if the fleet is too full, [`EngineError::Checkpoint`] if the file cannot be loaded,
    /// [`EngineError::CheckpointChanged`] if the version is loaded already and the file is another one.
    pub fn load(&self, version: &str, checkpoint: &Path, replicas: u32) -> Result<(), EngineError> {
        let pool = self.known(version).unwrap_or_else(|| {
            let mut pools = self.shared.pools.write();
            let pool = pools.entry(version.to_owned());
            Arc::clone(pool.or_insert_with(|| Arc::new(Pool::new(self.shared.options.queue))))
        });
        pool.grow(replicas, checkpoint, &self.shared.slots)
    }

    /// Has every replica of `version` generate at least `tokens` tokens. Blocks until all have.
    ///
    /// # Errors
    /// [`EngineError::NotLoaded`], or [`EngineError::ReplicaDied`] if a replica could not.
    pub fn warm_up(&self, version: &str, tokens: u32) -> Result<(), EngineError> {
        self.known(version).filter(|pool| pool.replicas() > 0).ok_or_else(|| not_loaded(version))?.warm_up(tokens)
    }

    /// What all replicas of `version` have really loaded.
    ///
    /// # Errors
    /// [`EngineError::NotLoaded`].
    pub fn fingerprint(&self, version: &str) -> Result<Fingerprint, EngineError> {
        self.known(version).and_then(|pool| pool.fingerprint()).ok_or_else(|| not_loaded(version))
    }

    /// Answers `prompt` with `version`, on its least busy replica, with at most `max_tokens` tokens.
    ///
    /// # Errors
    /// [`EngineError::NotLoaded`], [`EngineError::Busy`] if all its queues are full, [`EngineError::Prompt`] if the
    /// prompt is too long.
    pub fn generate(&self, version: &str, prompt: &str, max_tokens: usize) -> Result<Generation, EngineError> {
        self.known(version).ok_or_else(|| not_loaded(version))?.generate(version, prompt, max_tokens)
    }

    /// Requests that `version` has accepted and is not done with, also while it is being unloaded. `None` if it was
    /// never loaded.
    pub fn in_flight(&self, version: &str) -> Option<u64> {
        self.known(version).map(|pool| pool.in_flight())
    }

    /// Stops every request of `version` at its next token with [`GenerationError::Cancelled`]; returns how many.
    /// Requests that arrive later are not touched. It may be called while [`Engine::unload`] waits.
    pub fn cancel_in_flight(&self, version: &str) -> u64 {
        self.known(version).map_or(0, |pool| pool.cancel())
    }

    /// Shrinks `version` to at most `keep` replicas. A replica that leaves takes no new requests and
    /// answers those that it has; the call blocks until its memory is free. Unknown versions are already gone.
    ///
    /// # Errors
    /// [`EngineError::ReplicaDied`] if a replica had crashed; it is gone and its memory free all the same.
    pub fn unload(&self, version: &str, keep: u32) -> Result<(), EngineError> {
        self.known(version).map_or(Ok(()), |pool| pool.shrink(keep))
    }

    /// Which version holds how many slots.
    pub fn memory(&self) -> Memory {
        let pools = self.shared.pools.read();
        let replicas = pools.iter().map(|(version, pool)| (version.clone(), pool.replicas()));
        Memory {
            slots: self.shared.options.slots,
            slot_gb: self.shared.options.slot_memory_gb,
            used: self.shared.slots.used(),
            replicas: replicas.filter(|(_, replicas)| *replicas > 0).collect(),
        }
    }

    /// The pool of a version that was loaded once. It stays when its replicas go, so that control calls for one version
    /// always queue up at the same lock.
    fn known(&self, version: &str) -> Option<Arc<Pool>> {
        self.shared.pools.read().get(version).cloned()
    }
}

fn not_loaded(version: &str) -> EngineError {
    EngineError::NotLoaded { version: version.to_owned() }
}

/// Why the engine did not do as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No replica of the version is loaded.
    #[error("version {version} is not loaded")]
    NotLoaded {
        /// The version asked for.
        version: String,
    },
    /// The fleet has no room.
    #[error("{needed} more slots are needed and {free} are free")]
    OutOfSlots {
        /// Slots that the call needs beyond those that its version has.
        needed: u32,
        /// Slots that nobody uses.
        free: u32,
    },
    /// All queues of the version are full.
    #[error("all replicas of version {version} are busy")]
    Busy {
        /// The version asked for.
        version: String,
    },
    /// The checkpoint cannot be loaded.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The file on disk is no longer what the version's other replicas hold.
    #[error("the checkpoint has fingerprint {found}; replicas of this version hold {loaded}")]
    CheckpointChanged {
        /// What the running replicas hold.
        loaded: Fingerprint,
        /// What the file holds.
        found: Fingerprint,
    },
    /// The prompt does not fit the model.
    #[error(transparent)]
    Prompt(#[from] PromptTooLong),
    /// A replica's thread has ended, or never began.
    #[error("a replica died: {reason}")]
    ReplicaDied {
        /// What is known about it.
        reason: String,
    },
}
