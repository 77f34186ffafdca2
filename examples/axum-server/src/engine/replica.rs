//! One replica: a thread, a loaded model and a queue.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::EngineError;
use super::generation::{Event, Finish, GenerationError, Request};
use super::memory::Slot;
use crate::model::{Checkpoint, CheckpointError, Fingerprint, Llama};

/// The sending end of a replica. The thread ends when this is gone and the queue is empty.
#[derive(Debug)]
pub(super) struct Replica {
    fingerprint: Fingerprint,
    work: SyncSender<Work>,
    queued: Arc<AtomicUsize>,
}

/// The thread behind a [`Replica`].
#[derive(Debug)]
pub(super) struct ReplicaThread {
    pool: rayon::ThreadPool,
    ended: Receiver<()>,
}

type WarmUpReply = Receiver<Result<(), String>>;

/// Why a replica takes no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Full,
    Dead,
}

enum Work {
    Answer(Request),
    WarmUp { tokens: u32, done: SyncSender<Result<(), String>> },
}

impl Replica {
    /// Starts the thread and waits until it has loaded its own copy of the checkpoint.
    pub(super) fn start(checkpoint: &Path, slot: Slot, queue: usize) -> Result<(Self, ReplicaThread), EngineError> {
        // candle's kernels share their work out to the rayon pool that they run in. A pool of one thread, in which the
        // whole replica runs, makes them stay on it: for so small a model any hand-over costs more than the work.
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .thread_name(|_| "replica".to_owned())
            // A panic ends this replica, whose channels then report it, and nothing else.
            .panic_handler(drop)
            .build()
            .map_err(|error| EngineError::ReplicaDied { reason: error.to_string() })?;
        let (work, inbox) = sync_channel(queue);
        let (loaded, is_loaded) = sync_channel(1);
        let (end, ended) = sync_channel(1);
        let queued = Arc::new(AtomicUsize::new(0));
        let in_queue = Arc::clone(&queued);
        let path = checkpoint.to_owned();
        pool.spawn(move || {
            match load(&path) {
                Ok((fingerprint, model)) => {
                    // If the starter has gone away, the inbox is closed and the loop ends at once.
                    let _ = loaded.send(Ok(fingerprint));
                    serve(&model, &inbox, &in_queue);
                    drop((model, slot));
                }
                Err(error) => {
                    drop(slot);
                    let _ = loaded.send(Err(error));
                }
            }
            let _ = end.send(());
        });
        let died = || EngineError::ReplicaDied { reason: "it ended while loading".to_owned() };
        let fingerprint = is_loaded.recv().map_err(|_| died())??;
        Ok((Self { fingerprint, work, queued }, ReplicaThread { pool, ended }))
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Requests that wait here or are being answered.
    pub(super) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Queues a request, unless the queue is full or the thread is gone.
    pub(super) fn submit(&self, request: Request) -> Result<(), Refusal> {
        self.queued.fetch_add(1, Ordering::Relaxed);
        self.work.try_send(Work::Answer(request)).map_err(|error| {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => Refusal::Full,
                TrySendError::Disconnected(_) => Refusal::Dead,
            }
        })
    }

    /// Queues a warm-up, behind the requests that are already there.
    pub(super) fn warm_up(&self, tokens: u32) -> Result<WarmUpReply, EngineError> {
        let (done, reply) = sync_channel(1);
        let died = |_| EngineError::ReplicaDied { reason: "it no longer takes work".to_owned() };
        self.work.send(Work::WarmUp { tokens, done }).map_err(died)?;
        Ok(reply)
    }
}

impl ReplicaThread {
    /// Waits until the queue is answered and the memory is free.
    pub(super) fn join(self) -> Result<(), EngineError> {
        let ended = self.ended.recv();
        drop(self.pool);
        ended.map_err(|_| EngineError::ReplicaDied { reason: "it crashed".to_owned() })
    }
}

fn load(path: &Path) -> Result<(Fingerprint, Llama), EngineError> {
    let checkpoint = Checkpoint::read(path)?;
    let model = Llama::new(&checkpoint)
        .map_err(|error| CheckpointError::Unusable { path: path.to_owned(), fault: error.to_string() })?;
    Ok((checkpoint.fingerprint(), model))
}

fn serve(model: &Llama, inbox: &Receiver<Work>, queued: &AtomicUsize) {
    while let Ok(work) = inbox.recv() {
        match work {
            Work::Answer(request) => {
                let last = answer(model, &request);
                let Request { ticket, events, .. } = request;
                // In flight until here: who sees the last event may count on the ticket being done.
                drop(ticket);
                queued.fetch_sub(1, Ordering::Relaxed);
                let _ = events.send(last);
            }
            Work::WarmUp { tokens, done } => {
                let _ = done.send(warm_up(model, tokens));
            }
        }
    }
}

/// Sends the bytes of an answer and returns the event that ends it.
fn answer(model: &Llama, request: &Request) -> Event {
    let failed = |reason: String| Event::Failed(GenerationError::Model(reason));
    let mut bytes = match model.decode(&request.prompt) {
        Ok(bytes) => bytes,
        Err(error) => return failed(error.to_string()),
    };
    for _ in 0..request.max_tokens {
        if request.ticket.is_cancelled() {
            return Event::Failed(GenerationError::Cancelled);
        }
        match bytes.next() {
            Some(Ok(byte)) if request.events.send(Event::Byte(byte)).is_ok() => {}
            // The reader went away.
            Some(Ok(_)) => return Event::Failed(GenerationError::Cancelled),
            Some(Err(error)) => return failed(error.to_string()),
            None => return Event::Finished(Finish::Stop),
        }
    }
    Event::Finished(Finish::Length)
}

fn warm_up(model: &Llama, tokens: u32) -> Result<(), String> {
    let mut generated = 0;
    while generated < tokens {
        let answer = model.decode(b"Are you warm yet?").map_err(|error| error.to_string())?;
        generated += 1;
        for byte in answer.take((tokens - generated) as usize) {
            byte.map_err(|error| error.to_string())?;
            generated += 1;
        }
    }
    Ok(())
}
