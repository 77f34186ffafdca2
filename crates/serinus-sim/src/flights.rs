//! Requests in flight.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use serinus::observe::Outcome;
use serinus::route::Lease;

/// Requests in flight, the one that ends first on top.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    ends: BinaryHeap<(Reversed, usize)>,
    places: Vec<Option<Flight>>,
    free: Vec<usize>,
}

#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) lease: Lease,
    pub(crate) outcome: Outcome,
    pub(crate) abandoned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Reversed(f64);

impl Eq for Reversed {}

impl PartialOrd for Reversed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Reversed {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.total_cmp(&self.0)
    }
}

impl Flights {
    pub(crate) fn push(&mut self, ends: f64, flight: Flight) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        self.places[place] = Some(flight);
        self.ends.push((Reversed(ends), place));
    }

    pub(crate) fn next_end(&self) -> f64 {
        self.ends.peek().map_or(f64::INFINITY, |(ends, _)| ends.0)
    }

    pub(crate) fn len(&self) -> u64 {
        self.ends.len() as u64
    }

    pub(crate) fn pop(&mut self) -> Option<Flight> {
        let (_, place) = self.ends.pop()?;
        self.free.push(place);
        self.places[place].take()
    }
}
