//! Which requests are judged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use thiserror::Error;

use crate::clock::Timestamp;
use crate::observe::{Arm, BlockRule};
use crate::route::sticky_point;

/// Frozen: every router takes the same requests.
const SALT: &str = "serinus/sample";
/// The shares' denominator: the points of the circle.
const CIRCLE: f64 = 4_294_967_296.0;

/// How many requests are judged, and how many are held meanwhile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Answers judged a minute, of both versions together. Default 60. The canary has half of them, or all of its requests
    /// where there are fewer; the stable version has the rest.
    pub per_minute: f64,
    /// Prompts tried on the canary a second while it is in the shadow. Default 5. They run on the canary's replicas beside
    /// nobody's traffic; where both versions share GPUs, users wait for them.
    pub replays_per_second: f64,
    /// Prompts and answers held at a time. Default 1,000. Beyond it a sampled request is let go, and counted.
    pub max_held: usize,
    /// What has not been judged by this time after its block has closed is given up. Default 120 s. A request that has waited
    /// for half of it is not begun any more: where more is sampled than can be judged, the latest are.
    pub deadline: Duration,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { per_minute: 60.0, replays_per_second: 5.0, max_held: 1_000, deadline: Duration::from_secs(120) }
    }
}

/// A sampling that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error("expected {field} to be {expected}, got {got}")]
pub struct SamplingError {
    /// Which field.
    pub field: &'static str,
    /// What is allowed.
    pub expected: &'static str,
    /// What was given.
    pub got: f64,
}

impl Sampling {
    /// The most of a version's requests that one block takes, which is open for so long: before it is known how many arrive,
    /// all would be taken.
    pub(super) fn most(&self, arm: Arm, alone: bool, rule: &BlockRule) -> u64 {
        let share = if arm == Arm::Canary && !alone { 0.5 } else { 1.0 };
        let budget = share * self.per_minute * rule.max_age.as_secs_f64() / 60.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of requests; it saturates"
        )]
        let budget = budget.ceil() as u64;
        budget.max(rule.min_arrivals)
    }

    pub(super) fn check(&self) -> Result<(), SamplingError> {
        let expected = "finite and above 0";
        for (field, got) in [
            ("per_minute", self.per_minute),
            ("replays_per_second", self.replays_per_second),
            ("max_held", self.max_held as f64),
            ("deadline", self.deadline.as_secs_f64()),
        ] {
            if !(got > 0.0 && got.is_finite()) {
                return Err(SamplingError { field, expected, got });
            }
        }
        Ok(())
    }
}

/// Takes requests by a hash of their ids, of each version as large a share as the budget allows. The shares follow the
/// numbers of arrivals, never what comes of them, so that what is judged is a fair sample.
#[derive(Debug)]
pub(super) struct Sampler {
    per_minute: f64,
    stable: Side,
    canary: Side,
}

#[derive(Debug)]
struct Side {
    arrivals: AtomicU64,
    /// Requests whose point is below it are taken.
    below: AtomicU64,
}

impl Side {
    const fn new() -> Self {
        Self { arrivals: AtomicU64::new(0), below: AtomicU64::new(u64::MAX) }
    }

    /// Sets its share to what it may have; gives what of that it uses, a minute.
    fn allow(&self, quota: f64, minutes: f64) -> f64 {
        let rate = self.arrivals.swap(0, Ordering::Relaxed) as f64 / minutes;
        let share = if rate > 0.0 { (quota / rate).min(1.0) } else { 1.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 2^32")]
        self.below.store((share * CIRCLE) as u64, Ordering::Relaxed);
        share * rate
    }
}

impl Sampler {
    pub(super) const fn new(per_minute: f64) -> Self {
        Self { per_minute, stable: Side::new(), canary: Side::new() }
    }

    /// Whether a request is taken; counts its arrival.
    pub(super) fn takes(&self, arm: Arm, request_id: &str) -> bool {
        let side = match arm {
            Arm::Stable => &self.stable,
            Arm::Canary => &self.canary,
        };
        side.arrivals.fetch_add(1, Ordering::Relaxed);
        u64::from(sticky_point(SALT, request_id)) < side.below.load(Ordering::Relaxed)
    }

    /// Sets the shares for the time to come by the arrivals of this one.
    pub(super) fn adjust(&self, lasted: Duration, canary_alone: bool) {
        let minutes = lasted.as_secs_f64() / 60.0;
        if minutes <= 0.0 {
            return;
        }
        let quota = if canary_alone { self.per_minute } else { self.per_minute / 2.0 };
        let used = self.canary.allow(quota, minutes);
        self.stable.allow(self.per_minute - used, minutes);
    }
}

/// Lets so many through a second, and never more than a second's worth at once.
#[derive(Debug)]
pub(super) struct Pace {
    per_second: f64,
    left: f64,
    at: Timestamp,
}

impl Pace {
    pub(super) fn new(per_second: f64, now: Timestamp) -> Self {
        Self { per_second, left: 1.0, at: now }
    }

    pub(super) fn takes(&mut self, now: Timestamp) -> bool {
        let most = self.per_second.max(1.0);
        self.left = (self.left + self.per_second * now.since(self.at).as_secs_f64()).min(most);
        self.at = self.at.max(now);
        let takes = self.left >= 1.0;
        if takes {
            self.left -= 1.0;
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(sampler: &Sampler, arm: Arm, requests: u32) -> usize {
        (0..requests).filter(|n| sampler.takes(arm, &format!("{arm:?}-{n}"))).count()
    }

    #[test]
    fn the_canary_is_judged_as_often_as_the_budget_allows() {
        let sampler = Sampler::new(60.0);
        taken(&sampler, Arm::Stable, 9_800);
        taken(&sampler, Arm::Canary, 20);
        sampler.adjust(Duration::from_secs(60), false);
        // All of the canary's 20, and what is left of the 60 for the stable version: 40 of 9,800, ±5 standard errors.
        assert_eq!(taken(&sampler, Arm::Canary, 20), 20);
        let stable = taken(&sampler, Arm::Stable, 9_800);
        assert!((8..=72).contains(&stable), "{stable}");
        // A busy canary has half.
        taken(&sampler, Arm::Canary, 3_000);
        sampler.adjust(Duration::from_secs(60), false);
        let canary = taken(&sampler, Arm::Canary, 3_020);
        assert!((3..=58).contains(&canary), "{canary}");
    }

    #[test]
    fn the_same_requests_are_taken_everywhere() {
        let (one, other) = (Sampler::new(60.0), Sampler::new(60.0));
        for sampler in [&one, &other] {
            taken(sampler, Arm::Stable, 1_000);
            sampler.adjust(Duration::from_secs(60), false);
        }
        for n in 0..1_000 {
            let id = format!("request-{n}");
            assert_eq!(one.takes(Arm::Stable, &id), other.takes(Arm::Stable, &id));
        }
    }

    #[test]
    fn replays_keep_their_pace() {
        let at = Timestamp::from_secs_f64;
        let mut pace = Pace::new(2.0, at(0.0));
        let taken = |pace: &mut Pace, now| (0..10).filter(|_| pace.takes(at(now))).count();
        assert_eq!(taken(&mut pace, 0.0), 1);
        assert_eq!(taken(&mut pace, 1.0), 2);
        assert_eq!(taken(&mut pace, 1_000.0), 2, "nothing is saved up");
        assert_eq!(taken(&mut pace, 5.0), 0, "a clock that goes back gives nothing");
        let mut slow = Pace::new(0.1, at(0.0));
        assert_eq!((0..100).filter(|s| slow.takes(at(f64::from(*s)))).count(), 10);
    }

    #[test]
    fn a_sampling_that_makes_no_sense_is_refused() {
        let good = Sampling::default();
        assert!(good.check().is_ok());
        for bad in [
            Sampling { per_minute: f64::NAN, ..good },
            Sampling { per_minute: 0.0, ..good },
            Sampling { replays_per_second: -1.0, ..good },
            Sampling { max_held: 0, ..good },
            Sampling { deadline: Duration::ZERO, ..good },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
