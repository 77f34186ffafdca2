//! Following a rollout as it goes.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::clock::Timestamp;
use crate::evaluate::Evaluation;
use crate::rollback::RollbackRecord;
use crate::rollout::{Outcome, Progress};

/// How many events a subscription keeps for a reader that falls behind; the oldest go first.
const KEPT: usize = 4_096;

/// Something that happened in a rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The rollout.
    pub rollout: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// It went a step.
    Progress(Progress),
    /// The canary was judged.
    Judged(Arc<Evaluation>),
    /// The canary was rolled back.
    RolledBack(Arc<RollbackRecord>),
    /// It ended.
    Finished(Arc<Outcome>),
}

/// A stream of [`Event`]s, from the moment of subscription to the end of the deployment. An iterator for threads,
/// [`next_async`](Self::next_async) for tasks on any runtime.
#[derive(Debug)]
pub struct Events {
    queue: Arc<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Event>,
    missed: u64,
    closed: bool,
    waker: Option<Waker>,
}

impl Events {
    /// Waits for an event for at most this long.
    pub fn next_timeout(&self, timeout: Duration) -> Option<Event> {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.queue.state.lock();
        loop {
            if let Some(event) = state.events.pop_front() {
                return Some(event);
            }
            if state.closed {
                return None;
            }
            match deadline {
                None => self.queue.arrived.wait(&mut state),
                Some(deadline) if self.queue.arrived.wait_until(&mut state, deadline).timed_out() => {
                    return state.events.pop_front();
                }
                Some(_) => {}
            }
        }
    }

    /// Waits for the next event; `None` once the deployment has ended and all events were read.
    pub async fn next_async(&mut self) -> Option<Event> {
        poll_fn(|context| {
            let mut state = self.queue.state.lock();
            if let Some(event) = state.events.pop_front() {
                return Poll::Ready(Some(event));
            }
            if state.closed {
                return Poll::Ready(None);
            }
            state.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Whether the deployment has ended and all its events were read.
    pub fn is_over(&self) -> bool {
        let state = self.queue.state.lock();
        state.closed && state.events.is_empty()
    }

    /// Events that were dropped because they were not read in time.
    pub fn missed(&self) -> u64 {
        self.queue.state.lock().missed
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.next_timeout(Duration::MAX)
    }
}

/// Where events come from.
#[derive(Debug, Default)]
pub(crate) struct Broadcast {
    readers: Mutex<Readers>,
}

#[derive(Debug, Default)]
struct Readers {
    queues: Vec<Weak<Queue>>,
    /// Whether nothing more will come.
    closed: bool,
}

impl Broadcast {
    pub(crate) fn subscribe(&self) -> Events {
        let mut readers = self.readers.lock();
        let state = State { closed: readers.closed, ..State::default() };
        let queue = Arc::new(Queue { state: Mutex::new(state), arrived: Condvar::new() });
        readers.queues.push(Arc::downgrade(&queue));
        Events { queue }
    }

    /// Whether anybody subscribed, and has not gone since.
    pub(crate) fn is_followed(&self) -> bool {
        self.readers.lock().queues.iter().any(|queue| queue.strong_count() > 0)
    }

    pub(crate) fn send(&self, event: &Event) {
        self.each(|state| {
            if state.events.len() == KEPT {
                state.events.pop_front();
                state.missed += 1;
            }
            state.events.push_back(event.clone());
        });
    }

    pub(crate) fn close(&self) {
        self.readers.lock().closed = true;
        self.each(|state| state.closed = true);
    }

    fn each(&self, change: impl Fn(&mut State)) {
        self.readers.lock().queues.retain(|queue| {
            let Some(queue) = queue.upgrade() else { return false };
            let waker = {
                let mut state = queue.state.lock();
                change(&mut state);
                state.waker.take()
            };
            queue.arrived.notify_all();
            if let Some(waker) = waker {
                waker.wake();
            }
            true
        });
    }
}
