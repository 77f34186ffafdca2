//! The scores of one arm.

use serde::{Deserialize, Serialize};
use serinus_stats::StatisticsError;
use serinus_stats::means::Moments;

/// The scores of one arm: those of the fixed analysis, kept for their ranks, and the moments of all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Samples {
    all: Moments,
    kept: Vec<f64>,
    /// As many as `kept`, or none.
    covariates: Vec<f64>,
}

impl Samples {
    /// Takes in a score; `room` is how many are kept at most.
    pub(super) fn add(&mut self, score: f64, covariate: Option<f64>, room: usize) -> Result<(), StatisticsError> {
        self.all.update(score)?;
        if self.kept.len() < room {
            self.kept.push(score);
            self.covariates.extend(covariate);
        }
        Ok(())
    }

    pub(super) const fn count(&self) -> u64 {
        self.all.count()
    }

    pub(super) fn mean(&self) -> Option<f64> {
        self.all.mean()
    }

    pub(super) fn deviation(&self) -> Option<f64> {
        self.all.standard_deviation().ok()
    }

    pub(super) fn kept(&self) -> &[f64] {
        &self.kept
    }

    pub(super) fn covariates(&self) -> &[f64] {
        &self.covariates
    }
}
