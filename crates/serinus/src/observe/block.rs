//! Blocks: the stretches of concurrent traffic within which two versions are compared.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::evidence::ArmEvidence;
use super::outcome::{End, Outcome};
use super::pair::Pair;
use super::signal::Signals;
use crate::clock::Timestamp;

/// One side of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arm {
    /// The version that users have.
    Stable,
    /// The version that is tried.
    Canary,
}

/// What both versions did with the requests that arrived over the same stretch of time.
///
/// Two versions are compared inside a block only, never over blocks added together: while the canary's share grows and
/// the load changes through the day, sums over hours compare one version's morning with the other's noon, and find
/// differences between identical versions (Simpson's paradox).
///
/// A request belongs to the block in which it *arrived*, however late it finishes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// Counts the blocks of one rollout.
    pub id: u64,
    /// When the block was opened.
    pub opened_at: Timestamp,
    /// When it was closed to further arrivals.
    pub closed_at: Timestamp,
    /// What the stable version's requests came to.
    pub stable: ArmEvidence,
    /// What the canary's requests came to.
    pub canary: ArmEvidence,
    /// Requests that arrived at the stable version within their user's share, abandoned and cancelled ones included.
    pub stable_arrivals: u64,
    /// Requests that arrived at the canary within their user's share, abandoned and cancelled ones included.
    pub canary_arrivals: u64,
    /// Requests to the stable version that left no evidence, as they were beyond their user's share.
    pub stable_capped: u64,
    /// Requests to the canary that left no evidence, as they were beyond their user's share.
    pub canary_capped: u64,
    /// Whether it holds reviews of answers (a judge's, a user's) and not the requests themselves, which another block has.
    #[serde(default)]
    pub reviews: bool,
    /// How the canary's answers to the same prompts fared, in an order that has nothing to do with it: that in which the
    /// prompts were taken.
    #[serde(default)]
    pub pairs: Vec<Pair>,
}

impl Block {
    /// A block without requests.
    pub fn empty(id: u64, opened_at: Timestamp) -> Self {
        Self {
            id,
            opened_at,
            closed_at: opened_at,
            stable: ArmEvidence::default(),
            canary: ArmEvidence::default(),
            stable_arrivals: 0,
            canary_arrivals: 0,
            stable_capped: 0,
            canary_capped: 0,
            reviews: false,
            pairs: Vec::new(),
        }
    }

    /// A block for reviews.
    pub fn of_reviews(id: u64, opened_at: Timestamp) -> Self {
        Self { reviews: true, ..Self::empty(id, opened_at) }
    }

    /// Adds what both versions did elsewhere over the same stretch of time: another router's part of the block. The block
    /// keeps its number, and reaches from the earlier beginning to the later end.
    pub fn merge(&mut self, other: &Self) {
        self.opened_at = self.opened_at.min(other.opened_at);
        self.closed_at = self.closed_at.max(other.closed_at);
        self.stable.merge(&other.stable);
        self.canary.merge(&other.canary);
        self.stable_arrivals = self.stable_arrivals.saturating_add(other.stable_arrivals);
        self.canary_arrivals = self.canary_arrivals.saturating_add(other.canary_arrivals);
        self.stable_capped = self.stable_capped.saturating_add(other.stable_capped);
        self.canary_capped = self.canary_capped.saturating_add(other.canary_capped);
        self.pairs.extend(&other.pairs);
    }
}

/// When a block closes: by time and arrivals alone. If outcomes had a say, the comparison would be biased by when one
/// chose to look.
///
/// ```
/// use std::time::Duration;
/// use serinus::observe::BlockRule;
///
/// let rule = BlockRule::default();
/// let second = Duration::from_secs(1);
/// assert!(rule.closes(second, 380, 20), "enough arrivals on both");
/// assert!(!rule.closes(second, 380, 19));
/// assert!(rule.closes(60 * second, 380, 1), "old enough");
/// assert!(!rule.closes(3_600 * second, 9_000, 0), "one version alone is no comparison");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockRule {
    /// A block of this age closes as soon as both versions have an arrival. Default 60 s; at low traffic much shorter
    /// blocks seldom hold both versions, and the evidence of those that don't is lost.
    pub max_age: Duration,
    /// A block closes sooner once each version has this many arrivals. Default 20.
    pub min_arrivals: u64,
    /// A request that has not finished by this time after its arrival counts as timed out. Default 120 s. A block is
    /// judged only when all of its requests have finished or timed out, so a longer time delays every verdict.
    pub request_timeout: Duration,
}

impl Default for BlockRule {
    fn default() -> Self {
        Self { max_age: Duration::from_secs(60), min_arrivals: 20, request_timeout: Duration::from_secs(120) }
    }
}

impl BlockRule {
    /// Whether a block of this age and these arrivals closes. Where one version stands alone (after its promotion), give
    /// its arrivals for both.
    pub fn closes(&self, age: Duration, stable_arrivals: u64, canary_arrivals: u64) -> bool {
        let fewer = stable_arrivals.min(canary_arrivals);
        fewer > 0 && (age >= self.max_age || fewer >= self.min_arrivals)
    }
}

/// Makes blocks out of requests that are reported after the fact, with arrival and end at once.
///
/// Blocks close when a request is added, never by the mere passing of time: so looking more often changes nothing.
#[derive(Clone, Debug)]
pub struct BlockBuilder {
    rule: BlockRule,
    signals: Signals,
    open: Option<Block>,
    next_id: u64,
    canary_alone: bool,
}

impl BlockBuilder {
    /// Makes blocks by this rule, counting these signals.
    pub fn new(rule: BlockRule, signals: Signals) -> Self {
        Self { rule, signals, open: None, next_id: 0, canary_alone: false }
    }

    /// Adds a request; returns the block that it closes, if it does. A request that arrived before the open block was
    /// opened counts into the open block.
    pub fn add(&mut self, arm: Arm, outcome: Outcome, arrived_at: Timestamp) -> Option<Block> {
        let closed_before = self.close_if_complete(arrived_at);
        self.put(arm, outcome, arrived_at);
        closed_before.or_else(|| self.close_if_complete(arrived_at))
    }

    /// Adds a request to the open block, which stays open.
    pub(crate) fn put(&mut self, arm: Arm, outcome: Outcome, arrived_at: Timestamp) {
        let block = open_at(&mut self.open, &mut self.next_id, arrived_at);
        let (evidence, arrivals) = match arm {
            Arm::Stable => (&mut block.stable, &mut block.stable_arrivals),
            Arm::Canary => (&mut block.canary, &mut block.canary_arrivals),
        };
        *arrivals += 1;
        evidence.record(&End::Finished(outcome), &self.signals);
    }

    /// Counts a request that leaves no evidence, as it is beyond its user's share.
    pub fn add_capped(&mut self, arm: Arm, arrived_at: Timestamp) {
        let block = open_at(&mut self.open, &mut self.next_id, arrived_at);
        match arm {
            Arm::Stable => block.stable_capped += 1,
            Arm::Canary => block.canary_capped += 1,
        }
    }

    /// Ends the open block where the traffic shares change, and returns it.
    pub fn end_stage(&mut self, now: Timestamp) -> Option<Block> {
        self.take(now)
    }

    /// From here on the canary has all the traffic, and blocks close by its arrivals alone.
    pub fn canary_alone(&mut self) {
        self.canary_alone = true;
    }

    /// Closes the open block, if it may be closed.
    pub(crate) fn close_if_complete(&mut self, now: Timestamp) -> Option<Block> {
        let block = self.open.as_ref()?;
        let canary = block.canary_arrivals;
        let stable = if self.canary_alone { canary } else { block.stable_arrivals };
        if self.rule.closes(now.since(block.opened_at), stable, canary) { self.take(now) } else { None }
    }

    fn take(&mut self, now: Timestamp) -> Option<Block> {
        let block = self.open.take()?;
        Some(Block { closed_at: now.max(block.opened_at), ..block })
    }
}

/// The open block, or another one that opens with this arrival.
fn open_at<'a>(open: &'a mut Option<Block>, next_id: &mut u64, arrived_at: Timestamp) -> &'a mut Block {
    open.get_or_insert_with(|| {
        *next_id += 1;
        Block::empty(*next_id - 1, arrived_at)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::observe::{Errors, Signal};

    fn builder() -> BlockBuilder {
        BlockBuilder::new(BlockRule::default(), [Arc::new(Errors) as Arc<dyn Signal>].into_iter().collect())
    }

    fn at(seconds: u32) -> Timestamp {
        Timestamp::from_secs_f64(f64::from(seconds))
    }

    #[test]
    fn a_block_closes_with_enough_arrivals_on_both() {
        let mut builder = builder();
        for _ in 0..20 {
            assert_eq!(builder.add(Arm::Stable, Outcome::ok(), at(1)), None);
        }
        for _ in 0..19 {
            assert_eq!(builder.add(Arm::Canary, Outcome::ok(), at(2)), None);
        }
        let block = builder.add(Arm::Canary, Outcome::error(), at(3)).unwrap();
        assert_eq!((block.id, block.stable_arrivals, block.canary_arrivals), (0, 20, 20));
        assert_eq!((block.opened_at, block.closed_at), (at(1), at(3)));
        assert_eq!(block.canary.total().rates()[0].failures(), 1);
    }

    #[test]
    fn an_old_block_closes_before_the_request_that_finds_it_old() {
        let mut builder = builder();
        builder.add(Arm::Stable, Outcome::ok(), at(0));
        builder.add(Arm::Canary, Outcome::ok(), at(1));
        let block = builder.add(Arm::Stable, Outcome::ok(), at(500)).unwrap();
        assert_eq!(block.stable_arrivals, 1);
        builder.add(Arm::Canary, Outcome::ok(), at(501));
        let second = builder.add(Arm::Stable, Outcome::ok(), at(560)).unwrap();
        assert_eq!((second.id, second.opened_at, second.stable_arrivals), (1, at(500), 1));
    }

    #[test]
    fn one_version_alone_never_closes_a_block() {
        let mut builder = builder();
        for second in 0..1_000 {
            assert_eq!(builder.add(Arm::Stable, Outcome::ok(), at(second)), None);
        }
        let block = builder.add(Arm::Canary, Outcome::ok(), at(1_000)).unwrap();
        assert_eq!((block.stable_arrivals, block.canary_arrivals), (1_000, 1));
    }

    #[test]
    fn late_requests_count_into_the_open_block() {
        let mut builder = builder();
        builder.add(Arm::Stable, Outcome::ok(), at(100));
        assert_eq!(builder.add(Arm::Canary, Outcome::ok(), at(10)), None);
        let block = builder.add(Arm::Canary, Outcome::ok(), at(160)).unwrap();
        assert_eq!((block.opened_at, block.canary_arrivals), (at(100), 1));
    }

    #[test]
    fn a_stage_ends_its_block() {
        let mut builder = builder();
        assert_eq!(builder.end_stage(at(1)), None);
        builder.add(Arm::Stable, Outcome::ok(), at(2));
        builder.add(Arm::Canary, Outcome::ok(), at(3));
        builder.add_capped(Arm::Canary, at(3));
        let block = builder.end_stage(at(4)).unwrap();
        assert_eq!((block.opened_at, block.closed_at, block.stable_arrivals), (at(2), at(4), 1));
        assert_eq!((block.canary_arrivals, block.canary_capped, block.stable_capped), (1, 1, 0));
        assert_eq!(builder.end_stage(at(5)), None);
    }

    #[test]
    fn routers_parts_of_a_block_make_the_whole() {
        let mut parts = [builder(), builder()];
        let mut whole = builder();
        for i in 0..30u32 {
            let arm = if i % 3 == 0 { Arm::Canary } else { Arm::Stable };
            let outcome = Outcome::ok().latency_ms(f64::from(100 + i)).stratum((i % 2) as u8);
            assert_eq!(parts[i as usize % 2].add(arm, outcome, at(i)), None);
            assert_eq!(whole.add(arm, outcome, at(i)), None);
        }
        let mut merged = parts[0].end_stage(at(40)).unwrap();
        merged.merge(&parts[1].end_stage(at(50)).unwrap());
        assert_eq!(merged, whole.end_stage(at(50)).unwrap());
    }

    #[test]
    fn a_promoted_version_fills_blocks_alone() {
        let mut builder = builder();
        builder.canary_alone();
        let closed = (0..40).filter_map(|s| builder.add(Arm::Canary, Outcome::ok(), at(s))).count();
        assert_eq!(closed, 2);
    }
}
