//! A value with requests counted on it, which are at the same time the references that keep it in memory.
//!
//! Its owners (a thread's cache, the registry) are counted as an `Arc` counts them. Requests are not: each is counted once as
//! begun and once as ended anyway, and while the two differ somebody still has the value. So a request costs two atomic
//! additions, and not four. When the last owner goes, no request can begin any more; how many have begun is then final,
//! and is put into the count of those ended, so that whoever ends last finds out by ending, and frees the value.
#![expect(unsafe_code, reason = "a reference count of its own for each request costs a quarter of the request path")]

use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;

use super::bell::Bell;
use super::flight::{Epoch, Flight};
use super::request::Reason;
use crate::sync::{AtomicU64, Ordering, fence};

/// What somebody may wait for the end of.
pub(crate) trait Awaited {
    /// Rung when a request has ended; by then the value may be gone.
    fn ended(&self) -> &'static Bell;
}

struct Counted<T> {
    flight: Flight,
    owners: AtomicU64,
    value: T,
}

/// One of those that may begin requests on the value.
pub(crate) struct Owner<T>(NonNull<Counted<T>>);

/// A request in flight, until it is dropped.
pub(crate) struct InFlight<T: Awaited>(NonNull<Counted<T>>);

// SAFETY: both are references to a `T` and to atomics, and may free the `T` on another thread than it was made on.
unsafe impl<T: Send + Sync> Send for Owner<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Owner<T> {}
// SAFETY: as above.
unsafe impl<T: Awaited + Send + Sync> Send for InFlight<T> {}
// SAFETY: as above.
unsafe impl<T: Awaited + Send + Sync> Sync for InFlight<T> {}

impl<T> Owner<T> {
    pub(crate) fn new(value: T) -> Self {
        let counted = Box::new(Counted { flight: Flight::new(), owners: AtomicU64::new(1), value });
        Self(NonNull::from(Box::leak(counted)))
    }

    #[inline]
    fn counted(&self) -> &Counted<T> {
        // SAFETY: made of a box, which is freed only when no owner is left.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(crate) fn flight(&self) -> &Flight {
        &self.counted().flight
    }

    /// Whether nothing but this owner is left: no other owner, and no request.
    pub(crate) fn is_alone(&self) -> bool {
        let alone = self.counted().owners.load(Ordering::Relaxed) == 1;
        // What the other owners began is seen from here on.
        fence(Ordering::Acquire);
        alone && self.flight().in_flight() == 0
    }
}

impl<T: Awaited> Owner<T> {
    /// Counts a request in flight, unless the table that chose its version is no longer in force.
    #[inline]
    pub(crate) fn begin(&self, reason: Reason, epoch: &Epoch, seen: u64) -> Option<InFlight<T>> {
        if self.flight().begin(reason, epoch, seen) {
            return Some(InFlight(self.0));
        }
        self.taken_back();
        None
    }

    /// Somebody may have seen the count before it was taken back.
    #[cold]
    fn taken_back(&self) {
        self.ended().ring();
    }
}

impl<T> Clone for Owner<T> {
    fn clone(&self) -> Self {
        // As in `Arc`: a new owner is made of one that stays meanwhile.
        self.counted().owners.fetch_add(1, Ordering::Relaxed);
        Self(self.0)
    }
}

impl<T> Drop for Owner<T> {
    fn drop(&mut self) {
        if self.counted().owners.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        fence(Ordering::Acquire);
        let counted = self.0.as_ptr();
        // SAFETY: it is there, as this owner was counted. With the last owner gone nobody begins a request, so what has
        // begun is final. `close` is called through a pointer: if requests are out, the last of them may free the value at once.
        let over = unsafe {
            let begun = (*counted).flight.begun();
            (*counted).flight.ended.close(begun)
        };
        if over {
            // SAFETY: no owner is left, all requests have ended, and `close` says so to one caller only.
            drop(unsafe { Box::from_raw(counted) });
        }
    }
}

impl<T: Awaited> Drop for InFlight<T> {
    #[inline]
    fn drop(&mut self) {
        let ended = self.ended();
        let counted = self.0.as_ptr();
        // SAFETY: it is there until this request has been counted as ended. The count is reached through a pointer: at once
        // afterwards another request or the last owner may free the value.
        if unsafe { (*counted).flight.ended.count() } {
            free(self.0);
        }
        ended.ring();
    }
}

/// Frees what has no owner and no request any more.
#[cold]
fn free<T>(counted: NonNull<Counted<T>>) {
    // SAFETY: called by the request that ended last after the last owner had gone; the count says so once.
    drop(unsafe { Box::from_raw(counted.as_ptr()) });
}

impl<T> Deref for Owner<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.counted().value
    }
}

impl<T: Awaited> Deref for InFlight<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: it is there until this request has been counted as ended, which only `drop` does.
        unsafe { &(*self.0.as_ptr()).value }
    }
}

impl<T: Awaited> InFlight<T> {
    /// Notes that the request is beyond its user's share. Called by the thread that began it.
    #[inline]
    pub(crate) fn cap(&self) {
        // SAFETY: as in `deref`.
        unsafe { (*self.0.as_ptr()).flight.cap() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Owner<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner").field("flight", self.flight()).field("value", &**self).finish()
    }
}
