//! A host without GPUs: for tests, simulation and examples.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::{HostError, ModelHost};
use crate::model::{Fingerprint, ModelVersion, VersionId};
use crate::plan::Fleet;

/// The calls that a [`MemoryHost`] can be told to do badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// [`ModelHost::load`].
    Load,
    /// [`ModelHost::warm_up`].
    WarmUp,
    /// [`ModelHost::verify`].
    Verify,
    /// [`ModelHost::cancel_in_flight`].
    CancelInFlight,
    /// [`ModelHost::unload`].
    Unload,
}

/// What goes wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails and changes nothing.
    Error(HostError),
    /// It does its work, and the answer is lost: the caller sees the error.
    LostAnswer(HostError),
    /// It blocks until [`MemoryHost::release`], and then does its work.
    Hang,
    /// `verify` reports another fingerprint than the one that was loaded.
    WrongFingerprint(Fingerprint),
}

/// A host that keeps its books in memory, as slow and as faulty as it is told to be.
///
/// ```
/// use serinus::host::{Fault, HostError, MemoryHost, ModelHost, Operation};
/// use serinus::model::ModelVersion;
/// use serinus::plan::Fleet;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let v1 = ModelVersion::builder("llama-70b-chat", "v1")
///     .base_model("llama-70b").weight_hash("aa").config_hash("c1").gpu_memory_gb(140.0).build()?;
/// let host = MemoryHost::new(Fleet::new(2, 160.0)?);
/// host.inject(Operation::Load, Fault::Error(HostError::transient("the disk is busy")));
/// assert!(host.load(&v1, 2).is_err());
/// host.load(&v1, 2)?;
/// assert_eq!(host.replicas(v1.version()), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MemoryHost {
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Debug)]
struct State {
    fleet: Fleet,
    loaded: BTreeMap<VersionId, Loaded>,
    latency: BTreeMap<Operation, Duration>,
    faults: BTreeMap<Operation, VecDeque<Fault>>,
    calls: Vec<String>,
    release: u64,
}

#[derive(Debug)]
struct Loaded {
    model: ModelVersion,
    replicas: u32,
}

impl MemoryHost {
    /// A host with nothing loaded.
    pub fn new(fleet: Fleet) -> Self {
        let state = State {
            fleet,
            loaded: BTreeMap::new(),
            latency: BTreeMap::new(),
            faults: BTreeMap::new(),
            calls: Vec::new(),
            release: 0,
        };
        Self { state: Mutex::new(state), released: Condvar::new() }
    }

    /// A host on which every replica already runs `version`.
    pub fn serving(fleet: Fleet, version: &ModelVersion) -> Self {
        let replicas = fleet.replicas();
        let host = Self::new(fleet);
        host.state.lock().loaded.insert(version.version().clone(), Loaded { model: version.clone(), replicas });
        host
    }

    /// From here on this operation takes this long.
    pub fn delay(&self, operation: Operation, latency: Duration) {
        self.state.lock().latency.insert(operation, latency);
    }

    /// The next call of this operation that has no earlier fault waiting goes wrong in this way.
    pub fn inject(&self, operation: Operation, fault: Fault) {
        self.state.lock().faults.entry(operation).or_default().push_back(fault);
    }

    /// Forgets all faults that have not struck yet.
    pub fn heal(&self) {
        self.state.lock().faults.clear();
        self.release();
    }

    /// Lets all hanging calls go on.
    pub fn release(&self) {
        self.state.lock().release += 1;
        self.released.notify_all();
    }

    /// Loaded replicas of a version.
    pub fn replicas(&self, version: &VersionId) -> u32 {
        self.state.lock().loaded.get(version).map_or(0, |loaded| loaded.replicas)
    }

    /// All calls so far, in words.
    pub fn calls(&self) -> Vec<String> {
        self.state.lock().calls.clone()
    }

    fn perform<T>(
        &self,
        operation: Operation,
        what: String,
        work: impl FnOnce(&mut State, Option<Fingerprint>) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        let mut state = self.state.lock();
        state.calls.push(what);
        let fault = state.faults.get_mut(&operation).and_then(VecDeque::pop_front);
        let latency = state.latency.get(&operation).copied().unwrap_or_default();
        if !latency.is_zero() {
            drop(state);
            std::thread::sleep(latency);
            state = self.state.lock();
        }
        match fault {
            None => work(&mut state, None),
            Some(Fault::Error(error)) => Err(error),
            Some(Fault::LostAnswer(error)) => {
                work(&mut state, None)?;
                Err(error)
            }
            Some(Fault::WrongFingerprint(other)) => work(&mut state, Some(other)),
            Some(Fault::Hang) => {
                let before = state.release;
                self.released.wait_while(&mut state, |state| state.release == before);
                work(&mut state, None)
            }
        }
    }
}

impl State {
    fn find(&self, version: &VersionId) -> Result<&Loaded, HostError> {
        self.loaded.get(version).ok_or_else(|| HostError::permanent(format!("{version} is not loaded on this host")))
    }

    /// Memory is counted over the whole fleet: where two versions share a replica, both count.
    fn check_memory(&self, version: &ModelVersion, replicas: u32) -> Result<(), HostError> {
        let others: f64 = (self.loaded.iter())
            .filter(|(id, _)| *id != version.version())
            .map(|(_, loaded)| loaded.model.total_memory_gb() * f64::from(loaded.replicas))
            .sum();
        let needed = others + version.total_memory_gb() * f64::from(replicas);
        let slots = self.fleet.replicas() + self.fleet.spare_replicas();
        let available = self.fleet.gpu_memory_gb() * f64::from(slots);
        if needed > available {
            let message = format!("out of GPU memory: {needed:.1} GB needed, {available:.1} GB available");
            return Err(HostError::permanent(message));
        }
        Ok(())
    }
}

impl ModelHost for MemoryHost {
    fn fleet(&self) -> Result<Fleet, HostError> {
        let state = self.state.lock();
        let loaded = state.loaded.iter().map(|(id, loaded)| (id.clone(), loaded.replicas));
        Ok(state.fleet.clone().with_loaded(loaded))
    }

    fn load(&self, version: &ModelVersion, replicas: u32) -> Result<(), HostError> {
        self.perform(Operation::Load, format!("load {} {replicas}", version.version()), |state, _| {
            let already = state.loaded.get(version.version()).map_or(0, |loaded| loaded.replicas);
            if already >= replicas {
                return Ok(());
            }
            if version.adapter().is_none() {
                state.check_memory(version, replicas)?;
            }
            state.loaded.insert(version.version().clone(), Loaded { model: version.clone(), replicas });
            Ok(())
        })
    }

    fn warm_up(&self, version: &VersionId, tokens: u32) -> Result<(), HostError> {
        self.perform(Operation::WarmUp, format!("warm_up {version} {tokens}"), |state, _| {
            state.find(version).map(|_| ())
        })
    }

    fn verify(&self, version: &VersionId) -> Result<Option<Fingerprint>, HostError> {
        self.perform(Operation::Verify, format!("verify {version}"), |state, other| {
            let loaded = state.find(version)?;
            Ok(Some(other.unwrap_or_else(|| loaded.model.expected_fingerprint().clone())))
        })
    }

    fn cancel_in_flight(&self, version: &VersionId) -> Result<u64, HostError> {
        self.perform(Operation::CancelInFlight, format!("cancel_in_flight {version}"), |_, _| Ok(0))
    }

    fn unload(&self, version: &VersionId, keep: u32) -> Result<(), HostError> {
        self.perform(Operation::Unload, format!("unload {version} {keep}"), |state, _| {
            if keep == 0 {
                state.loaded.remove(version);
            } else if let Some(loaded) = state.loaded.get_mut(version) {
                loaded.replicas = loaded.replicas.min(keep);
            }
            Ok(())
        })
    }
}
