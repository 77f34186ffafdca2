//! Which of two answers to one prompt is better.

use serde::{Deserialize, Serialize};

use super::{Reading, Unit};
use crate::observe::{Block, Pair};
use serinus_stats::sequential::{Direction, EProcess, PairedTest};
use serinus_stats::{Interval, StatisticsError};

/// A pair is won, tied or lost: its loss is 1, 0 or −1, and nothing is clipped.
const CLIP: f64 = 1.0;

/// The evidence of answers to the same prompts. Being answers to the same prompts they need no block to be comparable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::evaluate) struct Pairs {
    worse: PairedTest,
    safe: PairedTest,
    safest: f64,
    excluded: f64,
    won: u64,
    lost: u64,
    all: u64,
}

impl Pairs {
    pub(super) fn new(worse: f64, safe: f64) -> Result<Self, StatisticsError> {
        Ok(Self {
            worse: PairedTest::new(Direction::Worse, worse, CLIP)?,
            safe: PairedTest::new(Direction::Safe, safe, CLIP)?,
            safest: 0.0,
            excluded: safe,
            won: 0,
            lost: 0,
            all: 0,
        })
    }

    pub(super) fn absorb(&mut self, block: &Block, proof: f64) {
        for pair in &block.pairs {
            let canary = pair.score();
            // Scores of pairs are in [0, 1].
            let _ = self.worse.update(1.0 - canary, canary);
            if self.safest < proof {
                let _ = self.safe.update(1.0 - canary, canary);
                self.safest = self.safest.max(self.safe.e_value().log());
            }
            self.all = self.all.saturating_add(1);
            self.won = self.won.saturating_add(u64::from(*pair == Pair::Win));
            self.lost = self.lost.saturating_add(u64::from(*pair == Pair::Loss));
        }
    }

    pub(super) fn log_worse(&self) -> f64 {
        self.worse.e_value().log()
    }

    pub(super) const fn log_safe(&self) -> f64 {
        self.safest
    }

    pub(super) const fn requests(&self) -> (u64, u64) {
        (self.all, self.all)
    }

    pub(super) fn reading(&self) -> Reading {
        let share = |of: u64| (self.all > 0).then(|| of as f64 / self.all as f64);
        let (lost, won) = (share(self.lost), share(self.won));
        Reading {
            unit: Unit::Pairs,
            requests: self.requests(),
            values: (lost, won),
            quantile: None,
            increase: None,
            within_margin: lost.zip(won).is_some_and(|(lost, won)| lost - won <= self.excluded),
            limit: None,
            log_worse: self.log_worse(),
            log_safe: self.log_safe(),
        }
    }

    pub(super) fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        self.worse.interval(confidence)
    }
}
