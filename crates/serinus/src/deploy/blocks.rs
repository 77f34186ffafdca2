//! Blocks of evidence: which requests are compared with which.

use std::collections::VecDeque;

use crate::clock::Timestamp;
use crate::evaluate::CanaryEvaluator;
use crate::model::VersionId;
use crate::observe::{Block, BlockRule, Renewal, Signals};
use crate::route::{Tally, TrafficSplitter, Turnout};

/// Opens and closes blocks on a splitter, by time and arrivals only, and hands them on in order once every request of
/// theirs has ended or has had its time.
#[derive(Debug)]
pub(crate) struct Blocks {
    stable: VersionId,
    canary: VersionId,
    rule: BlockRule,
    signals: Signals,
    shares: Renewal,
    open: Span,
    closed: VecDeque<(Span, Timestamp)>,
    /// Whether the canary has all the traffic: a block then needs no stable request.
    alone: bool,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    id: u64,
    opened_at: Timestamp,
}

impl Blocks {
    pub(crate) fn new(
        (stable, canary): (VersionId, VersionId),
        evaluator: &dyn CanaryEvaluator,
        now: Timestamp,
        splitter: &dyn TrafficSplitter,
    ) -> Self {
        let signals = evaluator.signals();
        let mut shares = Renewal::new(evaluator.user_cap(), now);
        let open = Span { id: splitter.open_block(&signals, shares.at(now)), opened_at: now };
        let rule = evaluator.block_rule();
        Self { stable, canary, rule, signals, shares, open, closed: VecDeque::new(), alone: false }
    }

    /// Ends the open block, whatever it holds: the shares of traffic have changed. All users have their share again.
    pub(crate) fn begin_stage(&mut self, now: Timestamp, splitter: &dyn TrafficSplitter) {
        self.shares.renew(now);
        self.cut(now, splitter);
    }

    fn cut(&mut self, now: Timestamp, splitter: &dyn TrafficSplitter) {
        let next = Span { id: splitter.open_block(&self.signals, self.shares.at(now)), opened_at: now };
        self.closed.push_back((std::mem::replace(&mut self.open, next), now));
    }

    /// From here on the canary has all the traffic.
    pub(crate) fn canary_alone(&mut self) {
        self.alone = true;
    }

    /// Closes the open block if its time has come, and gives the blocks that are complete.
    pub(crate) fn collect(&mut self, now: Timestamp, splitter: &dyn TrafficSplitter) -> Vec<Block> {
        let (stable, canary) = self.turnouts(self.open.id, splitter);
        let stable_arrivals = if self.alone { canary.arrivals } else { stable.arrivals };
        if self.rule.closes(now.since(self.open.opened_at), stable_arrivals, canary.arrivals) {
            self.cut(now, splitter);
        }
        let mut complete = Vec::new();
        // In order: the bet on a block may use the blocks before it and no others.
        while let Some(&(span, closed_at)) = self.closed.front() {
            let (stable, canary) = self.turnouts(span.id, splitter);
            let waited = now.since(closed_at) >= self.rule.request_timeout;
            if stable.unfinished + canary.unfinished > 0 && !waited {
                break;
            }
            complete.push(self.block(span, closed_at, splitter));
            splitter.discard_blocks_through(span.id);
            self.closed.pop_front();
        }
        complete
    }

    fn turnouts(&self, block: u64, splitter: &dyn TrafficSplitter) -> (Turnout, Turnout) {
        let turnouts = splitter.turnout(block);
        let of = |version| turnouts.get(version).copied().unwrap_or_default();
        (of(&self.stable), of(&self.canary))
    }

    /// A request that has had its time and has not ended is a failure of the block in which it arrived.
    fn block(&self, span: Span, closed_at: Timestamp, splitter: &dyn TrafficSplitter) -> Block {
        let mut tallies = splitter.tally(span.id);
        let mut settled = |version| {
            let mut tally: Tally = tallies.remove(version).unwrap_or_default();
            tally.evidence.time_out(tally.unfinished(), &self.signals);
            tally
        };
        let (stable, canary) = (settled(&self.stable), settled(&self.canary));
        Block {
            closed_at,
            stable: stable.evidence,
            canary: canary.evidence,
            stable_arrivals: stable.arrivals,
            canary_arrivals: canary.arrivals,
            stable_capped: stable.capped,
            canary_capped: canary.capped,
            ..Block::empty(span.id, span.opened_at)
        }
    }
}
