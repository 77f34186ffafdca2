//! What one version's requests add up to.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::measures::Measures;
use super::outcome::{End, Outcome, STRATA};
use super::signal::{Answers, Signals};

/// What one version's requests add up to: how they ended, and, for each stratum ([`Outcome::stratum`]), what they measured.
/// Its memory is bounded (some kilobytes a stratum, see [`Histogram`](super::Histogram)) whatever the traffic.
///
/// ```
/// use std::sync::Arc;
/// use serinus::observe::{ArmEvidence, End, Errors, Outcome, Signal, Signals};
///
/// let signals: Signals = [Arc::new(Errors) as Arc<dyn Signal>].into_iter().collect();
/// let mut evidence = ArmEvidence::default();
/// evidence.record(&End::Finished(Outcome::ok().latency_ms(830.0)), &signals);
/// evidence.record(&End::Finished(Outcome::error().stratum(3)), &signals);
/// evidence.record(&End::Abandoned(Outcome::ok()), &signals);
/// evidence.time_out(1, &signals);
///
/// assert_eq!(evidence.requests(), 3, "two finished, one timed out");
/// let errors = evidence.total().rates()[0];
/// assert_eq!((errors.failures(), errors.trials()), (2, 3));
/// assert_eq!(evidence.strata().map(|(label, _)| label).collect::<Vec<_>>(), [0, 3]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArmEvidence {
    finished: u64,
    abandoned: u64,
    cancelled: u64,
    timed_out: u64,
    invalid: u64,
    #[serde(default)]
    reviewed: u64,
    /// By label, in rising order. Mostly one.
    strata: Vec<(u8, Measures)>,
}

/// A request's end, ready to be counted: what can be known of it without the evidence.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ready {
    Finished(Checked, Answers),
    Abandoned(Checked),
    Cancelled,
}

/// An outcome whose impossible values are taken as unmeasured, and how many there were.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checked {
    outcome: Outcome,
    stratum: u8,
    invalid: u64,
}

impl Ready {
    /// Asks the signals.
    #[inline]
    pub(crate) fn new(end: &End, signals: &Signals) -> Self {
        match end {
            End::Finished(outcome) => {
                let checked = Checked::new(outcome);
                Self::Finished(checked, Answers::of(signals, &checked.outcome))
            }
            End::Abandoned(outcome) => Self::Abandoned(Checked::new(outcome)),
            End::Cancelled => Self::Cancelled,
        }
    }
}

impl Checked {
    #[inline]
    fn new(outcome: &Outcome) -> Self {
        let (mut checked, mut invalid) = (*outcome, 0);
        let mut check = |value: &mut Option<f64>, greatest: f64| {
            if value.is_some_and(|value| !(0.0..=greatest).contains(&value)) {
                *value = None;
                invalid += 1;
            }
        };
        check(&mut checked.latency_ms, f64::MAX);
        check(&mut checked.ttft_ms, f64::MAX);
        check(&mut checked.quality, 1.0);
        check(&mut checked.feedback, 1.0);
        let stratum = outcome.stratum.unwrap_or(0);
        if stratum < STRATA {
            return Self { outcome: checked, stratum, invalid };
        }
        Self { outcome: checked, stratum: 0, invalid: invalid + 1 }
    }
}

impl ArmEvidence {
    /// Adds one request's end. `signals` must be the same for all of them.
    ///
    /// Latencies of requests that ended in an error are left out: a version that fails fast is not a fast version.
    pub fn record(&mut self, end: &End, signals: &Signals) {
        self.count(&Ready::new(end, signals), signals);
    }

    /// Adds one request's end, of which the same signals have been asked.
    #[inline]
    pub(crate) fn count(&mut self, ready: &Ready, signals: &Signals) {
        match ready {
            Ready::Finished(checked, answers) => {
                self.finished += 1;
                self.measures_of(checked).record(&checked.outcome, *answers, signals);
            }
            Ready::Abandoned(checked) => {
                self.abandoned += 1;
                let Checked { outcome, invalid, .. } = checked;
                if outcome.latency_ms.is_some() || outcome.ttft_ms.is_some() {
                    self.measures_of(checked).record_abandoned(outcome);
                } else {
                    self.invalid += invalid;
                }
            }
            Ready::Cancelled => self.cancelled += 1,
        }
    }

    /// Adds what was said of an answer after its request had ended: its `passed`, `quality`, `checks`, `feedback` and
    /// `stratum`. The request itself is not counted again.
    pub fn review(&mut self, review: &Outcome, signals: &Signals) {
        self.reviewed += 1;
        let checked = Checked::new(review);
        self.measures_of(&checked).record_review(&checked.outcome, signals);
    }

    /// Where an outcome is counted.
    fn measures_of(&mut self, checked: &Checked) -> &mut Measures {
        self.invalid += checked.invalid;
        self.stratum_mut(checked.stratum)
    }

    fn stratum_mut(&mut self, label: u8) -> &mut Measures {
        let place = self.strata.binary_search_by_key(&label, |(label, _)| *label).unwrap_or_else(|place| {
            self.strata.insert(place, (label, Measures::default()));
            place
        });
        &mut self.strata[place].1
    }

    /// Adds `n` requests that never finished: each counts for the signals as [`Outcome::error`] does.
    pub fn time_out(&mut self, n: u64, signals: &Signals) {
        if n > 0 {
            self.timed_out = self.timed_out.saturating_add(n);
            self.stratum_mut(0).time_out(n, signals);
        }
    }

    /// Adds other evidence of the same version, gathered with the same signals.
    pub fn merge(&mut self, other: &Self) {
        self.finished = self.finished.saturating_add(other.finished);
        self.abandoned = self.abandoned.saturating_add(other.abandoned);
        self.cancelled = self.cancelled.saturating_add(other.cancelled);
        self.timed_out = self.timed_out.saturating_add(other.timed_out);
        self.invalid = self.invalid.saturating_add(other.invalid);
        self.reviewed = self.reviewed.saturating_add(other.reviewed);
        for (label, measures) in &other.strata {
            self.stratum_mut(*label).merge(measures);
        }
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

    /// Reviews of answers, which come after their requests have ended.
    pub const fn reviewed(&self) -> u64 {
        self.reviewed
    }

    /// What the requests of each stratum measured, by label in rising order. Those without a label have 0.
    pub fn strata(&self) -> impl Iterator<Item = (u8, &Measures)> {
        self.strata.iter().map(|(label, measures)| (*label, measures))
    }

    /// What describes the version as a whole: all strata in one, without the distributions that only comparisons need.
    pub(super) fn described(&self) -> Self {
        let strata = if self.strata.is_empty() { Vec::new() } else { vec![(0, self.total().described())] };
        Self {
            finished: self.finished,
            abandoned: self.abandoned,
            cancelled: self.cancelled,
            timed_out: self.timed_out,
            invalid: self.invalid,
            reviewed: self.reviewed,
            strata,
        }
    }

    /// What all requests measured together.
    pub fn total(&self) -> Cow<'_, Measures> {
        let mut strata = self.strata.iter().map(|(_, measures)| measures);
        let Some(first) = strata.next() else { return Cow::Owned(Measures::default()) };
        strata.fold(Cow::Borrowed(first), |mut total, measures| {
            total.to_mut().merge(measures);
            total
        })
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
        let mut evidence = ArmEvidence::default();
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
        assert_eq!(
            evidence.total().latency().count() + evidence.total().ttft().count() + evidence.total().scores().count(),
            0
        );
        assert_eq!(evidence.total().rates()[0].trials(), 5, "the requests themselves still count");
    }

    #[test]
    fn abandoned_and_cancelled_requests_are_no_evidence() {
        let evidence = of(&[End::Abandoned(Outcome::ok()), End::Cancelled]);
        assert_eq!((evidence.abandoned(), evidence.cancelled(), evidence.requests()), (1, 1, 0));
        assert_eq!(*evidence.total(), Measures::default());
    }

    #[test]
    fn a_review_says_what_it_says_and_counts_no_request() {
        let signals = signals();
        let mut evidence = of(&[End::Finished(Outcome::ok())]);
        evidence.review(&Outcome::ok().passed(false).quality(0.25), &signals);
        evidence.review(&Outcome::ok().quality(1.5).feedback(f64::NAN), &signals);
        let total = evidence.total();
        assert_eq!((total.rates()[0].trials(), total.rates()[1].failures(), total.rates()[1].trials()), (1, 1, 1));
        assert_eq!((total.quality().mean(), evidence.requests(), evidence.ended()), (Some(0.25), 1, 1));
        assert_eq!((evidence.reviewed(), evidence.invalid()), (2, 2));
    }

    #[test]
    fn a_request_that_never_finished_is_an_error_and_was_never_judged() {
        let mut evidence = of(&[]);
        evidence.time_out(3, &signals());
        assert_eq!(evidence.timed_out(), 3);
        let total = evidence.total();
        assert_eq!((total.rates()[0].failures(), total.rates()[0].trials(), total.timed_out()), (3, 3, 3));
        assert_eq!(total.rates()[1].trials(), 0);
    }

    #[test]
    fn a_fast_error_does_not_make_the_version_look_fast() {
        let evidence = of(&[End::Finished(Outcome::error().latency_ms(1.0)), End::Finished(Outcome::ok())]);
        assert_eq!(evidence.total().latency().count(), 0);
    }

    #[test]
    fn an_abandoned_request_leaves_how_long_it_had_waited() {
        let left = Outcome::ok().latency_ms(9_000.0).ttft_ms(300.0).stratum(2);
        let evidence = of(&[End::Abandoned(left), End::Abandoned(Outcome::ok().latency_ms(f64::NAN))]);
        let (label, measures) = evidence.strata().next().unwrap();
        assert_eq!((label, measures.left_after().count(), measures.ttft().count()), (2, 1, 1));
        assert_eq!((measures.latency().count(), evidence.abandoned(), evidence.invalid()), (0, 2, 1));
    }

    #[test]
    fn a_label_that_does_not_exist_is_counted_and_taken_as_none() {
        let evidence = of(&[End::Finished(Outcome::ok().stratum(16)), End::Finished(Outcome::ok().stratum(15))]);
        assert_eq!(evidence.invalid(), 1);
        assert_eq!(evidence.strata().map(|(label, _)| label).collect::<Vec<_>>(), [0, 15]);
        assert_eq!(evidence.total().rates()[0].trials(), 2);
    }

    #[test]
    fn stored_counts_at_their_limit_do_not_overflow() {
        let mut stored = serde_json::to_value(of(&[End::Finished(Outcome::ok().tokens(3))])).unwrap();
        for count in ["finished", "timed_out", "abandoned", "invalid"] {
            stored[count] = u64::MAX.into();
        }
        stored["strata"][0][1]["tokens"]["count"] = u64::MAX.into();
        let mut evidence: ArmEvidence = serde_json::from_value(stored).unwrap();
        evidence.merge(&evidence.clone());
        evidence.time_out(1, &signals());
        assert_eq!(evidence.requests(), u64::MAX);
    }

    fn an_end() -> impl Strategy<Value = End> {
        let outcome =
            (any::<bool>(), prop::option::of(any::<bool>()), prop::option::of(-1.0..1e6), 0..=4096u32, 0..4u8)
                .prop_map(|(error, passed, latency_ms, tokens, label)| Outcome {
                    latency_ms,
                    error,
                    passed,
                    ..Outcome::ok().tokens(tokens).stratum(label)
                });
        prop_oneof![
            8 => outcome.clone().prop_map(End::Finished),
            1 => outcome.prop_map(End::Abandoned),
            1 => Just(End::Cancelled)
        ]
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
            for ((label, merged), (same, whole)) in merged.strata().zip(whole.strata()) {
                prop_assert_eq!(label, same);
                prop_assert_eq!(merged.rates(), whole.rates());
                prop_assert_eq!(merged.latency(), whole.latency());
                prop_assert_eq!(merged.left_after(), whole.left_after());
                prop_assert_eq!(merged.lengths(), whole.lengths());
                prop_assert_eq!(merged.tokens().count(), whole.tokens().count());
            }
            prop_assert_eq!(merged.strata().count(), whole.strata().count());
            prop_assert_eq!(merged.requests(), whole.requests());
            prop_assert_eq!(merged.invalid(), whole.invalid());
        }
    }
}
