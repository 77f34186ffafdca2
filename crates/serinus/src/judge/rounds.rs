//! Blocks of reviews: answers are compared with answers to requests that arrived over the same stretch of time, however
//! long it took to judge them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::observe::{Arm, Block, BlockRule, Outcome, Pair, Signals};

/// Gathers reviews in blocks by the arrival of their requests.
#[derive(Debug)]
pub(super) struct Rounds {
    rule: BlockRule,
    /// What is missing by this time after a block has closed is given up.
    wait: Duration,
    signals: Signals,
    open: Option<Round>,
    closed: VecDeque<Round>,
    next_round: u64,
    taken: u64,
    alone: bool,
}

/// Where a review belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    round: u64,
    /// Its number in the order in which requests were taken.
    number: u64,
    arm: Arm,
}

impl Place {
    pub(super) const fn arm(self) -> Arm {
        self.arm
    }

    /// Whether it was taken in this block or a later one.
    pub(super) const fn is_since(self, round: u64) -> bool {
        self.round >= round
    }
}

#[derive(Debug)]
struct Round {
    block: Block,
    taken: [u64; 2],
    settled: u64,
    pairs: BTreeMap<u64, Pair>,
}

impl Round {
    fn is_settled(&self) -> bool {
        self.settled >= self.taken[0] + self.taken[1]
    }

    fn into_block(self) -> Block {
        Block { pairs: self.pairs.into_values().collect(), ..self.block }
    }
}

impl Rounds {
    pub(super) fn new(rule: BlockRule, wait: Duration, signals: Signals) -> Self {
        Self { rule, wait, signals, open: None, closed: VecDeque::new(), next_round: 0, taken: 0, alone: false }
    }

    /// From here on the canary has all the traffic.
    pub(super) fn canary_alone(&mut self) {
        self.alone = true;
    }

    pub(super) const fn is_alone(&self) -> bool {
        self.alone
    }

    pub(super) const fn rule(&self) -> &BlockRule {
        &self.rule
    }

    /// The number of the block that opens next.
    pub(super) const fn next(&self) -> u64 {
        self.next_round
    }

    /// How many requests of a version the open block has taken.
    pub(super) fn taken(&self, arm: Arm) -> u64 {
        self.open.as_ref().map_or(0, |round| round.taken[arm as usize])
    }

    /// Takes a request that has just arrived.
    pub(super) fn take(&mut self, arm: Arm, now: Timestamp) -> Place {
        let round = self.open.get_or_insert_with(|| {
            self.next_round += 1;
            let block = Block::of_reviews(self.next_round - 1, now);
            Round { block, taken: [0; 2], settled: 0, pairs: BTreeMap::new() }
        });
        round.taken[arm as usize] += 1;
        self.taken += 1;
        Place { round: round.block.id, number: self.taken - 1, arm }
    }

    /// Adds a review; false if its block has been closed for good.
    pub(super) fn review(&mut self, place: Place, review: &Outcome) -> bool {
        self.settle(place, |round, signals| match place.arm {
            Arm::Stable => round.block.stable.review(review, signals),
            Arm::Canary => round.block.canary.review(review, signals),
        })
    }

    /// Adds what became of a pair: reviews of both answers, and which one was better if that is known.
    pub(super) fn pair(&mut self, place: Place, pair: Option<Pair>, stable: &Outcome, canary: &Outcome) -> bool {
        self.settle(place, |round, signals| {
            round.block.stable.review(stable, signals);
            round.block.canary.review(canary, signals);
            if let Some(pair) = pair {
                round.pairs.insert(place.number, pair);
            }
        })
    }

    /// A request that was taken will have no review.
    pub(super) fn give_up(&mut self, place: Place) {
        self.settle(place, |_, _| {});
    }

    fn settle(&mut self, place: Place, add: impl FnOnce(&mut Round, &Signals)) -> bool {
        let round = self.closed.iter_mut().chain(&mut self.open).find(|round| round.block.id == place.round);
        let Some(round) = round else { return false };
        add(round, &self.signals);
        round.settled += 1;
        true
    }

    /// Whether there is anything to be cut off.
    pub(super) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Ends the open block, whatever it holds.
    pub(super) fn cut(&mut self, now: Timestamp) {
        if let Some(mut round) = self.open.take() {
            round.block.closed_at = now.max(round.block.opened_at);
            self.closed.push_back(round);
        }
    }

    /// Closes the open block if its time has come; says how long it was open if so.
    pub(super) fn close_if_due(&mut self, now: Timestamp) -> Option<Duration> {
        let round = self.open.as_ref()?;
        let [stable, canary] = round.taken;
        let age = now.since(round.block.opened_at);
        if !self.rule.closes(age, if self.alone { canary } else { stable }, canary) {
            return None;
        }
        self.cut(now);
        Some(age)
    }

    /// The blocks that are complete, in order, and how many reviews are missing from them.
    pub(super) fn collect(&mut self, now: Timestamp) -> (Vec<Block>, u64) {
        let (mut complete, mut missing) = (Vec::new(), 0);
        while let Some(round) = self.closed.front() {
            if !round.is_settled() && now.since(round.block.closed_at) < self.wait {
                break;
            }
            missing += (round.taken[0] + round.taken[1]).saturating_sub(round.settled);
            complete.extend(self.closed.pop_front().map(Round::into_block));
        }
        (complete, missing)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::observe::{Failures, Signal};

    fn rounds() -> Rounds {
        let signals = [Arc::new(Failures) as Arc<dyn Signal>].into_iter().collect();
        Rounds::new(BlockRule::default(), Duration::from_secs(120), signals)
    }

    fn at(seconds: u32) -> Timestamp {
        Timestamp::from_secs_f64(f64::from(seconds))
    }

    fn failed() -> Outcome {
        Outcome::ok().passed(false)
    }

    #[test]
    fn a_review_belongs_to_the_block_in_which_its_request_arrived() {
        let mut rounds = rounds();
        let early = rounds.take(Arm::Canary, at(0));
        let beside = rounds.take(Arm::Stable, at(1));
        assert_eq!(rounds.close_if_due(at(59)), None);
        assert_eq!(rounds.close_if_due(at(60)), Some(Duration::from_secs(60)));
        let late = rounds.take(Arm::Canary, at(61));
        assert!(rounds.review(late, &failed()));
        assert!(rounds.review(beside, &failed()));
        assert!(rounds.collect(at(62)).0.is_empty(), "one is still being judged");
        assert!(rounds.review(early, &failed()));
        let (blocks, missing) = rounds.collect(at(63));
        assert_eq!((blocks.len(), missing), (1, 0));
        assert!(blocks[0].reviews);
        assert_eq!((blocks[0].canary.reviewed(), blocks[0].stable.reviewed()), (1, 1));
    }

    #[test]
    fn what_is_not_judged_in_time_is_given_up() {
        let mut rounds = rounds();
        let (slow, quick) = (rounds.take(Arm::Canary, at(0)), rounds.take(Arm::Stable, at(0)));
        rounds.give_up(quick);
        rounds.cut(at(10));
        assert!(rounds.collect(at(129)).0.is_empty());
        let (blocks, missing) = rounds.collect(at(130));
        assert_eq!((blocks.len(), missing), (1, 1));
        assert!(!rounds.review(slow, &failed()), "too late");
    }

    #[test]
    fn pairs_come_in_the_order_in_which_they_were_taken() {
        let mut rounds = rounds();
        let places: Vec<_> = (0..3).map(|_| rounds.take(Arm::Stable, at(0))).collect();
        for (place, pair) in [(2, Some(Pair::Win)), (0, Some(Pair::Loss)), (1, None)] {
            assert!(rounds.pair(places[place], pair, &Outcome::ok(), &failed()));
        }
        rounds.cut(at(1));
        let block = rounds.collect(at(1)).0.pop().unwrap();
        assert_eq!(block.pairs, [Pair::Loss, Pair::Win]);
        assert_eq!((block.stable.reviewed(), block.canary.reviewed()), (3, 3));
    }
}
