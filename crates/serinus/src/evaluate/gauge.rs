//! The evidence on one guardrail, from block to block.

mod limit;
mod means;
mod pairs;
mod pending;
mod rates;
mod stratified;
mod times;

use serde::{Deserialize, Serialize};

use self::means::Means;
use self::pairs::Pairs;
use self::rates::Rates;
use self::times::Times;
use super::guardrail::Comparison;
use crate::observe::{Block, Signals};
use serinus_stats::{Interval, StatisticsError};

/// The evidence on one guardrail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Gauge {
    Rates(Box<Rates>),
    Times(Box<Times>),
    Means(Box<Means>),
    Pairs(Box<Pairs>),
}

/// What is compared, and in which unit it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Share,
    Milliseconds,
    Score,
    Tokens,
    Pairs,
}

/// Where a gauge stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) unit: Unit,
    /// Requests that say something of it, of the stable version and of the canary.
    pub(super) requests: (u64, u64),
    /// A share, a quantile or a mean of each, over the whole rollout.
    pub(super) values: (Option<f64>, Option<f64>),
    /// The quantile that the values are, where they are one: the one with the most evidence.
    pub(super) quantile: Option<f64>,
    /// The relative increase over this stage.
    pub(super) increase: Option<f64>,
    /// Whether the estimates of this stage lie inside the margin.
    pub(super) within_margin: bool,
    /// What the promoted version is held against.
    pub(super) limit: Option<f64>,
    /// The logarithms of the evidence that the canary is worse, and that it is not.
    pub(super) log_worse: f64,
    pub(super) log_safe: f64,
}

impl Gauge {
    /// A gauge without evidence. The comparison has been checked.
    pub(super) fn new(comparison: &Comparison, signals: &Signals) -> Result<Self, StatisticsError> {
        Ok(match comparison {
            Comparison::Rate { of, worse, safe } => Self::Rates(Box::new(Rates::new(of, *worse, safe, signals))),
            Comparison::Time { of, worse, safe } => Self::Times(Box::new(Times::new(*of, *worse, *safe))),
            Comparison::Score { worse, safe } => Self::Means(Box::new(Means::of_scores(*worse, *safe)?)),
            Comparison::Length { worse, safe } => Self::Means(Box::new(Means::of_lengths(*worse, *safe)?)),
            Comparison::Pairs { worse, safe } => Self::Pairs(Box::new(Pairs::new(*worse, *safe)?)),
        })
    }

    /// Takes in a block. From a cold canary only its times are left out: an error is an error from the first request on. What
    /// has been shown to be safe by evidence whose logarithm is `proof` need not be shown again.
    pub(super) fn absorb(&mut self, block: &Block, canary_is_cold: bool, proof: f64) {
        match self {
            Self::Rates(rates) => rates.absorb(block, proof),
            Self::Times(times) => times.absorb(block, canary_is_cold, proof),
            Self::Means(means) => means.absorb(block, proof),
            Self::Pairs(pairs) => pairs.absorb(block, proof),
        }
    }

    /// Other shares from here on.
    pub(super) fn start_stage(&mut self, proof: f64) {
        match self {
            Self::Rates(rates) => rates.start_stage(proof),
            Self::Times(times) => times.start_stage(proof),
            Self::Means(means) => means.start_stage(proof),
            // The same prompts stay the same prompts under other shares.
            Self::Pairs(_) => {}
        }
    }

    /// From here on the canary is alone. Limits may be wrong with this probability.
    pub(super) fn promote(&mut self, error: f64) {
        match self {
            Self::Rates(rates) => rates.promote(error),
            Self::Times(times) => times.promote(error),
            Self::Means(means) => means.promote(error),
            Self::Pairs(_) => {}
        }
    }

    /// The logarithm of the evidence that the canary is worse.
    pub(super) fn log_worse(&self) -> f64 {
        match self {
            Self::Rates(rates) => rates.log_worse(),
            Self::Times(times) => times.log_worse(),
            Self::Means(means) => means.log_worse(),
            Self::Pairs(pairs) => pairs.log_worse(),
        }
    }

    /// The logarithm of the greatest evidence so far that it is not. By Ville's inequality the greatest is as good as the
    /// last.
    pub(super) fn log_safe(&self) -> f64 {
        match self {
            Self::Rates(rates) => rates.log_safe(),
            Self::Times(times) => times.log_safe(),
            Self::Means(means) => means.log_safe(),
            Self::Pairs(pairs) => pairs.log_safe(),
        }
    }

    pub(super) fn reading(&self) -> Reading {
        match self {
            Self::Rates(rates) => rates.reading(),
            Self::Times(times) => times.reading(),
            Self::Means(means) => means.reading(),
            Self::Pairs(pairs) => pairs.reading(),
        }
    }

    pub(super) fn requests(&self) -> (u64, u64) {
        match self {
            Self::Rates(rates) => rates.requests(),
            Self::Times(times) => times.requests(),
            Self::Means(means) => means.requests(),
            Self::Pairs(pairs) => pairs.requests(),
        }
    }

    /// An anytime-valid interval for the difference between the versions.
    pub(super) fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        match self {
            Self::Rates(rates) => rates.interval(confidence),
            Self::Times(times) => times.interval(confidence),
            Self::Means(means) => means.interval(confidence),
            Self::Pairs(pairs) => pairs.interval(confidence),
        }
    }
}

/// The logarithm of the mean of what these are the logarithms of.
fn log_mean_exp(logs: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let n = logs.len() as f64;
    let greatest = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    if greatest == f64::NEG_INFINITY {
        return greatest;
    }
    greatest + (logs.map(|log| (log - greatest).exp()).sum::<f64>() / n).ln()
}
