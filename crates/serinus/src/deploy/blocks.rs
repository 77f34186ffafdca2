//! Blocks of evidence: which requests are compared with which.

use std::collections::VecDeque;

use crate::clock::Timestamp;
use crate::model::VersionId;
use crate::observe::{ArmEvidence, Block, BlockRule, Signals};
use crate::route::{Tally, TrafficSplitter, Turnout};

/// Opens and closes blocks on a splitter, by time and arrivals only, and hands them on in order once every request of
/// theirs has ended or has had its time.
#[derive(Debug)]
pub(crate) struct Blocks {
    stable: VersionId,
    canary: VersionId,
    rule: BlockRule,
    signals: Signals,
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
        rule: BlockRule,
        signals: Signals,
        now: Timestamp,
        splitter: &dyn TrafficSplitter,
    ) -> Self {
        let open = Span { id: splitter.open_block(&signals), opened_at: now };
        Self { stable, canary, rule, signals, open, closed: VecDeque::new(), alone: false }
    }

    /// Ends the open block, whatever it holds: the shares of traffic have changed.
    pub(crate) fn cut(&mut self, now: Timestamp, splitter: &dyn TrafficSplitter) {
        let next = Span { id: splitter.open_block(&self.signals), opened_at: now };
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

    fn block(&self, span: Span, closed_at: Timestamp, splitter: &dyn TrafficSplitter) -> Block {
        let mut tallies = splitter.tally(span.id);
        let (stable_arrivals, stable) = self.settled(tallies.remove(&self.stable));
        let (canary_arrivals, canary) = self.settled(tallies.remove(&self.canary));
        let Span { id, opened_at } = span;
        Block { id, opened_at, closed_at, stable, canary, stable_arrivals, canary_arrivals }
    }

    /// A request that has had its time and has not ended is a failure of the block in which it arrived.
    fn settled(&self, tally: Option<Tally>) -> (u64, ArmEvidence) {
        let Some(mut tally) = tally else { return (0, ArmEvidence::new(&self.signals)) };
        let unfinished = tally.unfinished();
        tally.evidence.time_out(unfinished, &self.signals);
        (tally.arrivals, tally.evidence)
    }
}
