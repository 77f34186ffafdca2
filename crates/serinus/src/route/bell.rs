//! A bell: lets threads and tasks sleep until something has become true, with nothing to poll.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::sync::{AtomicU64, Condvar, Mutex, Ordering, keep_order, lock};

/// Sleepers wait for a condition of their own; whoever changes the condition rings. Ringing with nobody waiting costs
/// one load.
pub(crate) struct Bell {
    waiting: AtomicU64,
    tasks: Mutex<Tasks>,
    threads: Condvar,
}

#[derive(Default)]
struct Tasks {
    next: u64,
    wakers: Vec<(u64, Waker)>,
}

impl Bell {
    pub(crate) fn new() -> Self {
        Self { waiting: AtomicU64::new(0), tasks: Mutex::new(Tasks::default()), threads: Condvar::new() }
    }

    /// Wakes all who wait. The change must have been made before, with sequential consistency: a sleeper first counts
    /// itself as waiting and then looks at the condition, so one of the two sees the other.
    #[inline]
    pub(crate) fn ring(&self) {
        keep_order();
        if self.waiting.load(Ordering::SeqCst) != 0 {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        let wakers = std::mem::take(&mut lock(&self.tasks).wakers);
        self.threads.notify_all();
        for (_, waker) in wakers {
            waker.wake();
        }
    }

    /// Blocks until `done` holds or the deadline has passed; says whether it holds.
    pub(crate) fn wait(&self, deadline: Option<Instant>, done: impl Fn() -> bool) -> bool {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        keep_order();
        let mut tasks = lock(&self.tasks);
        let holds = loop {
            if done() {
                break true;
            }
            let Some(deadline) = deadline else {
                tasks = self.threads.wait(tasks).unwrap_or_else(std::sync::PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break false;
            }
            tasks = self.threads.wait_timeout(tasks, left).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        };
        drop(tasks);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        holds
    }

    /// A future that resolves once `done` holds.
    pub(crate) fn until<F: Fn() -> bool>(&self, done: F) -> Until<'_, F> {
        Until { bell: self, done, place: None }
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bell")
    }
}

/// See [`Bell::until`].
pub(crate) struct Until<'a, F> {
    bell: &'a Bell,
    done: F,
    /// This future's number among the wakers, once it waits.
    place: Option<u64>,
}

impl<F: Fn() -> bool + Unpin> Future for Until<'_, F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if (this.done)() {
            return Poll::Ready(());
        }
        if this.place.is_none() {
            this.bell.waiting.fetch_add(1, Ordering::SeqCst);
            keep_order();
        }
        {
            let mut tasks = lock(&this.bell.tasks);
            let place = *this.place.get_or_insert_with(|| {
                tasks.next += 1;
                tasks.next
            });
            tasks.wakers.retain(|(other, _)| *other != place);
            tasks.wakers.push((place, context.waker().clone()));
        }
        if (this.done)() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl<F> Drop for Until<'_, F> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            lock(&self.bell.tasks).wakers.retain(|(other, _)| *other != place);
            self.bell.waiting.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
