//! What one version's requests add up to.

use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::moments::Moments;
use super::outcome::{End, Outcome};
use super::signal::Signals;
use serinus_stats::sequential::Count;

/// What one version's requests add up to: for each signal how many failed, and the distributions of latencies, lengths
/// and scores. Its memory is bounded (some kilobytes, see [`Histogram`]) whatever the traffic.
///
/// ```
/// use std::sync::Arc;
/// use serinus::observe::{ArmEvidence, End, Errors, Outcome, Signal, Signals};
///
/// let signals: Signals = [Arc::new(Errors) as Arc<dyn Signal>].into_iter().collect();
/// let mut evidence = ArmEvidence::new(&signals);
/// evidence.record(&End::Finished(Outcome::ok().latency_ms(830.0)), &signals);
/// evidence.record(&End::Finished(Outcome::error()), &signals);
/// evidence.record(&End::Abandoned, &signals);
/// evidence.time_out(1, &signals);
///
/// assert_eq!(evidence.requests(), 3, "two finished, one timed out");
/// assert_eq!((evidence.rates()[0].failures(), evidence.rates()[0].trials()), (2, 3));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArmEvidence {
    finished: u64,
    abandoned: u64,
    cancelled: u64,
    timed_out: u64,
    invalid: u64,
    rates: Vec<Count>,
    latency: Histogram,
    ttft: Histogram,
    tokens: Moments,
    quality: Moments,
}

impl ArmEvidence {
    /// No evidence yet, with a count for each signal.
    pub fn new(signals: &Signals) -> Self {
        Self { rates: vec![Count::default(); signals.len()], ..Self::default() }
    }

    /// Adds one request's end. `signals` must be the ones this evidence was made with; surplus ones are not counted.
    ///
    /// Latencies of requests that ended in an error are left out: a version that fails fast is not a fast version.
    pub fn record(&mut self, end: &End, signals: &Signals) {
        match end {
            End::Finished(outcome) => self.record_outcome(outcome, signals),
            End::Abandoned => self.abandoned += 1,
            End::Cancelled => self.cancelled += 1,
        }
    }

    fn record_outcome(&mut self, outcome: &Outcome, signals: &Signals) {
        self.finished += 1;
        let outcome = &self.without_invalid(outcome);
        for (rate, signal) in self.rates.iter_mut().zip(signals.iter()) {
            if let Some(failed) = signal.failed(outcome) {
                rate.add_trial(failed);
            }
        }
        if let Some(tokens) = outcome.tokens {
            self.tokens.record(f64::from(tokens));
        }
        if let Some(quality) = outcome.quality {
            self.quality.record(quality);
        }
        if !outcome.error {
            if let Some(latency_ms) = outcome.latency_ms {
                self.latency.record(latency_ms);
            }
            if let Some(ttft_ms) = outcome.ttft_ms {
                self.ttft.record(ttft_ms);
            }
        }
    }

    /// The outcome with impossible values taken as unmeasured, and counted.
    fn without_invalid(&mut self, outcome: &Outcome) -> Outcome {
        let mut checked = *outcome;
        let mut check = |value: &mut Option<f64>, greatest: f64| {
            if value.is_some_and(|value| !(0.0..=greatest).contains(&value)) {
                *value = None;
                self.invalid += 1;
            }
        };
        check(&mut checked.latency_ms, f64::MAX);
        check(&mut checked.ttft_ms, f64::MAX);
        check(&mut checked.quality, 1.0);
        checked
    }

    /// Adds `n` requests that never finished: each counts for the signals as [`Outcome::error`] does.
    pub fn time_out(&mut self, n: u64, signals: &Signals) {
        self.timed_out = self.timed_out.saturating_add(n);
        for (rate, signal) in self.rates.iter_mut().zip(signals.iter()) {
            if let Some(failed) = signal.failed(&Outcome::error()) {
                // Never more failures than trials.
                rate.merge(Count::new(if failed { n } else { 0 }, n).unwrap_or_default());
            }
        }
    }

    /// Adds other evidence of the same version, gathered with the same signals.
    pub fn merge(&mut self, other: &Self) {
        self.finished = self.finished.saturating_add(other.finished);
        self.abandoned = self.abandoned.saturating_add(other.abandoned);
        self.cancelled = self.cancelled.saturating_add(other.cancelled);
        self.timed_out = self.timed_out.saturating_add(other.timed_out);
        self.invalid = self.invalid.saturating_add(other.invalid);
        if self.rates.len() < other.rates.len() {
            self.rates.resize(other.rates.len(), Count::default());
        }
        for (rate, theirs) in self.rates.iter_mut().zip(&other.rates) {
            rate.merge(*theirs);
        }
        self.latency.merge(&other.latency);
        self.ttft.merge(&other.ttft);
        self.tokens.merge(&other.tokens);
        self.quality.merge(&other.quality);
    }

    /// Requests that say something of the version: finished or timed out.
    pub const fn requests(&self) -> u64 {
        self.finished.saturating_add(self.timed_out)
    }

    /// Requests whose lease has ended, in whatever way.
    pub const fn ended(&self) -> u64 {
        self.finished.saturating_add(self.abandoned).saturating_add(self.cancelled)
    }

    /// Requests that ran to their end, errors included.
    pub const fn finished(&self) -> u64 {
        self.finished
    }

    /// Requests whose client went away.
    pub const fn abandoned(&self) -> u64 {
        self.abandoned
    }

    /// Requests that were stopped, to be tried again elsewhere.
    pub const fn cancelled(&self) -> u64 {
        self.cancelled
    }

    /// Requests that never finished.
    pub const fn timed_out(&self) -> u64 {
        self.timed_out
    }

    /// Reported values that could not be right and were left out.
    pub const fn invalid(&self) -> u64 {
        self.invalid
    }

    /// For each signal, in its order, the requests that failed among those it says something of.
    pub fn rates(&self) -> &[Count] {
        &self.rates
    }

    /// Latencies of answered requests, in milliseconds.
    pub const fn latency(&self) -> &Histogram {
        &self.latency
    }

    /// Times to the first token of answered requests, in milliseconds.
    pub const fn ttft(&self) -> &Histogram {
        &self.ttft
    }

    /// Lengths of the responses, in tokens.
    pub const fn tokens(&self) -> &Moments {
        &self.tokens
    }

    /// Scores of the answers, in [0, 1].
    pub const fn quality(&self) -> &Moments {
        &self.quality
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::observe::{Errors, Failures, Signal};

    fn signals() -> Signals {
        [Arc::new(Errors) as Arc<dyn Signal>, Arc::new(Failures)].into_iter().collect()
    }

    fn of(ends: &[End]) -> ArmEvidence {
        let signals = signals();
        let mut evidence = ArmEvidence::new(&signals);
        for end in ends {
            evidence.record(end, &signals);
        }
        evidence
    }

    #[test]
    fn impossible_values_are_counted_and_left_out() {
        let bad = [
            Outcome::ok().latency_ms(f64::NAN),
            Outcome::ok().latency_ms(f64::INFINITY),
            Outcome::ok().ttft_ms(-1.0),
            Outcome::ok().quality(1.01),
            Outcome::ok().quality(f64::NAN),
        ];
        let evidence = of(&bad.map(End::Finished));
        assert_eq!(evidence.invalid(), 5);
        assert_eq!(evidence.finished(), 5);
        assert_eq!(evidence.latency().count() + evidence.ttft().count() + evidence.quality().count(), 0);
        assert_eq!(evidence.rates()[0].trials(), 5, "the requests themselves still count");
    }

    #[test]
    fn abandoned_and_cancelled_requests_are_no_evidence() {
        let evidence = of(&[End::Abandoned, End::Cancelled]);
        assert_eq!((evidence.abandoned(), evidence.cancelled(), evidence.requests()), (1, 1, 0));
        assert!(evidence.rates().iter().all(|rate| rate.trials() == 0));
    }

    #[test]
    fn a_request_that_never_finished_is_an_error_and_was_never_judged() {
        let mut evidence = of(&[]);
        evidence.time_out(3, &signals());
        assert_eq!(evidence.timed_out(), 3);
        assert_eq!((evidence.rates()[0].failures(), evidence.rates()[0].trials()), (3, 3));
        assert_eq!(evidence.rates()[1].trials(), 0);
    }

    #[test]
    fn a_fast_error_does_not_make_the_version_look_fast() {
        let evidence = of(&[End::Finished(Outcome::error().latency_ms(1.0)), End::Finished(Outcome::ok())]);
        assert_eq!(evidence.latency().count(), 0);
    }

    #[test]
    fn stored_counts_at_their_limit_do_not_overflow() {
        let mut stored = serde_json::to_value(of(&[End::Abandoned])).unwrap();
        for count in ["finished", "timed_out", "abandoned", "invalid"] {
            stored[count] = u64::MAX.into();
        }
        stored["tokens"]["count"] = u64::MAX.into();
        let mut evidence: ArmEvidence = serde_json::from_value(stored).unwrap();
        evidence.merge(&evidence.clone());
        evidence.time_out(1, &signals());
        assert_eq!(evidence.requests(), u64::MAX);
    }

    fn an_end() -> impl Strategy<Value = End> {
        let outcome = (any::<bool>(), prop::option::of(any::<bool>()), prop::option::of(-1.0..1e6), 0..=4096u32)
            .prop_map(|(error, passed, latency_ms, tokens)| {
                End::Finished(Outcome { latency_ms, error, passed, ..Outcome::ok().tokens(tokens) })
            });
        prop_oneof![8 => outcome, 1 => Just(End::Abandoned), 1 => Just(End::Cancelled)]
    }

    proptest! {
        #[test]
        fn merging_equals_recording_everything(
            left in prop::collection::vec(an_end(), 0..50),
            right in prop::collection::vec(an_end(), 0..50),
        ) {
            let mut merged = of(&left);
            merged.merge(&of(&right));
            let whole = of(&[left, right].concat());
            prop_assert_eq!(merged.rates(), whole.rates());
            prop_assert_eq!(merged.latency(), whole.latency());
            prop_assert_eq!(merged.requests(), whole.requests());
            prop_assert_eq!(merged.invalid(), whole.invalid());
            prop_assert_eq!(merged.tokens().count(), whole.tokens().count());
        }
    }
}
