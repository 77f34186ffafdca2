//! Time as it was really held.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// The longest step that counts in full. A clock that jumps an hour ahead has not held a stage for an hour.
const LONGEST_STEP: Duration = Duration::from_secs(300);

/// The sum of the forward steps of a clock. It stands still with the clock, ignores a step back, and cuts a leap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    last: Option<Timestamp>,
    total: Duration,
}

impl Held {
    /// Moves on to `now` and gives the step.
    pub(crate) fn advance(&mut self, now: Timestamp) -> Duration {
        let step = self.last.map_or(Duration::ZERO, |last| now.since(last)).min(LONGEST_STEP);
        self.last = Some(now);
        self.total += step;
        step
    }

    /// What passes until the next step is not held: nobody was there.
    pub(crate) fn interrupt(&mut self) {
        self.last = None;
    }

    /// All time held so far.
    pub(crate) fn total(&self) -> Duration {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_forward_steps_count_and_leaps_are_cut() {
        let mut held = Held::default();
        let at = Timestamp::from_secs_f64;
        for (now, total) in [(100.0, 0), (101.0, 1), (101.0, 1), (50.0, 1), (52.0, 3), (90_000.0, 303)] {
            held.advance(at(now));
            assert_eq!(held.total(), Duration::from_secs(total), "at {now}");
        }
        held.interrupt();
        held.advance(at(90_100.0));
        held.advance(at(90_101.0));
        assert_eq!(held.total(), Duration::from_secs(304), "what passed while nobody was there does not count");
    }
}
