//! The epoch protocol: no lease for a version after it was declared drained.
//!
//! A router counts its request in flight first and looks at the epoch again afterwards; a drainer moves the epoch
//! first and counts afterwards. Both orders are sequentially consistent, so either the router sees that the table has
//! moved and takes its count back, or the drainer sees the count and waits. `finished` is read before `started`, so
//! that the number in flight is never read too low.

use crossbeam_utils::CachePadded;

use super::request::Reason;
use crate::sync::{AtomicU64, Ordering, keep_order};

/// The number of the table in force. It moves with every publication.
#[derive(Debug)]
pub(crate) struct Epoch(AtomicU64);

impl Epoch {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    #[inline]
    pub(crate) fn current(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn advance_to(&self, epoch: u64) {
        self.0.store(epoch, Ordering::SeqCst);
        keep_order();
    }
}

/// One thread's count of requests begun, which that thread alone writes, and of those ended, on whatever thread.
#[derive(Debug)]
pub(crate) struct Flight {
    begun: CachePadded<Begun>,
    pub(super) ended: CachePadded<Ended>,
}

#[derive(Debug)]
struct Begun {
    started: [AtomicU64; Reason::COUNT],
    /// Of the sticky ones begun, those beyond their user's share.
    capped: AtomicU64,
}

impl Flight {
    pub(crate) fn new() -> Self {
        let begun = Begun { started: std::array::from_fn(|_| AtomicU64::new(0)), capped: AtomicU64::new(0) };
        Self { begun: CachePadded::new(begun), ended: CachePadded::new(Ended(AtomicU64::new(0))) }
    }

    /// Counts a request in flight, unless the table that chose its version is no longer in force.
    #[inline]
    pub(crate) fn begin(&self, reason: Reason, epoch: &Epoch, seen: u64) -> bool {
        let started = &self.begun.started[reason as usize];
        started.fetch_add(1, Ordering::SeqCst);
        keep_order();
        if epoch.current() == seen {
            return true;
        }
        started.fetch_sub(1, Ordering::SeqCst);
        false
    }

    /// Notes that a request that has been begun is beyond its user's share.
    #[inline]
    pub(crate) fn cap(&self) {
        let capped = &self.begun.capped;
        // The thread's own count: what it reads, nobody else changes.
        capped.store(capped.load(Ordering::Relaxed) + 1, Ordering::Release);
    }

    /// Requests begun for one reason.
    pub(crate) fn started(&self, reason: Reason) -> u64 {
        self.begun.started[reason as usize].load(Ordering::SeqCst)
    }

    /// Requests begun that are evidence: chance alone chose their version, and they are within their user's share. Never
    /// too low, for what is capped is read before what it was counted among.
    pub(crate) fn counting(&self) -> u64 {
        let capped = self.capped();
        (self.started(Reason::Sticky) + self.started(Reason::Weighted)).saturating_sub(capped)
    }

    /// Requests begun that chance placed and that are beyond their user's share.
    pub(crate) fn capped(&self) -> u64 {
        self.begun.capped.load(Ordering::SeqCst)
    }

    /// Requests begun and not ended; never too low.
    pub(crate) fn in_flight(&self) -> u64 {
        let finished = self.ended.requests();
        self.begun().saturating_sub(finished)
    }

    /// Requests begun, for whatever reason.
    pub(super) fn begun(&self) -> u64 {
        Reason::ALL.iter().map(|reason| self.started(*reason)).sum()
    }
}

/// Requests ended. Once nobody begins any more, the same word counts up to the last one, which is told so.
#[derive(Debug)]
pub(super) struct Ended(AtomicU64);

/// What the count comes to with the last request.
const LAST: u64 = 1 << 63;

impl Ended {
    /// Counts a request as ended. Says whether it was the last one that will.
    #[inline]
    pub(super) fn count(&self) -> bool {
        self.0.fetch_add(1, Ordering::SeqCst) == LAST - 1
    }

    /// From here on no request begins: `begun` have. Says whether all of them have ended.
    pub(super) fn close(&self, begun: u64) -> bool {
        self.0.fetch_add(LAST - begun, Ordering::SeqCst) == begun
    }

    /// Requests ended, as long as more may begin.
    pub(super) fn requests(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}
