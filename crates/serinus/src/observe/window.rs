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
/// What it gives describes each version ("p99 is 830 ms"): all strata in one, lengths and scores by their means and variances
/// only. Verdicts come from comparing block by block.
#[derive(Clone, Debug)]
pub struct Window {
    age: Duration,
    requests: u64,
    stable: Latest,
    canary: Latest,
}

/// The latest blocks of one version.
#[derive(Clone, Debug, Default)]
struct Latest {
    slots: VecDeque<Slot>,
    /// What all slots but the last add up to, so that it need not be added up at every look.
    settled: ArmEvidence,
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
    pub fn new(age: Duration, requests: u64) -> Self {
        Self { age, requests, stable: Latest::default(), canary: Latest::default() }
    }

    /// Adds a block and forgets what it makes superfluous.
    pub fn push(&mut self, block: &Block) {
        for (latest, evidence) in [(&mut self.stable, &block.stable), (&mut self.canary, &block.canary)] {
            if evidence.requests() + evidence.reviewed() > 0 {
                latest.push(block, evidence, self.age, self.requests);
            }
        }
    }

    /// What the stable version's latest requests add up to.
    pub fn stable(&self, now: Timestamp) -> ArmEvidence {
        self.stable.sum(self.age, now)
    }

    /// What the canary's latest requests add up to.
    pub fn canary(&self, now: Timestamp) -> ArmEvidence {
        self.canary.sum(self.age, now)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.stable = Latest::default();
        self.canary = Latest::default();
    }
}

impl Default for Window {
    /// The latest 1,000 requests of each version, none older than four hours.
    fn default() -> Self {
        Self::new(Duration::from_secs(4 * 3_600), 1_000)
    }
}

impl Latest {
    fn push(&mut self, block: &Block, evidence: &ArmEvidence, age: Duration, requests: u64) {
        let (span, size) = (age / STEPS, requests / u64::from(STEPS));
        let evidence = evidence.described();
        match self.slots.back_mut() {
            Some(last) if last.evidence.requests() < size && block.closed_at.since(last.opened_at) <= span => {
                last.evidence.merge(&evidence);
                last.closed_at = last.closed_at.max(block.closed_at);
            }
            _ => {
                self.slots.push_back(Slot { opened_at: block.opened_at, closed_at: block.closed_at, evidence });
                self.forget(requests, age, block.closed_at);
                let settled = self.slots.len() - 1;
                self.settled = total(self.slots.iter().take(settled));
            }
        }
    }

    fn forget(&mut self, requests: u64, age: Duration, now: Timestamp) {
        let slots = &mut self.slots;
        let mut newer: u64 = slots.iter().skip(1).fold(0, |sum, slot| sum.saturating_add(slot.evidence.requests()));
        while let Some(oldest) = slots.front() {
            if slots.len() == 1 || (newer < requests && now.since(oldest.closed_at) <= age) {
                break;
            }
            slots.pop_front();
            newer = newer.saturating_sub(slots.front().map_or(0, |slot| slot.evidence.requests()));
        }
    }

    fn sum(&self, age: Duration, now: Timestamp) -> ArmEvidence {
        let is_young = |slot: &&Slot| now.since(slot.closed_at) <= age;
        match (self.slots.front(), self.slots.back()) {
            (Some(oldest), Some(last)) if is_young(&oldest) => {
                let mut sum = self.settled.clone();
                sum.merge(&last.evidence);
                sum
            }
            _ => total(self.slots.iter().filter(is_young)),
        }
    }
}

fn total<'a>(slots: impl Iterator<Item = &'a Slot>) -> ArmEvidence {
    let mut sum = ArmEvidence::default();
    slots.for_each(|slot| sum.merge(&slot.evidence));
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
        assert!(window.stable.slots.len() <= 10);
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
