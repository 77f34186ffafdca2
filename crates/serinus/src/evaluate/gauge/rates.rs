//! How often requests fail.

use serde::{Deserialize, Serialize};

use super::limit::{Limits, RecentStrata};
use super::pending::{Part, Pending};
use super::stratified::Stratified;
use super::{Reading, Unit, log_mean_exp};
use crate::evaluate::guardrail::RateOf;
use crate::observe::{ArmEvidence, Block, Count, Signals};
use serinus_stats::sequential::{Direction, EProcess, Margin, RateBlock, RateTest};
use serinus_stats::{Interval, StatisticsError};

/// The evidence on a rate of failures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::evaluate) struct Rates {
    /// The signal's place in the evidence; `None` of abandoned requests.
    signal: Option<usize>,
    margin: Margin,
    worse: RateTest,
    safe: Vec<(Margin, RateTest)>,
    /// The logarithm of the greatest safe e-value so far.
    safest: f64,
    pending: Pending<Count>,
    stable: Count,
    canary: Count,
    stage: Stratified,
    recent: RecentStrata,
    /// What the limits' own error may be, once the canary is promoted.
    limit_error: Option<f64>,
    limits: Limits,
}

impl Rates {
    pub(super) fn new(of: &RateOf, worse: Margin, safe: &[Margin], signals: &Signals) -> Self {
        let signal = match of {
            RateOf::Signal(signal) => signals.iter().position(|known| known.name() == signal.name()),
            RateOf::Abandoned => None,
        };
        Self {
            signal,
            margin: worse,
            worse: RateTest::new(Direction::Worse, worse),
            safe: safe.iter().map(|margin| (*margin, RateTest::new(Direction::Safe, *margin))).collect(),
            safest: 0.0,
            pending: Pending::new(),
            stable: Count::default(),
            canary: Count::default(),
            stage: Stratified::default(),
            recent: RecentStrata::default(),
            limit_error: None,
            limits: Limits::default(),
        }
    }

    pub(super) fn absorb(&mut self, block: &Block, proof: f64) {
        let (stable, canary) = (self.total(&block.stable), self.total(&block.canary));
        self.stable.merge(stable);
        self.canary.merge(canary);
        for (stratum, count) in self.counts(&block.stable) {
            self.recent.add(stratum, (count.trials() as f64, count.failures() as f64));
        }
        if stable.trials() > 0 || self.limit_error.is_none() {
            let (stable, canary) = (self.counts(&block.stable), self.counts(&block.canary));
            for part in self.pending.add(block, stable, canary) {
                self.compare(&part, proof);
            }
            return;
        }
        // Blocks come in order: all that the old version did has been taken in by now, a flip's own block included.
        self.set_limits();
        for (stratum, count) in self.counts(&block.canary) {
            if let Some(limit) = self.limits.of(stratum) {
                // Limits are inside the range that the test accepts.
                let _ = self.worse.update_against_limit(count, limit);
            }
        }
    }

    fn counts<'a>(&self, evidence: &'a ArmEvidence) -> impl Iterator<Item = (u8, Count)> + use<'a> {
        let signal = self.signal;
        let abandoned = signal.is_none().then(|| (0, abandoned(evidence)));
        let counted = evidence.strata().filter_map(move |(stratum, measures)| {
            let count = measures.rates().get(signal?).copied()?;
            Some((stratum, count))
        });
        counted.chain(abandoned)
    }

    fn total(&self, evidence: &ArmEvidence) -> Count {
        let mut total = Count::default();
        self.counts(evidence).for_each(|(_, count)| total.merge(count));
        total
    }

    fn compare(&mut self, part: &Part<Count>, proof: f64) {
        let block = RateBlock { stable: part.stable, canary: part.canary };
        self.worse.update_in(part.stratum, block);
        if self.safest < proof {
            self.safe.iter_mut().for_each(|(_, test)| test.update_in(part.stratum, block));
            self.safest = self.safest.max(log_mean_exp(self.safe.iter().map(|(_, test)| test.e_value().log())));
        }
        self.stage.add(block.stable, block.canary);
    }

    pub(super) fn start_stage(&mut self, proof: f64) {
        for part in self.pending.take_stable() {
            self.compare(&part, proof);
        }
        self.stage = Stratified::default();
    }

    pub(super) fn promote(&mut self, error: f64) {
        self.limit_error = Some(error);
        self.set_limits();
    }

    /// Fixes the limits, unless they stand already or nothing is known of the old version.
    fn set_limits(&mut self) {
        let Some(error) = self.limit_error else { return };
        let margin = self.margin;
        self.recent
            .fix(&mut self.limits, error, |recent, error| margin.ratio() * recent.highest(error) + margin.offset());
    }

    pub(super) fn log_worse(&self) -> f64 {
        self.worse.e_value().log()
    }

    pub(super) const fn log_safe(&self) -> f64 {
        self.safest
    }

    pub(super) const fn requests(&self) -> (u64, u64) {
        (self.stable.trials(), self.canary.trials())
    }

    pub(super) fn reading(&self) -> Reading {
        Reading {
            unit: Unit::Share,
            requests: self.requests(),
            values: (self.stable.rate(), self.canary.rate()),
            quantile: None,
            increase: self.stage.increase(),
            within_margin: self.safe.iter().any(|(margin, _)| self.stage.within(*margin)),
            limit: self.limits.only(),
            log_worse: self.log_worse(),
            log_safe: self.log_safe(),
        }
    }

    pub(super) fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        self.worse.interval(confidence)
    }
}

fn abandoned(evidence: &ArmEvidence) -> Count {
    let abandoned = evidence.abandoned();
    Count::new(abandoned, evidence.requests().saturating_add(abandoned)).unwrap_or_default()
}
