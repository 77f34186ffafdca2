//! The latest requests of each version, for the numbers that describe rather than judge.

use std::collections::VecDeque;
use std::time::Duration;

use super::block::Block;
use super::evidence::ArmEvidence;
use crate::clock::Timestamp;

/// Steps in which a window slides: finer ones follow the traffic more closely and cost memory and time to add up.
const STEPS: u32 = 8;

/// A sliding window over the latest blocks, for each version by itself: its last requests, about
/// [`requests`](Window::new) of them, none older than the window's age. It forgets whole blocks at a time and holds a few
/// tens of kilobytes whatever the traffic.
///
/// What it gives describes each version ("p99 is 830 ms"). Verdicts come from comparing block by block.
#[derive(Clone, Debug)]
pub struct Window {
    age: Duration,
    requests: u64,
    stable: VecDeque<Slot>,
    canary: VecDeque<Slot>,
}

/// Successive blocks of one version, added up.
#[derive(Clone, Debug)]
struct Slot {
    opened_at: Timestamp,
    closed_at: Timestamp,
    evidence: ArmEvidence,
}

impl Window {
    /// A window that keeps at least the latest `requests` of each version, as far as they are not older than `age`.
    pub const fn new(age: Duration, requests: u64) -> Self {
        Self { age, requests, stable: VecDeque::new(), canary: VecDeque::new() }
    }

    /// Adds a block and forgets what it makes superfluous.
    pub fn push(&mut self, block: &Block) {
        let (span, size) = (self.age / STEPS, self.requests / u64::from(STEPS));
        for (slots, evidence) in [(&mut self.stable, &block.stable), (&mut self.canary, &block.canary)] {
            if evidence.requests() == 0 {
                continue;
            }
            match slots.back_mut() {
                Some(last) if last.evidence.requests() < size && block.closed_at.since(last.opened_at) <= span => {
                    last.evidence.merge(evidence);
                    last.closed_at = last.closed_at.max(block.closed_at);
                }
                _ => slots.push_back(Slot {
                    opened_at: block.opened_at,
                    closed_at: block.closed_at,
                    evidence: evidence.clone(),
                }),
            }
            forget(slots, self.requests, self.age, block.closed_at);
        }
    }

    /// What the stable version's latest requests add up to.
    pub fn stable(&self, now: Timestamp) -> ArmEvidence {
        sum(&self.stable, self.age, now)
    }

    /// What the canary's latest requests add up to.
    pub fn canary(&self, now: Timestamp) -> ArmEvidence {
        sum(&self.canary, self.age, now)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.stable.clear();
        self.canary.clear();
    }
}

impl Default for Window {
    /// The latest 1,000 requests of each version, none older than four hours.
    fn default() -> Self {
        Self::new(Duration::from_secs(4 * 3_600), 1_000)
    }
}

fn forget(slots: &mut VecDeque<Slot>, requests: u64, age: Duration, now: Timestamp) {
    let mut newer: u64 = slots.iter().skip(1).fold(0, |sum, slot| sum.saturating_add(slot.evidence.requests()));
    while let Some(oldest) = slots.front() {
        if slots.len() == 1 || (newer < requests && now.since(oldest.closed_at) <= age) {
            break;
        }
        slots.pop_front();
        newer = newer.saturating_sub(slots.front().map_or(0, |slot| slot.evidence.requests()));
    }
}

fn sum(slots: &VecDeque<Slot>, age: Duration, now: Timestamp) -> ArmEvidence {
    let mut sum = ArmEvidence::default();
    for slot in slots.iter().filter(|slot| now.since(slot.closed_at) <= age) {
        sum.merge(&slot.evidence);
    }
    sum
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::observe::{Arm, BlockBuilder, BlockRule, Errors, Outcome, Signal};

    /// Blocks of one second with this many requests of each version, each with its second as its latency.
    fn blocks(seconds: std::ops::Range<u32>, requests: u64) -> Vec<Block> {
        let signals = [Arc::new(Errors) as Arc<dyn Signal>].into_iter().collect();
        let rule = BlockRule { min_arrivals: requests, ..BlockRule::default() };
        let mut builder = BlockBuilder::new(rule, signals);
        let mut blocks = Vec::new();
        for second in seconds {
            let arrived_at = Timestamp::from_secs_f64(f64::from(second));
            for _ in 0..requests {
                let outcome = Outcome::ok().latency_ms(f64::from(second));
                blocks.extend(builder.add(Arm::Stable, outcome, arrived_at));
                blocks.extend(builder.add(Arm::Canary, outcome, arrived_at));
            }
        }
        blocks
    }

    fn seconds(seconds: u32) -> Timestamp {
        Timestamp::from_secs_f64(f64::from(seconds))
    }

    #[test]
    fn it_keeps_the_latest_requests_and_not_many_more() {
        let mut window = Window::new(Duration::from_secs(3_600), 1_000);
        for block in blocks(0..500, 10) {
            window.push(&block);
        }
        let stable = window.stable(seconds(500));
        assert!((1_000..1_300).contains(&stable.requests()), "{}", stable.requests());
        assert!(stable.total().latency().quantile(0.0).unwrap() > 370.0, "the oldest are gone");
        assert!(window.stable.len() <= 10);
        assert_eq!(window.canary(seconds(500)).requests(), stable.requests());
    }

    #[test]
    fn one_large_block_stays_whole() {
        let mut window = Window::new(Duration::from_secs(3_600), 100);
        for block in blocks(0..3, 5_000) {
            window.push(&block);
        }
        assert_eq!(window.stable(seconds(3)).requests(), 5_000);
    }

    #[test]
    fn old_blocks_are_left_out_without_any_later_one() {
        let mut window = Window::new(Duration::from_secs(100), 1_000);
        for block in blocks(0..5, 10) {
            window.push(&block);
        }
        assert_eq!(window.stable(seconds(100)).requests(), 50);
        assert_eq!(window.stable(seconds(200)).requests(), 0);
        window.clear();
        assert_eq!(window.stable(seconds(5)).requests(), 0);
    }
}
