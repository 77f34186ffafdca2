//! What users say later.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64;

use super::rounds::Place;

/// How feedback finds its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// How long after a request its user may say something. Default 15 minutes. The feedback of a stretch of time is
    /// compared once this has passed, so a longer one delays what it finds.
    pub window: Duration,
    /// Requests remembered at a time, some 50 bytes each. Default 100,000. The oldest are forgotten first.
    pub remembered: usize,
}

impl Default for Feedback {
    fn default() -> Self {
        Self { window: Duration::from_secs(15 * 60), remembered: 100_000 }
    }
}

/// Feedback that could not be attached to a request.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum FeedbackError {
    /// It is no score.
    #[error("expected a score from 0 to 1, got {0}")]
    Invalid(f64),
    /// The request is not known: it was not part of a rollout, was forgotten, or its user has already said something.
    #[error("no rollout waits for feedback on this request")]
    Unknown,
    /// Its window has passed.
    #[error("the feedback came too late to be compared")]
    Late,
}

/// Requests of which a word is still awaited. Ids are kept as their hashes.
#[derive(Debug)]
pub(super) struct Receipts {
    most: usize,
    places: HashMap<u64, Place>,
    /// In the order of their arrival; some may be gone already.
    order: VecDeque<u64>,
}

impl Receipts {
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), places: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn add(&mut self, request_id: &str, place: Place) {
        let id = xxh3_64(request_id.as_bytes());
        while self.order.len() >= self.most {
            if let Some(oldest) = self.order.pop_front() {
                self.places.remove(&oldest);
            }
        }
        self.places.insert(id, place);
        self.order.push_back(id);
    }

    /// The request's place; only once.
    pub(super) fn take(&mut self, request_id: &str) -> Option<Place> {
        self.places.remove(&xxh3_64(request_id.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::judge::rounds::Rounds;
    use crate::observe::{Arm, BlockRule, Signals};

    #[test]
    fn the_oldest_are_forgotten_and_each_counts_once() {
        let mut rounds = Rounds::new(BlockRule::default(), Duration::ZERO, Signals::from_iter([]));
        let mut receipts = Receipts::new(3);
        for id in ["a", "b", "c", "d"] {
            receipts.add(id, rounds.take(Arm::Canary, Timestamp::ZERO));
        }
        assert!(receipts.take("a").is_none(), "forgotten");
        assert!(receipts.take("d").is_some());
        assert!(receipts.take("d").is_none(), "said already");
        for n in 0..10_000 {
            receipts.add(&n.to_string(), rounds.take(Arm::Canary, Timestamp::ZERO));
        }
        assert!(receipts.places.len() <= 3 && receipts.order.len() <= 3);
    }
}
