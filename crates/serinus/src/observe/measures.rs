//! What requests of one kind add up to.

use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::moments::Moments;
use super::outcome::Outcome;
use super::signal::{Answers, Signals};
use serinus_stats::sequential::Count;

/// What requests of one kind add up to: for each signal how many failed, and the distributions of latencies, lengths
/// and scores. Some kilobytes (see [`Histogram`]), whatever the traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    rates: Vec<Count>,
    timed_out: u64,
    latency: Histogram,
    left_after: Histogram,
    ttft: Histogram,
    lengths: Histogram,
    scores: Histogram,
    tokens: Moments,
    quality: Moments,
}

impl Measures {
    pub(super) fn record(&mut self, outcome: &Outcome, answers: Answers, signals: &Signals) {
        self.make_room(signals.len());
        for (place, (rate, signal)) in self.rates.iter_mut().zip(signals.iter()).enumerate() {
            if let Some(failed) = answers.failed(place, &**signal, outcome) {
                rate.add_trial(failed);
            }
        }
        if let Some(tokens) = outcome.tokens {
            self.lengths.record(f64::from(tokens));
            self.tokens.record(f64::from(tokens));
        }
        self.record_quality(outcome);
        if !outcome.error {
            if let Some(latency_ms) = outcome.latency_ms {
                self.latency.record(latency_ms);
            }
            if let Some(ttft_ms) = outcome.ttft_ms {
                self.ttft.record(ttft_ms);
            }
        }
    }

    /// What was said of an answer after its request had been recorded.
    pub(super) fn record_review(&mut self, review: &Outcome, signals: &Signals) {
        self.make_room(signals.len());
        for (rate, signal) in self.rates.iter_mut().zip(signals.iter()).filter(|(_, signal)| signal.reads_reviews()) {
            if let Some(failed) = signal.failed(review) {
                rate.add_trial(failed);
            }
        }
        self.record_quality(review);
    }

    fn record_quality(&mut self, outcome: &Outcome) {
        if let Some(quality) = outcome.quality {
            self.scores.record(quality);
            self.quality.record(quality);
        }
    }

    /// What is known of a request whose client went away: how long it had waited, and for its first token, if that came.
    pub(super) fn record_abandoned(&mut self, outcome: &Outcome) {
        if let Some(waited_ms) = outcome.latency_ms {
            self.left_after.record(waited_ms);
        }
        if let Some(ttft_ms) = outcome.ttft_ms {
            self.ttft.record(ttft_ms);
        }
    }

    pub(super) fn time_out(&mut self, n: u64, signals: &Signals) {
        self.make_room(signals.len());
        self.timed_out = self.timed_out.saturating_add(n);
        for (rate, signal) in self.rates.iter_mut().zip(signals.iter()) {
            if let Some(failed) = signal.failed(&Outcome::error()) {
                // Never more failures than trials.
                rate.merge(Count::new(if failed { n } else { 0 }, n).unwrap_or_default());
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.make_room(other.rates.len());
        for (rate, theirs) in self.rates.iter_mut().zip(&other.rates) {
            rate.merge(*theirs);
        }
        self.timed_out = self.timed_out.saturating_add(other.timed_out);
        self.latency.merge(&other.latency);
        self.left_after.merge(&other.left_after);
        self.ttft.merge(&other.ttft);
        self.lengths.merge(&other.lengths);
        self.scores.merge(&other.scores);
        self.tokens.merge(&other.tokens);
        self.quality.merge(&other.quality);
    }

    /// Without the distributions of which no report tells more than the mean.
    pub(super) fn described(&self) -> Self {
        Self {
            rates: self.rates.clone(),
            timed_out: self.timed_out,
            latency: self.latency.clone(),
            ttft: self.ttft.clone(),
            tokens: self.tokens,
            quality: self.quality,
            ..Self::default()
        }
    }

    fn make_room(&mut self, signals: usize) {
        if self.rates.len() < signals {
            self.rates.resize(signals, Count::default());
        }
    }

    /// For each signal, in its order, the requests that failed among those it says something of. Empty of no requests.
    pub fn rates(&self) -> &[Count] {
        &self.rates
    }

    /// Requests that never finished.
    pub const fn timed_out(&self) -> u64 {
        self.timed_out
    }

    /// Latencies of answered requests, in milliseconds.
    pub const fn latency(&self) -> &Histogram {
        &self.latency
    }

    /// How long abandoned requests had waited, in milliseconds, where the host said so.
    pub const fn left_after(&self) -> &Histogram {
        &self.left_after
    }

    /// Times to the first token, in milliseconds.
    pub const fn ttft(&self) -> &Histogram {
        &self.ttft
    }

    /// Lengths of the responses, in tokens.
    pub const fn lengths(&self) -> &Histogram {
        &self.lengths
    }

    /// Scores of the answers, in [0, 1].
    pub const fn scores(&self) -> &Histogram {
        &self.scores
    }

    /// Mean and variance of the lengths, exactly.
    pub const fn tokens(&self) -> &Moments {
        &self.tokens
    }

    /// Mean and variance of the scores, exactly.
    pub const fn quality(&self) -> &Moments {
        &self.quality
    }
}
