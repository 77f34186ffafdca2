//! The splitter that one would write first, to compare with.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

/// A lock around the weights and one shared counter for each version.
#[derive(Debug)]
pub struct NaiveSplitter {
    weights: RwLock<Vec<(String, f64)>>,
    counts: [AtomicU64; 2],
    in_flight: [AtomicU64; 2],
}

impl NaiveSplitter {
    /// Two versions, with this share on the second.
    pub fn new(share: f64) -> Self {
        let weights = RwLock::new(vec![("v1".into(), 1.0 - share), ("v2".into(), share)]);
        Self { weights, counts: Default::default(), in_flight: Default::default() }
    }

    /// Chooses a version by a hash of the user id, and counts it.
    pub fn route(&self, user_id: &str) -> usize {
        let point = f64::from(serinus::route::sticky_point("", user_id)) / 2f64.powi(32);
        let weights = self.weights.read();
        let mut below = 0.0;
        let chosen = weights.iter().position(|(_, weight)| {
            below += weight;
            point < below
        });
        let chosen = chosen.unwrap_or(0).min(1);
        self.counts[chosen].fetch_add(1, Ordering::Relaxed);
        self.in_flight[chosen].fetch_add(1, Ordering::AcqRel);
        chosen
    }

    /// Ends a request.
    pub fn finish(&self, version: usize) {
        if let Some(in_flight) = self.in_flight.get(version) {
            in_flight.fetch_sub(1, Ordering::AcqRel);
        }
    }
}
