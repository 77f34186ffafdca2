//! The default evaluator: sequential tests under one budget of false rollbacks.

mod report;
mod state;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::state::{SequentialState, StateError};
use super::CanaryEvaluator;
use super::budget::Budget;
use super::evaluation::{ErrorComparison, Evaluation, LatencyComparison, QualityComparison};
use super::feed::Feed;
use super::reasons;
use super::sequential_builder::{ColdStart, Parts, SequentialBuilder};
use super::verdict::Verdict;
use super::watch::{Fed, Watch};
use crate::clock::Timestamp;
use crate::judge::Calibration;
use crate::model::VersionId;
use crate::observe::{Block, BlockRule, Count, Measures, Observation, Signals, UserCap, Window};
use crate::plan::UpdatePlan;
use serinus_stats::{Interval, StatisticsError};

/// The places of the signals that every report describes.
const ERRORS: usize = 0;
const FAILURES: usize = 1;
/// The alert that a few users make up too much of the traffic.
const HEAVY_USERS: &str = "heavy_users";

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
/// The defaults are errors, judged failures, latency, time to the first token and judged scores; the length of the answers
/// and the rate of abandoned requests only alert. Requests are compared within their stratum
/// ([`Outcome::stratum`](crate::observe::Outcome::stratum)), and one user's count up to a [`UserCap`].
///
/// After the promotion nothing runs beside the canary. What it does is then held against limits fixed at that moment: the
/// worst that the old version's latest requests leave plausible, with the margin. Evidence and budget go on. A limit knows
/// nothing of drift: if the world gets worse for every version, a promoted version can be rolled back for it.
///
/// Memory is bounded: some 100 KiB with the default guardrails, whatever the traffic. Half of it is the window that describes
/// the latest requests; a guardrail takes 3 KiB for a rate or a mean and 17 for a time, of both versions together. Besides,
/// there are 64 KiB for the shares of users, and about 13 KiB for each further stratum. (`make bench` measures them.)
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
/// let difference = evaluator.interval("failure_rate", 0.95)?.expect("there is such a guardrail");
/// assert!(difference.low > 0.0, "the canary's rate less the stable one's");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SequentialEvaluator {
    stable: VersionId,
    canary: VersionId,
    budget: Budget,
    false_promotion_budget: f64,
    min_requests: u64,
    rule: BlockRule,
    user_cap: UserCap,
    cold_start: ColdStart,
    calibration: Option<Calibration>,
    signals: Signals,
    feed: Feed,
    window: Window,
    watches: Vec<Watch>,
    course: Course,
}

/// How far a rollout has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Course {
    stable_requests: u64,
    canary_requests: u64,
    /// Prompts to which both versions' answers have been compared.
    #[serde(default)]
    pairs: u64,
    /// Of this stage's canary requests, those that counted and those beyond their user's share.
    stage_arrivals: u64,
    stage_capped: u64,
    /// When this stage's first canary request arrived.
    stage_since: Option<Timestamp>,
    promoted: bool,
    degraded: Option<Trigger>,
    /// What alert-only guardrails have found, by name.
    alerts: BTreeMap<String, String>,
}

/// What proved the canary to be worse, as it was at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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

    /// Begins the evaluator of a plan's rollout, with the plan's margins, budgets and minimum of requests: what a
    /// deployment takes unless it is given another one.
    pub fn for_plan(plan: &UpdatePlan) -> SequentialBuilder {
        SequentialBuilder::for_plan(plan)
    }

    pub(super) fn from_parts(parts: Parts) -> Self {
        let versions = (parts.stable.clone(), parts.canary.clone());
        Self {
            feed: Feed::new(versions, parts.block_rule, parts.signals.clone(), parts.user_cap),
            stable: parts.stable,
            canary: parts.canary,
            budget: parts.budget,
            false_promotion_budget: parts.false_promotion_budget,
            min_requests: parts.min_requests.max(1),
            rule: parts.block_rule,
            user_cap: parts.user_cap,
            cold_start: parts.cold_start,
            calibration: parts.calibration,
            signals: parts.signals,
            window: Window::default(),
            watches: parts.watches,
            course: Course::default(),
        }
    }

    /// An interval for the difference between the versions, canary less stable, in one guardrail: of rates, of mean scores, or
    /// of mean lengths in tokens; of times, how much more often the canary exceeds, with the margin, the quantile with the
    /// most evidence. With probability `confidence` it is right at all times together, so it may be looked at as often as one
    /// likes. `None` of an unknown guardrail. Takes some microseconds.
    ///
    /// # Errors
    ///
    /// Unless `confidence` is in (0, 1).
    pub fn interval(&self, guardrail: &str, confidence: f64) -> Result<Option<Interval>, StatisticsError> {
        let watch = self.watches.iter().find(|watch| watch.name() == guardrail);
        watch.map(|watch| watch.interval(confidence)).transpose()
    }

    /// Takes in requests of both versions that are reported together, after the fact: what `report` gives to the function that
    /// it is given. They come into one block, which closes after them, so that a great many cost little more than counting
    /// them. Report those together that were served over the same short stretch of time.
    pub fn observe_together(&mut self, now: Timestamp, report: impl FnOnce(&mut dyn FnMut(&Observation))) {
        for block in self.feed.observe_together(now, report).into_iter().flatten() {
            self.absorb(&block);
        }
    }

    fn enough(&self) -> bool {
        self.compared() >= self.min_requests
    }

    /// Requests of each version that there are: pairs, as long as no user has met the canary.
    fn compared(&self) -> u64 {
        let Course { stable_requests, canary_requests, pairs, .. } = self.course;
        if canary_requests == 0 { pairs } else { stable_requests.min(canary_requests) }
    }

    /// The evidence of the guardrails that have a share of the budget.
    fn log_e_values(&self) -> impl Iterator<Item = (&str, f64)> + Clone {
        let weighted = self.watches.iter().filter(|watch| !watch.alerts_only());
        weighted.map(|watch| (watch.name(), watch.log_worse()))
    }

    /// Notes the first moment at which the evidence reaches the budget's threshold. Evidence may shrink again; the bound
    /// on false rollbacks is for its ever having been there.
    fn look(&mut self) {
        if !self.enough() {
            return;
        }
        self.look_for_alerts();
        let log_joint = self.budget.log_joint(self.log_e_values());
        if self.course.degraded.is_some() || log_joint < self.budget.joint_threshold().ln() {
            return;
        }
        let weighted = |watch: &Watch| self.budget.log_weight(watch.name()) + watch.log_worse();
        let most =
            (0..self.watches.len()).max_by(|&a, &b| weighted(&self.watches[a]).total_cmp(&weighted(&self.watches[b])));
        self.course.degraded = most.map(|watch| Trigger { watch, log_e: self.watches[watch].log_worse(), log_joint });
    }

    fn look_for_alerts(&mut self) {
        let threshold = self.budget.joint_threshold();
        for watch in self.watches.iter().filter(|watch| watch.alerts_only() && watch.log_worse() >= threshold.ln()) {
            if !self.course.alerts.contains_key(watch.name()) {
                let sentence =
                    reasons::degraded(watch, &watch.reading(), watch.log_worse(), threshold, (0.0, threshold));
                self.course.alerts.insert(watch.name().to_owned(), sentence);
            }
        }
        let (counted, capped) = (self.course.stage_arrivals, self.course.stage_capped);
        if capped > counted.max(self.min_requests) && !self.course.alerts.contains_key(HEAVY_USERS) {
            self.course.alerts.insert(HEAVY_USERS.into(), reasons::heavy_users(capped, counted));
        }
    }

    fn end_block(&mut self, now: Timestamp) {
        if let Some(block) = self.feed.end_stage(now) {
            self.absorb(&block);
        }
    }

    /// Whether the canary's new replicas still count as cold.
    fn is_cold(&mut self, block: &Block) -> bool {
        let ColdStart { requests, time } = self.cold_start;
        if block.canary_arrivals == 0 {
            return false;
        }
        let since = *self.course.stage_since.get_or_insert(block.opened_at);
        self.course.stage_arrivals < requests || block.opened_at.since(since) < time
    }

    fn threshold(&self, watch: &Watch) -> f64 {
        self.budget.threshold(watch.name()).unwrap_or_else(|| self.budget.joint_threshold())
    }

    fn safe_threshold(&self) -> f64 {
        1.0 / self.false_promotion_budget
    }

    fn verdict(&self) -> Verdict {
        if self.course.degraded.is_some() {
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
        self.watches.iter().enumerate().filter(|(_, watch)| watch.required() && watch.fed() != Fed::Neither)
    }

    /// Both versions' answers, corrected for the judge where its errors are known.
    fn quality(&self, stable: (&Measures, Count), canary: (&Measures, Count)) -> QualityComparison {
        let compared = QualityComparison::between(stable, canary);
        match &self.calibration {
            Some(calibration) => compared.corrected(calibration, stable.1, canary.1),
            None => compared,
        }
    }

    fn guardrail_verdict(&self, index: usize, watch: &Watch) -> Verdict {
        let has_alerted = watch.alerts_only() && self.course.alerts.contains_key(watch.name());
        if has_alerted || self.course.degraded.is_some_and(|trigger| trigger.watch == index) {
            Verdict::Degraded
        } else if !self.enough() || watch.fed() != Fed::Both {
            Verdict::Insufficient
        } else if watch.log_safe() >= self.safe_threshold().ln() {
            Verdict::Healthy
        } else {
            Verdict::Undecided
        }
    }
}

impl CanaryEvaluator for SequentialEvaluator {
    fn signals(&self) -> Signals {
        self.signals.clone()
    }

    fn block_rule(&self) -> BlockRule {
        self.rule
    }

    fn user_cap(&self) -> UserCap {
        self.user_cap
    }

    fn absorb(&mut self, block: &Block) {
        let is_cold = !block.reviews && self.is_cold(block);
        let course = &mut self.course;
        course.pairs = course.pairs.saturating_add(block.pairs.len() as u64);
        course.stable_requests = course.stable_requests.saturating_add(block.stable.requests());
        course.canary_requests = course.canary_requests.saturating_add(block.canary.requests());
        course.stage_arrivals = course.stage_arrivals.saturating_add(block.canary_arrivals);
        course.stage_capped = course.stage_capped.saturating_add(block.canary_capped);
        self.window.push(block);
        let proof = self.safe_threshold().ln();
        self.watches.iter_mut().for_each(|watch| watch.absorb(block, is_cold, proof));
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
        let proof = self.safe_threshold().ln();
        self.watches.iter_mut().for_each(|watch| watch.start_stage(proof));
        self.course.stage_since = None;
        (self.course.stage_arrivals, self.course.stage_capped) = (0, 0);
    }

    fn promoted(&mut self, now: Timestamp) {
        if self.course.promoted {
            return;
        }
        self.course.promoted = true;
        self.end_block(now);
        self.feed.canary_alone();
        let proof = self.safe_threshold().ln();
        for watch in &mut self.watches {
            watch.start_stage(proof);
            watch.promote(self.budget.limit_error(watch.name()));
        }
    }

    fn evidence(&self) -> Option<serde_json::Value> {
        serde_json::to_value(self.state()).ok()
    }

    fn restore(&mut self, evidence: &serde_json::Value) -> Result<(), StateError> {
        self.resume(SequentialState::deserialize(evidence).map_err(|error| StateError::Unreadable(error.to_string()))?)
    }

    fn evaluate(&self, now: Timestamp) -> Evaluation {
        let verdict = self.verdict();
        let (stable, canary) = (self.window.stable(now), self.window.canary(now));
        let invalid = stable.invalid() + canary.invalid();
        let (stable, canary) = (stable.total(), canary.total());
        let count = |measures: &Measures, signal: usize| measures.rates().get(signal).copied().unwrap_or_default();
        let readings: Vec<_> = self.watches.iter().map(Watch::reading).collect();
        Evaluation {
            verdict,
            rollback: verdict == Verdict::Degraded,
            reasons: self.reasons(verdict, &readings, invalid),
            latency: LatencyComparison::between(&stable, &canary),
            errors: ErrorComparison::between(count(&stable, ERRORS), count(&canary, ERRORS)),
            quality: self.quality((&stable, count(&stable, FAILURES)), (&canary, count(&canary, FAILURES))),
            guardrails: self.guardrail_reports(&readings),
            stable_requests: self.course.stable_requests,
            canary_requests: self.course.canary_requests,
            pairs: self.course.pairs,
            alerts: self.course.alerts.clone(),
            awaits: None,
            ledger: Some(self.ledger(&readings)),
            at: now,
        }
    }
}
