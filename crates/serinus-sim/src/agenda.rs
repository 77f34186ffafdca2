//! What is to happen when.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use serinus::host::{HostCall, HostError, HostReply};
use serinus::rollout::CallId;
use serinus::route::RoutingTable;

/// What is to happen, the next on top; of those due at the same time, the first to have been planned.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    items: BinaryHeap<Item>,
    planned: u64,
}

impl Agenda {
    pub(crate) fn plan(&mut self, at: f64, what: Due) {
        self.planned += 1;
        self.items.push(Item { at, order: self.planned, what });
    }

    pub(crate) fn next_at(&self) -> f64 {
        self.items.peek().map_or(f64::INFINITY, |item| item.at)
    }

    pub(crate) fn pop(&mut self) -> Option<Due> {
        self.items.pop().map(|item| item.what)
    }

    /// A process dies: nobody waits for its calls any more.
    pub(crate) fn forget_answers(&mut self) {
        self.items.retain(|item| !matches!(item.what, Due::Answer { .. }));
    }
}

#[derive(Debug)]
struct Item {
    at: f64,
    order: u64,
    what: Due,
}

#[derive(Debug)]
pub(crate) enum Due {
    Answer { call: CallId, what: HostCall, result: Result<HostReply, HostError> },
    Table(Box<RoutingTable>),
    Crash,
    Recovery,
    Jump(f64),
    ReplicaDies,
    ReplicaIsBack,
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Item {}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Item {
    /// The greatest of a heap is the one to come first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.total_cmp(&self.at).then(other.order.cmp(&self.order))
    }
}
