//! What requests asked for in vain, counted by each thread for itself: after a rollback every conversation that was pinned
//! brings an outdated token.

use std::sync::atomic::{AtomicU64, Ordering};

/// One thread's counts, which that thread alone writes.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    pub(super) forged_tokens: AtomicU64,
    pub(super) outdated_tokens: AtomicU64,
    pub(super) forces: AtomicU64,
}

/// Counts one more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
