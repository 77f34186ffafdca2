//! The default evaluator: sequential tests under one budget of false rollbacks.

use std::sync::Arc;

use super::CanaryEvaluator;
use super::budget::Budget;
use super::evaluation::{ErrorComparison, Evaluation, GuardrailReport, LatencyComparison, QualityComparison};
use super::feed::Feed;
use super::guardrail::Guardrail;
use super::reasons;
use super::sequential_builder::{Parts, SequentialBuilder};
use super::verdict::Verdict;
use super::watch::{Fed, Watch};
use crate::clock::Timestamp;
use crate::model::VersionId;
use crate::observe::{ArmEvidence, Block, BlockRule, Count, Errors, Failures, Observation, Signal, Signals, Window};

/// Judges by sequential tests whose false rollbacks stay under a declared budget, however often one looks.
///
/// Each guardrail is tested in both directions, block by block, over the whole rollout: evidence is carried from stage to
/// stage, never reset and never pooled over blocks. The canary is
///
/// * [`Degraded`](Verdict::Degraded) once the weighted evidence of all guardrails that it is worse than half the margin
///   reaches 1/budget (see [`Budget`]), and stays so;
/// * [`Healthy`](Verdict::Healthy) once each required guardrail that has data has shown the canary to be within the
///   margin, at an error of 5%;
/// * [`Insufficient`](Verdict::Insufficient) before 50 requests to each version, and never rolled back there.
///
/// After the promotion nothing runs beside the canary. Its rates are then held against limits fixed at that moment: the
/// highest rates that the old version's latest requests leave plausible, times the margin. Evidence and budget go on. A
/// limit knows nothing of drift: if the world gets worse for every version, a promoted version can be rolled back for it.
///
/// The budget holds with requests as the unit. Where one user's requests fail together, it holds approximately.
///
/// ```
/// use serinus::clock::Timestamp;
/// use serinus::evaluate::{CanaryEvaluator, SequentialEvaluator, Verdict};
/// use serinus::model::VersionId;
/// use serinus::observe::{Observation, Outcome};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (v7, v8) = (VersionId::new("chat-v7")?, VersionId::new("chat-v8")?);
/// let mut evaluator = SequentialEvaluator::builder(v7.clone(), v8.clone()).build()?;
/// let start = Timestamp::ZERO;
/// for i in 0..2_000 {
///     let good = Observation::new(v7.clone(), Outcome::ok().latency_ms(800.0).passed(i % 33 != 0));
///     evaluator.observe(&good, start);
///     if i % 10 == 0 {
///         let bad = Observation::new(v8.clone(), Outcome::ok().latency_ms(810.0).passed(i % 70 != 0));
///         evaluator.observe(&bad, start);
///     }
/// }
/// let evaluation = evaluator.evaluate(start);
/// assert_eq!(evaluation.verdict, Verdict::Degraded);
/// assert!(evaluation.reasons[0].starts_with("judged failures: 14."), "{}", evaluation.reasons[0]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SequentialEvaluator {
    budget: Budget,
    promote_error: f64,
    min_requests: u64,
    rule: BlockRule,
    signals: Signals,
    feed: Feed,
    window: Window,
    watches: Vec<Watch>,
    stable_requests: u64,
    canary_requests: u64,
    promoted: bool,
    degraded: Option<Trigger>,
}

/// What proved the canary to be worse, as it was at that moment.
#[derive(Clone, Copy, Debug)]
struct Trigger {
    watch: usize,
    log_e: f64,
    log_joint: f64,
}

impl SequentialEvaluator {
    /// Begins an evaluator of `canary` against `stable`, with default guardrails and budget.
    pub fn builder(stable: VersionId, canary: VersionId) -> SequentialBuilder {
        SequentialBuilder::new(stable, canary)
    }

    pub(super) fn from_parts(parts: Parts) -> Self {
        let place = |guardrail: &Arc<dyn Guardrail>| parts.signals.iter().position(|s| s.name() == guardrail.name());
        let watch = |guardrail| Watch::new(Arc::clone(guardrail), place(guardrail));
        Self {
            watches: parts.guardrails.iter().map(watch).collect(),
            budget: parts.budget,
            promote_error: parts.promote_error,
            min_requests: parts.min_requests.max(1),
            rule: parts.block_rule,
            feed: Feed::new(parts.stable, parts.canary, parts.block_rule, parts.signals.clone()),
            signals: parts.signals,
            window: Window::default(),
            stable_requests: 0,
            canary_requests: 0,
            promoted: false,
            degraded: None,
        }
    }

    fn enough(&self) -> bool {
        self.stable_requests.min(self.canary_requests) >= self.min_requests
    }

    fn log_e_values(&self) -> impl Iterator<Item = (&str, f64)> + Clone {
        self.watches.iter().map(|watch| (watch.name(), watch.log_e_value()))
    }

    /// Notes the first moment at which the evidence reaches the budget's threshold. Evidence may shrink again; the bound
    /// on false rollbacks is for its ever having been there.
    fn look(&mut self) {
        let log_joint = self.budget.log_joint(self.log_e_values());
        if self.degraded.is_some() || !self.enough() || log_joint < self.budget.joint_threshold().ln() {
            return;
        }
        let weighted = |watch: &Watch| self.budget.log_weight(watch.name()) + watch.log_e_value();
        let most =
            (0..self.watches.len()).max_by(|&a, &b| weighted(&self.watches[a]).total_cmp(&weighted(&self.watches[b])));
        self.degraded = most.map(|watch| Trigger { watch, log_e: self.watches[watch].log_e_value(), log_joint });
    }

    fn end_block(&mut self, now: Timestamp) {
        if let Some(block) = self.feed.end_stage(now) {
            self.absorb(&block);
        }
    }

    fn threshold(&self, watch: &Watch) -> f64 {
        self.budget.threshold(watch.name()).unwrap_or(f64::MAX)
    }

    fn safe_threshold(&self) -> f64 {
        1.0 / self.promote_error
    }

    fn verdict(&self) -> Verdict {
        if self.degraded.is_some() {
            return Verdict::Degraded;
        }
        if !self.enough() || self.watches.iter().all(|watch| watch.fed() == Fed::Neither) {
            return Verdict::Insufficient;
        }
        let mut required = self.required().peekable();
        let any = required.peek().is_some();
        let all = required.all(|(index, watch)| self.guardrail_verdict(index, watch) == Verdict::Healthy);
        if any && all { Verdict::Healthy } else { Verdict::Undecided }
    }

    /// The guardrails that must be healthy: the required ones that anything is known of.
    fn required(&self) -> impl Iterator<Item = (usize, &Watch)> {
        let counts = |watch: &Watch| watch.guardrail().required() && watch.fed() != Fed::Neither;
        self.watches.iter().enumerate().filter(move |(_, watch)| counts(watch))
    }

    fn guardrail_verdict(&self, index: usize, watch: &Watch) -> Verdict {
        if self.degraded.is_some_and(|trigger| trigger.watch == index) {
            Verdict::Degraded
        } else if !self.enough() || watch.fed() != Fed::Both {
            Verdict::Insufficient
        } else if watch.safest() >= self.safe_threshold().ln() {
            Verdict::Healthy
        } else {
            Verdict::Undecided
        }
    }

    fn reasons(&self, verdict: Verdict, invalid: u64) -> Vec<String> {
        let mut reasons = Vec::new();
        if let Some(trigger) = self.degraded {
            let watch = &self.watches[trigger.watch];
            let joint = (trigger.log_joint, self.budget.joint_threshold());
            reasons.push(reasons::degraded(watch, trigger.log_e, self.threshold(watch), joint));
        }
        if !self.enough() {
            reasons.push(reasons::too_few(self.stable_requests, self.canary_requests, self.min_requests));
        } else if verdict == Verdict::Insufficient {
            reasons.push("no guardrail has any data".into());
        }
        if self.enough() {
            let explained = self.watches.iter().enumerate().map(|(index, watch)| {
                let verdict = self.guardrail_verdict(index, watch);
                (verdict, self.guardrail_reason(watch, verdict))
            });
            let (healthy, open): (Vec<_>, Vec<_>) = explained.partition(|(verdict, _)| *verdict == Verdict::Healthy);
            reasons.extend(open.into_iter().chain(healthy).filter_map(|(_, reason)| reason));
        }
        reasons.extend(reasons::unknown_versions(self.feed.unknown()));
        reasons.extend(reasons::invalid_values(invalid));
        reasons
    }

    fn guardrail_reason(&self, watch: &Watch, verdict: Verdict) -> Option<String> {
        match verdict {
            Verdict::Degraded => None,
            Verdict::Insufficient => reasons::one_sided(watch),
            Verdict::Healthy => Some(reasons::healthy(watch, self.safe_threshold())),
            Verdict::Undecided => Some(reasons::undecided(watch, self.threshold(watch), self.safe_threshold())),
        }
    }

    fn guardrail_report(&self, index: usize, watch: &Watch) -> (String, GuardrailReport) {
        let verdict = self.guardrail_verdict(index, watch);
        (watch.name().to_owned(), watch.report(verdict, self.threshold(watch), self.safe_threshold()))
    }

    /// How often the built-in signal of this name was true of the evidence.
    fn count(&self, evidence: &ArmEvidence, name: &str) -> Count {
        let signal = self.signals.iter().position(|signal| signal.name() == name);
        signal.and_then(|signal| evidence.rates().get(signal)).copied().unwrap_or_default()
    }
}

impl CanaryEvaluator for SequentialEvaluator {
    fn signals(&self) -> Signals {
        self.signals.clone()
    }

    fn block_rule(&self) -> BlockRule {
        self.rule
    }

    fn absorb(&mut self, block: &Block) {
        self.stable_requests = self.stable_requests.saturating_add(block.stable.requests());
        self.canary_requests = self.canary_requests.saturating_add(block.canary.requests());
        self.window.push(block);
        self.watches.iter_mut().for_each(|watch| watch.absorb(block));
        self.look();
    }

    fn observe(&mut self, observation: &Observation, now: Timestamp) {
        if let Some(block) = self.feed.observe(observation, now) {
            self.absorb(&block);
        }
    }

    fn set_traffic(&mut self, canary_share: f64, now: Timestamp) {
        if !self.feed.changes_share(canary_share) {
            return;
        }
        self.end_block(now);
        self.watches.iter_mut().for_each(Watch::start_stage);
    }

    fn promoted(&mut self, now: Timestamp) {
        if self.promoted {
            return;
        }
        self.promoted = true;
        self.end_block(now);
        self.feed.canary_alone();
        for watch in &mut self.watches {
            watch.start_stage();
            watch.promoted(&self.budget);
        }
    }

    fn evaluate(&self, now: Timestamp) -> Evaluation {
        let verdict = self.verdict();
        let (stable, canary) = (self.window.stable(now), self.window.canary(now));
        let errors = |evidence| self.count(evidence, Errors.name());
        let failures = |evidence| self.count(evidence, Failures.name());
        let reports = self.watches.iter().enumerate().map(|(index, watch)| self.guardrail_report(index, watch));
        Evaluation {
            verdict,
            rollback: verdict == Verdict::Degraded,
            reasons: self.reasons(verdict, stable.invalid() + canary.invalid()),
            latency: LatencyComparison::between(&stable, &canary),
            errors: ErrorComparison::between(errors(&stable), errors(&canary)),
            quality: QualityComparison::between((&stable, failures(&stable)), (&canary, failures(&canary))),
            guardrails: reports.collect(),
            stable_requests: self.stable_requests,
            canary_requests: self.canary_requests,
            ledger: Some(self.budget.ledger(self.log_e_values())),
            at: now,
        }
    }
}
