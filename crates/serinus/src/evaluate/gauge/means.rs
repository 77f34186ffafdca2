//! Means: of scores, and of lengths.

use serde::{Deserialize, Serialize};

use super::limit::{Limits, RecentStrata};
use super::log_mean_exp;
use super::pending::{Part, Pending};
use super::stratified::Stratified;
use super::{Reading, Unit};
use crate::observe::{ArmEvidence, Block, Histogram, Measures, Moments};
use serinus_stats::sequential::{Direction, EProcess, Margin, MeanTest};
use serinus_stats::{Interval, StatisticsError};

/// Stable lengths that must be known before a length too long to count in full is set.
const HISTORY: u64 = 200;
/// Longer answers than this multiple of this quantile count as if they were that long: a few endless answers would otherwise
/// drown all others.
const CAP_FACTOR: f64 = 2.0;
const CAP_QUANTILE: f64 = 0.999;

/// The evidence on a mean. Values count as the beginning of their [`Histogram`]'s bucket, on both versions alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::evaluate) struct Means {
    of: Of,
    /// One side, or two where neither more nor less is wanted.
    sides: Vec<Side>,
    pending: Pending<Histogram>,
    stable: Moments,
    canary: Moments,
    stage: Stratified,
    recent: RecentStrata,
    limit_error: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Of {
    Scores,
    /// Lengths as shares of the cap, once that is set; before, what is known of the stable version's.
    Lengths {
        cap: Option<f64>,
        history: Histogram,
    },
}

impl Of {
    const fn moments<'a>(&self, measures: &'a Measures) -> &'a Moments {
        match self {
            Self::Scores => measures.quality(),
            Self::Lengths { .. } => measures.tokens(),
        }
    }
}

/// One way of being worse.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Side {
    is_worse: IsWorse,
    worse: MeanTest,
    safe: MeanTest,
    /// What the rollback test grants, and what the promote test excludes.
    granted: f64,
    excluded: f64,
    safest: f64,
    limits: Limits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum IsWorse {
    LowerScores,
    LongerAnswers,
    ShorterAnswers,
}

impl Means {
    pub(super) fn of_scores(worse: f64, safe: f64) -> Result<Self, StatisticsError> {
        let side = Side {
            is_worse: IsWorse::LowerScores,
            worse: MeanTest::of_scores(Direction::Worse, worse)?,
            safe: MeanTest::of_scores(Direction::Safe, safe)?,
            granted: worse,
            excluded: safe,
            safest: 0.0,
            limits: Limits::default(),
        };
        Ok(Self::new(Of::Scores, vec![side]))
    }

    pub(super) fn of_lengths(worse: f64, safe: f64) -> Result<Self, StatisticsError> {
        // Shorter answers are worse where longer ones are better: the same tests with their directions exchanged.
        let side = |is_worse, worse_direction, safe_direction, sign: f64| {
            Ok(Side {
                is_worse,
                worse: MeanTest::of_losses(worse_direction, Margin::relative(sign * worse)?),
                safe: MeanTest::of_losses(safe_direction, Margin::relative(sign * safe)?),
                granted: worse,
                excluded: safe,
                safest: 0.0,
                limits: Limits::default(),
            })
        };
        let longer = side(IsWorse::LongerAnswers, Direction::Worse, Direction::Safe, 1.0)?;
        let shorter = side(IsWorse::ShorterAnswers, Direction::Safe, Direction::Worse, -1.0)?;
        Ok(Self::new(Of::Lengths { cap: None, history: Histogram::default() }, vec![longer, shorter]))
    }

    fn new(of: Of, sides: Vec<Side>) -> Self {
        Self {
            of,
            sides,
            pending: Pending::new(),
            stable: Moments::default(),
            canary: Moments::default(),
            stage: Stratified::default(),
            recent: RecentStrata::default(),
            limit_error: None,
        }
    }

    pub(super) fn absorb(&mut self, block: &Block, proof: f64) {
        let before = self.stable.count();
        for (_, measures) in block.stable.strata() {
            self.stable.merge(self.of.moments(measures));
        }
        for (_, measures) in block.canary.strata() {
            self.canary.merge(self.of.moments(measures));
        }
        if self.stable.count() > before || self.limit_error.is_none() {
            let (stable, canary) = (self.values(&block.stable), self.values(&block.canary));
            for part in self.pending.add(block, stable.into_iter(), canary.into_iter()) {
                self.compare(&part, proof);
            }
            return;
        }
        self.set_limits();
        for (stratum, values) in self.values(&block.canary) {
            let values = self.payoffs(&values);
            for side in &mut self.sides {
                if let Some(limit) = side.limits.of(stratum) {
                    // Limits and payoffs are inside the range that the test accepts.
                    let _ = side.worse.update_against_limit(&values, limit);
                }
            }
        }
    }

    fn values(&self, evidence: &ArmEvidence) -> Vec<(u8, Histogram)> {
        let values = |measures: &Measures| match self.of {
            Of::Scores => measures.scores().clone(),
            Of::Lengths { .. } => measures.lengths().clone(),
        };
        evidence.strata().map(|(stratum, measures)| (stratum, values(measures))).collect()
    }

    /// What the values count as, in [0, 1], and how often each occurs.
    fn payoffs(&self, values: &Histogram) -> Vec<(f64, u64)> {
        let cap = match self.of {
            Of::Scores => 1.0,
            Of::Lengths { cap, .. } => cap.unwrap_or(f64::MAX),
        };
        values.beginnings().map(|(value, count)| ((value / cap).min(1.0), count)).collect()
    }

    fn compare(&mut self, part: &Part<Histogram>, proof: f64) {
        if let Of::Lengths { cap: cap @ None, history } = &mut self.of {
            history.merge(&part.stable);
            if history.count() < HISTORY {
                return;
            }
            // Where nothing was ever longer than 0, any cap will do.
            let longest = history.quantile(CAP_QUANTILE).filter(|longest| *longest > 0.0).unwrap_or(1.0);
            *cap = Some(CAP_FACTOR * longest);
            let history = std::mem::take(history);
            return self.test(part.stratum, &history, &Histogram::default(), proof);
        }
        self.test(part.stratum, &part.stable, &part.canary, proof);
    }

    fn test(&mut self, stratum: u8, stable: &Histogram, canary: &Histogram, proof: f64) {
        let (stable, canary) = (self.payoffs(stable), self.payoffs(canary));
        for side in &mut self.sides {
            // Payoffs are in [0, 1].
            let _ = side.worse.update_counted(stratum, &stable, &canary);
            if side.safest < proof {
                let _ = side.safe.update_counted(stratum, &stable, &canary);
                side.safest = side.safest.max(side.safe.e_value().log());
            }
        }
        let number_and_sum = |payoffs: &[(f64, u64)]| {
            payoffs.iter().fold((0.0, 0.0), |(n, sum), (x, count)| (n + *count as f64, sum + x * *count as f64))
        };
        let (stable, canary) = (number_and_sum(&stable), number_and_sum(&canary));
        self.recent.add(stratum, stable);
        self.stage.add_sums(stable, canary);
    }

    pub(super) fn start_stage(&mut self, proof: f64) {
        for part in self.pending.take_stable() {
            self.compare(&part, proof);
        }
        self.stage = Stratified::default();
    }

    pub(super) fn promote(&mut self, error: f64) {
        self.limit_error = Some(error / self.sides.len() as f64);
        self.set_limits();
    }

    fn set_limits(&mut self) {
        let Some(error) = self.limit_error else { return };
        for side in &mut self.sides {
            let (is_worse, granted) = (side.is_worse, side.granted);
            self.recent.fix(&mut side.limits, error, |recent, error| match is_worse {
                IsWorse::LowerScores => recent.lowest(error) - granted,
                IsWorse::LongerAnswers => (1.0 + granted) * recent.highest(error),
                IsWorse::ShorterAnswers => (1.0 - granted) * recent.lowest(error),
            });
        }
    }

    pub(super) fn log_worse(&self) -> f64 {
        log_mean_exp(self.sides.iter().map(|side| side.worse.e_value().log()))
    }

    /// Of several ways of being worse, all must be excluded.
    pub(super) fn log_safe(&self) -> f64 {
        self.sides.iter().map(|side| side.safest).fold(f64::INFINITY, f64::min)
    }

    pub(super) const fn requests(&self) -> (u64, u64) {
        (self.stable.count(), self.canary.count())
    }

    pub(super) fn reading(&self) -> Reading {
        let unit = match self.of {
            Of::Scores => Unit::Score,
            Of::Lengths { .. } => Unit::Tokens,
        };
        let scale = match self.of {
            Of::Scores => 1.0,
            Of::Lengths { cap, .. } => cap.unwrap_or(1.0),
        };
        let strongest = self.sides.iter().max_by(|a, b| a.worse.e_value().log().total_cmp(&b.worse.e_value().log()));
        Reading {
            unit,
            requests: self.requests(),
            values: (self.stable.mean(), self.canary.mean()),
            quantile: None,
            increase: self.stage.increase(),
            within_margin: !self.stage.is_empty() && self.sides.iter().all(|side| side.within(&self.stage)),
            limit: strongest.and_then(|side| side.limits.only()).map(|limit| limit * scale),
            log_worse: self.log_worse(),
            log_safe: self.log_safe(),
        }
    }

    pub(super) fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        let side = self.sides.first();
        let Interval { low, high } =
            side.map_or(Ok(Interval { low: -1.0, high: 1.0 }), |side| side.worse.interval(confidence))?;
        let scale = match self.of {
            Of::Scores => 1.0,
            Of::Lengths { cap, .. } => cap.unwrap_or(f64::INFINITY),
        };
        Ok(Interval { low: low * scale, high: high * scale })
    }
}

impl Side {
    fn within(&self, stage: &Stratified) -> bool {
        let change = stage.increase();
        match self.is_worse {
            IsWorse::LowerScores => stage.difference().is_some_and(|difference| difference >= -self.excluded),
            IsWorse::LongerAnswers => change.is_none_or(|change| change <= self.excluded),
            IsWorse::ShorterAnswers => change.is_none_or(|change| change >= -self.excluded),
        }
    }
}
