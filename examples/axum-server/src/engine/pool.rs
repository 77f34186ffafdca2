//! All replicas of one version.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::generation::{Generation, Request};
use super::memory::Slots;
use super::replica::{Refusal, Replica, ReplicaThread};
use super::{EngineError, not_loaded};
use crate::model::{CONTEXT, Fingerprint, PromptTooLong};

#[derive(Debug)]
pub(super) struct Pool {
    queue: usize,
    /// One control call at a time; requests never take this.
    threads: Mutex<Vec<ReplicaThread>>,
    serving: RwLock<Vec<Arc<Replica>>>,
    tickets: Arc<Tickets>,
}

/// Numbers the requests of a version, so that all up to a point can be cancelled at once.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    next: AtomicU64,
    cancelled_below: AtomicU64,
    done: AtomicU64,
}

/// One request in flight.
#[derive(Debug)]
pub(super) struct Ticket {
    number: u64,
    tickets: Arc<Tickets>,
}

impl Ticket {
    pub(super) fn is_cancelled(&self) -> bool {
        self.number < self.tickets.cancelled_below.load(Ordering::Relaxed)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.tickets.done.fetch_add(1, Ordering::Release);
    }
}

impl Pool {
    pub(super) fn new(queue: usize) -> Self {
        Self { queue, threads: Mutex::default(), serving: RwLock::default(), tickets: Arc::default() }
    }

    pub(super) fn replicas(&self) -> u32 {
        u32::try_from(self.serving.read().len()).unwrap_or(u32::MAX)
    }

    pub(super) fn fingerprint(&self) -> Option<Fingerprint> {
        self.serving.read().first().map(|replica| replica.fingerprint())
    }

    pub(super) fn grow(&self, replicas: u32, checkpoint: &Path, slots: &Slots) -> Result<(), EngineError> {
        let mut threads = self.threads.lock();
        let missing = replicas.saturating_sub(self.replicas());
        for slot in slots.reserve(missing)? {
            let (replica, thread) = Replica::start(checkpoint, slot, self.queue)?;
            if let Some(loaded) = self.fingerprint().filter(|loaded| *loaded != replica.fingerprint()) {
                let found = replica.fingerprint();
                drop(replica);
                thread.join()?;
                return Err(EngineError::CheckpointChanged { loaded, found });
            }
            self.serving.write().push(Arc::new(replica));
            threads.push(thread);
        }
        Ok(())
    }

    pub(super) fn shrink(&self, keep: u32) -> Result<(), EngineError> {
        let mut threads = self.threads.lock();
        let keep = (keep as usize).min(threads.len());
        // A replica ends once nobody can send to it any more and its queue is empty.
        drop(self.serving.write().split_off(keep));
        threads.split_off(keep).into_iter().map(ReplicaThread::join).fold(Ok(()), Result::and)
    }

    pub(super) fn warm_up(&self, tokens: u32) -> Result<(), EngineError> {
        let replicas = self.serving.read().clone();
        let waiting: Vec<_> = replicas.iter().map(|replica| replica.warm_up(tokens)).collect::<Result<_, _>>()?;
        drop(replicas);
        waiting.into_iter().try_for_each(|done| {
            let died = || EngineError::ReplicaDied { reason: "it ended while warming up".to_owned() };
            done.recv().map_err(|_| died())?.map_err(|reason| EngineError::ReplicaDied { reason })
        })
    }

    pub(super) fn generate(&self, version: &str, prompt: &str, max_tokens: usize) -> Result<Generation, EngineError> {
        let longest = CONTEXT - 2;
        if prompt.len() > longest {
            return Err(PromptTooLong { bytes: prompt.len(), longest }.into());
        }
        let (request, generation) = Request::new(prompt, max_tokens, self.ticket());
        let serving = self.serving.read();
        let least_busy = serving.iter().min_by_key(|replica| replica.queued());
        let replica = least_busy.ok_or_else(|| not_loaded(version))?;
        replica.submit(request).map_err(|refusal| match refusal {
            Refusal::Full => EngineError::Busy { version: version.to_owned() },
            Refusal::Dead => EngineError::ReplicaDied { reason: "it no longer takes requests".to_owned() },
        })?;
        Ok(generation)
    }

    pub(super) fn in_flight(&self) -> u64 {
        let done = self.tickets.done.load(Ordering::Acquire);
        self.tickets.next.load(Ordering::Acquire).saturating_sub(done)
    }

    pub(super) fn cancel(&self) -> u64 {
        let in_flight = self.in_flight();
        self.tickets.cancelled_below.store(self.tickets.next.load(Ordering::Acquire), Ordering::Relaxed);
        in_flight
    }

    fn ticket(&self) -> Ticket {
        Ticket { number: self.tickets.next.fetch_add(1, Ordering::AcqRel), tickets: Arc::clone(&self.tickets) }
    }
}
