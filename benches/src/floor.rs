//! What any sticky splitter must do, and nothing else: the bound that the others are held to.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use xxhash_rust::xxh3::xxh3_64;

thread_local! {
    static OWN: CachePadded<Own> = const { CachePadded::new(Own { epoch: Cell::new(0), counts: [AtomicU64::new(0), AtomicU64::new(0)] }) };
}

/// What a thread keeps to itself, on a cache line of its own.
struct Own {
    epoch: Cell<u64>,
    counts: [AtomicU64; 2],
}

/// One hash of the key, one load of an epoch that tells whether the split has changed, one count that another thread can
/// read. A split cannot be sticky, changed while it is used and counted with less.
#[derive(Debug)]
pub struct Floor {
    epoch: CachePadded<AtomicU64>,
    bound: u64,
}

impl Floor {
    /// Two versions, with this share on the second.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A share of 2^32 fits.
    pub fn new(share: f64) -> Self {
        Self { epoch: CachePadded::new(AtomicU64::new(1)), bound: (share * 2f64.powi(32)) as u64 }
    }

    /// Whether the user is on the second version.
    #[inline]
    pub fn route(&self, user_id: &str) -> bool {
        let chosen = (xxh3_64(user_id.as_bytes()) >> 32) < self.bound;
        OWN.with(|own| {
            let epoch = self.epoch.load(Ordering::Acquire);
            if epoch != own.epoch.get() {
                own.epoch.set(epoch);
            }
            let count = &own.counts[usize::from(chosen)];
            count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        });
        chosen
    }
}
