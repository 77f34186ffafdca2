//! One guardrail being watched over a rollout.

use std::sync::Arc;

use super::budget::bounded_exp;
use super::evaluation::{GuardrailReport, Measured};
use super::gauge::{Gauge, Reading};
use super::guardrail::Guardrail;
use super::verdict::Verdict;
use crate::observe::{Block, Signals};
use serinus_stats::{Interval, StatisticsError};

/// Canary requests of a stage that an estimate of the evidence's pace rests on; before, the whole rollout's is taken.
const PACE: u64 = 100;

/// One guardrail being watched over a rollout.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    guardrail: Arc<dyn Guardrail>,
    /// Whether it only alerts.
    alerts_only: bool,
    gauge: Gauge,
    stage: Start,
}

/// Where the evidence stood when a stage began.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Start {
    requests: u64,
    log_worse: f64,
    log_safe: f64,
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
    pub(super) fn new(
        guardrail: Arc<dyn Guardrail>,
        alerts_only: bool,
        signals: &Signals,
    ) -> Result<Self, StatisticsError> {
        let gauge = Gauge::new(&guardrail.compares(), signals)?;
        Ok(Self { guardrail, alerts_only, gauge, stage: Start::default() })
    }

    pub(super) fn guardrail(&self) -> &dyn Guardrail {
        &*self.guardrail
    }

    pub(super) fn name(&self) -> &str {
        self.guardrail.name()
    }

    pub(super) const fn alerts_only(&self) -> bool {
        self.alerts_only
    }

    /// Whether the canary must be healthy in it.
    pub(super) fn required(&self) -> bool {
        !self.alerts_only && self.guardrail.required()
    }

    pub(super) fn log_worse(&self) -> f64 {
        self.gauge.log_worse()
    }

    pub(super) fn log_safe(&self) -> f64 {
        self.gauge.log_safe()
    }

    pub(super) fn fed(&self) -> Fed {
        match self.gauge.requests() {
            (0, 0) => Fed::Neither,
            (_, 0) => Fed::OnlyStable,
            (0, _) => Fed::OnlyCanary,
            (_, _) => Fed::Both,
        }
    }

    pub(super) fn reading(&self) -> Reading {
        self.gauge.reading()
    }

    pub(super) fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        self.gauge.interval(confidence)
    }

    pub(super) fn absorb(&mut self, block: &Block, canary_is_cold: bool, proof: f64) {
        self.gauge.absorb(block, canary_is_cold, proof);
    }

    pub(super) fn start_stage(&mut self, proof: f64) {
        self.gauge.start_stage(proof);
        let (_, requests) = self.gauge.requests();
        self.stage = Start { requests, log_worse: self.log_worse(), log_safe: self.log_safe() };
    }

    pub(super) fn promote(&mut self, limit_error: f64) {
        self.gauge.promote(limit_error);
    }

    /// How many more canary requests it takes, at the pace of this stage, until one of the two kinds of evidence, given
    /// with what it needs, suffices. `None` while neither grows.
    pub(super) fn more_requests(&self, reading: &Reading, worse_needed: f64, safe_needed: f64) -> Option<f64> {
        let (_, requests) = reading.requests;
        let since = if requests.saturating_sub(self.stage.requests) >= PACE { self.stage } else { Start::default() };
        let seen = requests.saturating_sub(since.requests) as f64;
        let more = |now: f64, then: f64, needed: f64| {
            let pace = (now - then) / seen;
            (pace > 0.0 && pace.is_finite()).then(|| ((needed - now) / pace).max(1.0))
        };
        let worse = more(reading.log_worse, since.log_worse, worse_needed);
        let safe = more(reading.log_safe, since.log_safe, safe_needed);
        let sooner = match (worse, safe) {
            (Some(worse), Some(safe)) => Some(worse.min(safe)),
            (one, other) => one.or(other),
        };
        sooner.filter(|more| *more < 1e9)
    }

    pub(super) fn report(
        &self,
        reading: &Reading,
        verdict: Verdict,
        threshold: f64,
        safe_threshold: f64,
    ) -> GuardrailReport {
        let (stable, canary) = reading.requests;
        GuardrailReport {
            verdict,
            alerts_only: self.alerts_only,
            e_value: bounded_exp(reading.log_worse),
            log_e_value: reading.log_worse.clamp(-f64::MAX, f64::MAX),
            threshold,
            safe_e_value: bounded_exp(reading.log_safe),
            safe_threshold,
            stable: Measured { requests: stable, value: reading.values.0 },
            canary: Measured { requests: canary, value: reading.values.1 },
            quantile: reading.quantile,
            estimate: reading.increase,
            within_margin: reading.within_margin,
            limit: reading.limit,
        }
    }

    pub(super) fn state(&self) -> WatchState {
        WatchState {
            name: self.name().to_owned(),
            compares: format!("{:?}", self.guardrail.compares()),
            gauge: self.gauge.clone(),
            stage: self.stage,
        }
    }

    /// Goes on from stored evidence; gives it back if it is of another comparison.
    pub(super) fn restore(&mut self, state: WatchState) -> Result<(), WatchState> {
        if state.name != self.name() || state.compares != format!("{:?}", self.guardrail.compares()) {
            return Err(state);
        }
        (self.gauge, self.stage) = (state.gauge, state.stage);
        Ok(())
    }
}

/// A guardrail's evidence, to be stored.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct WatchState {
    pub(super) name: String,
    /// The comparison in words, by which a changed margin is noticed.
    pub(super) compares: String,
    gauge: Gauge,
    stage: Start,
}
