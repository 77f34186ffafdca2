//! One guardrail's evidence, from block to block.

use std::sync::Arc;

use super::budget::{Budget, bounded_exp};
use super::evaluation::GuardrailReport;
use super::guardrail::Guardrail;
use super::limit::Recent;
use super::stratified::Stratified;
use super::verdict::Verdict;
use crate::observe::{ArmEvidence, Block, Count};
use serinus_stats::sequential::{Direction, EProcess, Margin, RateBlock, RateTest};

/// Tests one guardrail over a rollout.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    guardrail: Arc<dyn Guardrail>,
    /// The place of its counts in the evidence.
    signal: Option<usize>,
    margin: Margin,
    safe_margins: Vec<Margin>,
    worse: RateTest,
    safe: Vec<RateTest>,
    /// The logarithm of the greatest safe e-value so far.
    safest: f64,
    pending: RateBlock,
    stable: Count,
    canary: Count,
    stage: Stratified,
    recent: Recent,
    /// What the limit's own error may be, once the canary is promoted.
    limit_error: Option<f64>,
    limit: Option<f64>,
}

/// Which versions have data of a guardrail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fed {
    Neither,
    OnlyStable,
    OnlyCanary,
    Both,
}

impl Watch {
    pub(super) fn new(guardrail: Arc<dyn Guardrail>, signal: Option<usize>) -> Self {
        let (margin, safe_margins) = (guardrail.worse(), guardrail.safe());
        Self {
            signal,
            margin,
            worse: RateTest::new(Direction::Worse, margin),
            safe: safe_margins.iter().map(|margin| RateTest::new(Direction::Safe, *margin)).collect(),
            safe_margins,
            safest: 0.0,
            pending: RateBlock::default(),
            stable: Count::default(),
            canary: Count::default(),
            stage: Stratified::default(),
            recent: Recent::default(),
            limit_error: None,
            limit: None,
            guardrail,
        }
    }

    pub(super) fn guardrail(&self) -> &dyn Guardrail {
        &*self.guardrail
    }

    pub(super) fn name(&self) -> &str {
        self.guardrail.name()
    }

    pub(super) const fn stable(&self) -> Count {
        self.stable
    }

    pub(super) const fn canary(&self) -> Count {
        self.canary
    }

    pub(super) fn log_e_value(&self) -> f64 {
        self.worse.e_value().log()
    }

    /// The logarithm of the greatest evidence of safety so far. By Ville's inequality the greatest is as good as the last.
    pub(super) const fn safest(&self) -> f64 {
        self.safest
    }

    pub(super) const fn limit(&self) -> Option<f64> {
        self.limit
    }

    pub(super) const fn fed(&self) -> Fed {
        match (self.stable.trials(), self.canary.trials()) {
            (0, 0) => Fed::Neither,
            (_, 0) => Fed::OnlyStable,
            (0, _) => Fed::OnlyCanary,
            (_, _) => Fed::Both,
        }
    }

    pub(super) fn absorb(&mut self, block: &Block) {
        let (stable, canary) = (self.count(&block.stable), self.count(&block.canary));
        self.stable.merge(stable);
        self.canary.merge(canary);
        self.recent.add(stable);
        if stable.trials() > 0 || self.limit_error.is_none() {
            self.compare(stable, canary);
            return;
        }
        // Blocks come in order: all that the old version did has been taken in by now, a flip's own block included.
        self.set_limit();
        if let Some(limit) = self.limit {
            self.hold_against(limit, canary);
        }
    }

    fn count(&self, evidence: &ArmEvidence) -> Count {
        self.signal.and_then(|signal| evidence.rates().get(signal)).copied().unwrap_or_default()
    }

    /// Compares the versions' counts. A signal that only few requests have (a sampled judge) is missing on one version in
    /// many a block: its counts wait until both have some.
    fn compare(&mut self, stable: Count, canary: Count) {
        self.pending.stable.merge(stable);
        self.pending.canary.merge(canary);
        if self.pending.stable.trials() == 0 || self.pending.canary.trials() == 0 {
            return;
        }
        let block = std::mem::take(&mut self.pending);
        self.worse.update(block);
        self.safe.iter_mut().for_each(|test| test.update(block));
        self.safest = self.safest.max(log_mean_exp(self.safe.iter().map(|test| test.e_value().log())));
        self.stage.add(block.stable, block.canary);
    }

    fn hold_against(&mut self, limit: f64, canary: Count) {
        if canary.trials() > 0 {
            // A limit that the test refuses tests nothing, and limits come from `Recent`, inside its range.
            let _ = self.worse.update_against_limit(canary, limit);
        }
    }

    /// Under new shares, what one version did alone under the old ones has nothing to be compared with.
    pub(super) fn start_stage(&mut self) {
        self.pending = RateBlock::default();
        self.stage = Stratified::default();
    }

    pub(super) fn promoted(&mut self, budget: &Budget) {
        self.limit_error = Some(budget.limit_error(self.name()));
        self.set_limit();
    }

    /// Fixes the limit, unless it stands already or nothing is known of the old version.
    fn set_limit(&mut self) {
        if let (None, Some(error)) = (self.limit, self.limit_error) {
            self.limit = self.recent.limit(self.margin, error);
        }
    }

    pub(super) fn report(&self, verdict: Verdict, threshold: f64, safe_threshold: f64) -> GuardrailReport {
        GuardrailReport {
            verdict,
            e_value: bounded_exp(self.log_e_value()),
            log_e_value: self.log_e_value().clamp(-f64::MAX, f64::MAX),
            threshold,
            safe_e_value: bounded_exp(self.safest),
            safe_threshold,
            stable: self.stable,
            canary: self.canary,
            estimate: self.stage.increase(),
            within_margin: self.stage.within(&self.safe_margins),
            limit: self.limit,
        }
    }
}

fn log_mean_exp(logs: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let n = logs.len() as f64;
    let greatest = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    if greatest == f64::NEG_INFINITY {
        return greatest;
    }
    greatest + (logs.map(|log| (log - greatest).exp()).sum::<f64>() / n).ln()
}
