//! What happens when.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serinus::host::{Answer, HostCall, HostError, HostReply, Prompt};
use serinus::judge::Ticket;
use serinus::observe::Outcome;
use serinus::rollout::CallId;
use serinus::route::{Lease, RoutingTable};

/// What happens when, the next first; of those due at the same time, the first to have been planned.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    due: BTreeMap<(At, u64), T>,
    planned: u64,
}

/// A time in seconds.
#[derive(Clone, Copy, Debug)]
struct At(f64);

/// What is planned besides requests and ticks.
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

/// A request that is out, and what it will come to.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) lease: Lease,
    pub(crate) outcome: Outcome,
    pub(crate) abandoned: bool,
    /// If its answer is wanted for judging.
    pub(crate) sampled: Option<Sampled>,
}

/// A request whose answer is to be judged, and what that will be.
#[derive(Debug)]
pub(crate) struct Sampled {
    pub(crate) ticket: Ticket,
    pub(crate) prompt: Prompt,
    pub(crate) answer: Answer,
}

impl<T> Agenda<T> {
    pub(crate) const fn new() -> Self {
        Self { due: BTreeMap::new(), planned: 0 }
    }

    pub(crate) fn plan(&mut self, at: f64, what: T) {
        self.planned += 1;
        self.due.insert((At(at), self.planned), what);
    }

    pub(crate) fn next_at(&self) -> f64 {
        self.due.first_key_value().map_or(f64::INFINITY, |((at, _), _)| at.0)
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        self.due.pop_first().map(|(_, what)| what)
    }

    pub(crate) fn len(&self) -> u64 {
        self.due.len() as u64
    }

    pub(crate) fn clear(&mut self) {
        self.due.clear();
    }
}

impl Agenda<Due> {
    /// A process dies: nobody waits for its calls any more.
    pub(crate) fn forget_answers(&mut self) {
        self.due.retain(|_, what| !matches!(what, Due::Answer { .. }));
    }
}

impl Ord for At {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for At {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for At {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_by_time_and_then_by_when_it_was_planned() {
        let mut agenda = Agenda::new();
        for (at, what) in [(2.0, "c"), (1.0, "a"), (2.0, "d"), (1.5, "b")] {
            agenda.plan(at, what);
        }
        assert_eq!((agenda.next_at(), agenda.len()), (1.0, 4));
        assert_eq!(std::iter::from_fn(|| agenda.pop()).collect::<String>(), "abcd");
        assert_eq!(agenda.next_at(), f64::INFINITY);
    }
}
