//! The plain rule of fixed thresholds on small windows.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use super::CanaryEvaluator;
use super::evaluation::{ErrorComparison, Evaluation, LatencyComparison, QualityComparison};
use super::feed::Feed;
use super::reasons;
use super::verdict::Verdict;
use crate::clock::Timestamp;
use crate::model::VersionId;
use crate::observe::{
    ArmEvidence, Block, BlockRule, Count, Errors, Failures, Measures, Observation, Signal, Signals, UserCap, Window,
};
use crate::words::percent;

/// An error rate of the stable version below this counts as this, so that a relative increase exists.
const LEAST_ERROR_RATE: f64 = 0.001;
/// The places of the built-in signals.
const ERRORS: usize = 0;
const FAILURES: usize = 1;

/// Judges by fixed thresholds on each version's latest 1,000 requests: p99 latency +20%, error rate +50%, quality −0.05,
/// whichever is exceeded first, once each version has 50 requests.
///
/// **This is not the default, and should not be used to decide.** On windows of this size these numbers vary by more than
/// the thresholds: two identical versions differ by 20% in p99 or by 50% in errors at one look or another of nearly every
/// rollout, and each look is one more chance (79 to 100% of rollouts of an identical version were rolled back, measured
/// at 1,000 to 100,000 requests an hour). It is here for comparison with [`SequentialEvaluator`](super::SequentialEvaluator)
/// and for those who come from such a rule.
///
/// Windows never mix stages: a new share of traffic empties them. After the promotion the stable version's window stays as
/// it was, for the canary to be compared with.
///
/// ```
/// use serinus::clock::Timestamp;
/// use serinus::evaluate::{CanaryEvaluator, ThresholdEvaluator, Thresholds, Verdict};
/// use serinus::model::VersionId;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let evaluator = ThresholdEvaluator::new(VersionId::new("chat-v7")?, VersionId::new("chat-v8")?, Thresholds::default())?;
/// assert_eq!(evaluator.evaluate(Timestamp::ZERO).verdict, Verdict::Insufficient);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ThresholdEvaluator {
    thresholds: Thresholds,
    signals: Signals,
    feed: Feed,
    window: Window,
    /// The stable version's window when its last stage ended.
    last_stable: Option<ArmEvidence>,
    promoted: bool,
    /// Requests of all windows so far, those that are gone included.
    stable_requests: u64,
    canary_requests: u64,
    degraded: Vec<String>,
}

/// What a [`ThresholdEvaluator`] tolerates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// Relative increase of the p99 latency. Default 0.2.
    pub p99_increase: f64,
    /// Relative increase of the error rate. Default 0.5. A stable rate below 0.001 counts as 0.001.
    pub error_increase: f64,
    /// Absolute decrease of the mean score, or of the share of judged answers that pass. Default 0.05.
    pub quality_decrease: f64,
    /// Requests that each window must hold before anything is said. Default 50.
    pub min_requests: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { p99_increase: 0.2, error_increase: 0.5, quality_decrease: 0.05, min_requests: 50 }
    }
}

/// A threshold is not one.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error("expected {name} to be a finite number, not negative, got {got}")]
pub struct ThresholdError {
    /// Which threshold.
    pub name: &'static str,
    /// Its value.
    pub got: f64,
}

impl ThresholdEvaluator {
    /// Judges `canary` against `stable`.
    ///
    /// # Errors
    ///
    /// If a threshold is negative, infinite or not a number.
    pub fn new(stable: VersionId, canary: VersionId, thresholds: Thresholds) -> Result<Self, ThresholdError> {
        for (name, got) in [
            ("p99_increase", thresholds.p99_increase),
            ("error_increase", thresholds.error_increase),
            ("quality_decrease", thresholds.quality_decrease),
        ] {
            if !(0.0..=f64::MAX).contains(&got) {
                return Err(ThresholdError { name, got });
            }
        }
        let signals: Signals = [Arc::new(Errors) as Arc<dyn Signal>, Arc::new(Failures)].into_iter().collect();
        Ok(Self {
            thresholds,
            feed: Feed::new((stable, canary), BlockRule::default(), signals.clone(), UserCap::None),
            signals,
            window: Window::default(),
            last_stable: None,
            promoted: false,
            stable_requests: 0,
            canary_requests: 0,
            degraded: Vec::new(),
        })
    }

    /// Takes in requests of both versions that are reported together, after the fact: what `report` gives to the function that
    /// it is given. They come into one block, which closes after them, so that a great many cost little more than counting
    /// them. Report those together that were served over the same short stretch of time.
    pub fn observe_together(&mut self, now: Timestamp, report: impl FnOnce(&mut dyn FnMut(&Observation))) {
        for block in self.feed.observe_together(now, report).into_iter().flatten() {
            self.absorb(&block);
        }
    }

    fn compare(&self, now: Timestamp) -> Comparison {
        let live = self.window.stable(now);
        let stable = match &self.last_stable {
            Some(last) if self.promoted && live.requests() == 0 => last.clone(),
            _ => live,
        };
        let canary = self.window.canary(now);
        let (of_stable, of_canary) = (stable.total(), canary.total());
        Comparison {
            latency: LatencyComparison::between(&of_stable, &of_canary),
            errors: ErrorComparison::between(count(&of_stable, ERRORS), count(&of_canary, ERRORS)),
            quality: QualityComparison::between(
                (&of_stable, count(&of_stable, FAILURES)),
                (&of_canary, count(&of_canary, FAILURES)),
            ),
            requests: (stable.requests(), canary.requests()),
            invalid: stable.invalid() + canary.invalid(),
        }
    }

    fn enough(&self, comparison: &Comparison) -> bool {
        comparison.requests.0.min(comparison.requests.1) >= self.thresholds.min_requests.max(1)
    }

    /// The thresholds that are exceeded, in words.
    fn exceeded(&self, comparison: &Comparison) -> Vec<String> {
        let limits = &self.thresholds;
        let mut exceeded = Vec::new();
        if let Some(increase) = comparison.latency.p99_increase.filter(|increase| *increase > limits.p99_increase) {
            let limit = percent(limits.p99_increase);
            exceeded.push(format!("p99 latency increased by {}, tolerated {limit}", percent(increase)));
        }
        if let Some(increase) = comparison.error_increase().filter(|increase| *increase > limits.error_increase) {
            let limit = percent(limits.error_increase);
            exceeded.push(format!("error rate increased by {}, tolerated {limit}", percent(increase)));
        }
        if let Some(decrease) = comparison.quality.decrease.filter(|decrease| *decrease > limits.quality_decrease) {
            exceeded.push(format!("quality decreased by {decrease:.3}, tolerated {}", limits.quality_decrease));
        }
        exceeded
    }

    fn end_stage(&mut self, now: Timestamp) {
        if let Some(block) = self.feed.end_stage(now) {
            self.absorb(&block);
        }
        let stable = self.window.stable(now);
        if stable.requests() > 0 {
            self.last_stable = Some(stable);
        }
        self.window.clear();
    }
}

/// Both versions' windows, compared.
struct Comparison {
    /// Of the stable version and of the canary.
    requests: (u64, u64),
    invalid: u64,
    latency: LatencyComparison,
    errors: ErrorComparison,
    quality: QualityComparison,
}

impl Comparison {
    fn error_increase(&self) -> Option<f64> {
        let (stable, canary) = (self.errors.stable_rate?, self.errors.canary_rate?);
        Some((canary - stable) / stable.max(LEAST_ERROR_RATE))
    }
}

fn count(measures: &Measures, signal: usize) -> Count {
    measures.rates().get(signal).copied().unwrap_or_default()
}

impl CanaryEvaluator for ThresholdEvaluator {
    fn signals(&self) -> Signals {
        self.signals.clone()
    }

    fn block_rule(&self) -> BlockRule {
        BlockRule::default()
    }

    fn absorb(&mut self, block: &Block) {
        self.stable_requests = self.stable_requests.saturating_add(block.stable.requests());
        self.canary_requests = self.canary_requests.saturating_add(block.canary.requests());
        self.window.push(block);
        let comparison = self.compare(block.closed_at);
        if self.degraded.is_empty() && self.enough(&comparison) {
            self.degraded = self.exceeded(&comparison);
        }
    }

    fn observe(&mut self, observation: &Observation, now: Timestamp) {
        if let Some(block) = self.feed.observe(observation, now) {
            self.absorb(&block);
        }
    }

    fn set_traffic(&mut self, canary_share: f64, now: Timestamp) {
        if self.feed.changes_share(canary_share) {
            self.end_stage(now);
        }
    }

    fn promoted(&mut self, now: Timestamp) {
        self.promoted = true;
        self.end_stage(now);
        self.feed.canary_alone();
    }

    fn evaluate(&self, now: Timestamp) -> Evaluation {
        let comparison = self.compare(now);
        let verdict = if !self.degraded.is_empty() {
            Verdict::Degraded
        } else if self.enough(&comparison) {
            Verdict::Healthy
        } else {
            Verdict::Insufficient
        };
        let mut reasons = self.degraded.clone();
        match verdict {
            Verdict::Insufficient => {
                let (stable, canary) = comparison.requests;
                reasons.push(reasons::too_few(stable, canary, self.thresholds.min_requests.max(1)));
            }
            Verdict::Healthy => reasons.push("no threshold is exceeded".into()),
            Verdict::Degraded | Verdict::Undecided => {}
        }
        reasons.extend(reasons::unknown_versions(self.feed.unknown()));
        reasons.extend(reasons::invalid_values(comparison.invalid));
        Evaluation {
            verdict,
            rollback: verdict == Verdict::Degraded,
            reasons,
            latency: comparison.latency,
            errors: comparison.errors,
            quality: comparison.quality,
            guardrails: BTreeMap::new(),
            stable_requests: self.stable_requests,
            canary_requests: self.canary_requests,
            pairs: 0,
            alerts: BTreeMap::new(),
            awaits: None,
            ledger: None,
            at: now,
        }
    }
}
