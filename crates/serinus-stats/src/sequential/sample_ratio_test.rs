//! Whether traffic is split as configured.

use serde::{Deserialize, Serialize};

use super::confidence_sequence::ConfidenceSequence;
use super::restart::log_add;
use super::{EProcess, EValue};
use crate::{Interval, StatisticsError};

/// How firmly the alternatives are believed to lie near the configured shares: from any split at all to one that is off by a
/// percent.
const CONCENTRATIONS: [f64; 4] = [10.0, 100.0, 1_000.0, 10_000.0];

/// An e-process on the shares of traffic that versions get: a sequential test of sample-ratio mismatch.
///
/// The likelihood of the counts under a mixture of Dirichlet priors about the configured shares, over their likelihood under
/// the shares themselves (M. Lindon and A. Malek, "Anytime-valid inference for multinomial count data", `NeurIPS` 2022,
/// [arXiv:2011.03567](https://arxiv.org/abs/2011.03567)). It is begun anew, with what was won kept, when the shares change.
///
/// The unit is what is assigned by chance: with sticky assignment the *user*, once each, not the request.
///
/// Accumulators of the same shares [merge](Self::merge) exactly: only counts matter.
///
/// ```
/// use serinus_stats::sequential::{Decision, EProcess, SampleRatioTest};
///
/// let mut test = SampleRatioTest::new(&[0.95, 0.05])?;
/// test.update(&[960, 40])?;
/// assert_eq!(test.decision(0.01)?, Decision::Continue);
/// test.set_shares(&[0.9, 0.1])?;
/// test.update(&[9_500, 500])?;
/// assert_eq!(test.decision(0.01)?, Decision::Reject, "5% where 10% are configured");
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleRatioTest {
    /// The configured shares, which sum to 1.
    shares: Vec<f64>,
    /// Counts since the shares were set.
    counts: Vec<u64>,
    /// What each concentration had won before that, as logarithms.
    won: [f64; CONCENTRATIONS.len()],
}

impl SampleRatioTest {
    /// A test of these shares, given as weights of any sum.
    ///
    /// # Errors
    ///
    /// Unless there are at least two weights, all finite and above 0, with a finite sum.
    pub fn new(weights: &[f64]) -> Result<Self, StatisticsError> {
        Ok(Self { shares: shares(weights)?, counts: vec![0; weights.len()], won: [0.0; CONCENTRATIONS.len()] })
    }

    /// Takes in how many went to each version since the last time.
    ///
    /// # Errors
    ///
    /// Unless there are as many counts as shares; then nothing is taken in.
    pub fn update(&mut self, counts: &[u64]) -> Result<(), StatisticsError> {
        self.check_length("counts", counts.len())?;
        for (sum, count) in self.counts.iter_mut().zip(counts) {
            *sum = sum.saturating_add(*count);
        }
        Ok(())
    }

    /// Takes in many counts.
    ///
    /// # Errors
    ///
    /// Unless each has as many counts as there are shares; those before the first faulty one are taken in.
    pub fn update_many<'a>(&mut self, counts: impl IntoIterator<Item = &'a [u64]>) -> Result<(), StatisticsError> {
        counts.into_iter().try_for_each(|counts| self.update(counts))
    }

    /// Changes the shares from here on. What was won under the old ones is kept.
    ///
    /// # Errors
    ///
    /// Unless there are as many weights as before, all finite and above 0, with a finite sum.
    pub fn set_shares(&mut self, weights: &[f64]) -> Result<(), StatisticsError> {
        self.check_length("weights", weights.len())?;
        let shares = shares(weights)?;
        self.won = self.logs();
        self.shares = shares;
        self.counts.fill(0);
        Ok(())
    }

    /// Takes in what another accumulator saw of other requests under the same shares.
    ///
    /// # Errors
    ///
    /// Unless both have the same shares now.
    pub fn merge(&mut self, other: &Self) -> Result<(), StatisticsError> {
        self.check_length("other", other.shares.len())?;
        if let Some((_, got)) = self.shares.iter().zip(&other.shares).find(|(mine, other)| mine != other) {
            return Err(StatisticsError { argument: "other", expected: "a test of the same shares", got: *got });
        }
        for (mine, other) in self.won.iter_mut().zip(other.won) {
            *mine += other;
        }
        self.update(&other.counts)
    }

    /// The share of version `index` since the shares were last set; `None` without counts or such a version.
    pub fn estimate(&self, index: usize) -> Option<f64> {
        let total: f64 = self.counts.iter().map(|count| *count as f64).sum();
        self.counts.get(index).filter(|_| total > 0.0).map(|count| *count as f64 / total)
    }

    /// An interval for the share of version `index` since the shares were last set, valid at all times together.
    ///
    /// # Errors
    ///
    /// Unless `confidence` is in (0, 1) and there is such a version.
    pub fn interval(&self, index: usize, confidence: f64) -> Result<Interval, StatisticsError> {
        let (Some(share), Some(count)) = (self.shares.get(index), self.counts.get(index)) else {
            return Err(StatisticsError { argument: "index", expected: "the place of a version", got: index as f64 });
        };
        let total: f64 = self.counts.iter().map(|count| *count as f64).sum();
        ConfidenceSequence::of_share(*count as f64, total, *share).interval(confidence)
    }

    fn check_length(&self, argument: &'static str, got: usize) -> Result<(), StatisticsError> {
        if got == self.shares.len() {
            return Ok(());
        }
        Err(StatisticsError { argument, expected: "one for each version", got: got as f64 })
    }

    /// What each concentration has won, as logarithms.
    fn logs(&self) -> [f64; CONCENTRATIONS.len()] {
        let total: f64 = self.counts.iter().map(|count| *count as f64).sum();
        std::array::from_fn(|i| {
            let concentration = CONCENTRATIONS[i];
            let each = self.shares.iter().zip(&self.counts).map(|(share, count)| {
                let (prior, count) = (concentration * share, *count as f64);
                log_rising(prior, count) - if count > 0.0 { count * share.ln() } else { 0.0 }
            });
            self.won[i] + each.sum::<f64>() - log_rising(concentration, total)
        })
    }
}

impl EProcess for SampleRatioTest {
    fn e_value(&self) -> EValue {
        let logs = self.logs();
        EValue::of_log(logs.iter().copied().fold(f64::NEG_INFINITY, log_add) - (logs.len() as f64).ln())
    }
}

fn shares(weights: &[f64]) -> Result<Vec<f64>, StatisticsError> {
    if weights.len() < 2 {
        return Err(StatisticsError { argument: "weights", expected: "at least two", got: weights.len() as f64 });
    }
    if let Some(&got) = weights.iter().find(|weight| !(weight.is_finite() && **weight > 0.0)) {
        return Err(StatisticsError { argument: "weights", expected: "finite and above 0", got });
    }
    let sum: f64 = weights.iter().sum();
    if !sum.is_finite() || weights.iter().any(|weight| weight / sum <= 0.0) {
        return Err(StatisticsError {
            argument: "weights",
            expected: "of comparable size, with a finite sum",
            got: sum,
        });
    }
    Ok(weights.iter().map(|weight| weight / sum).collect())
}

/// ln Γ(a + n) − ln Γ(a).
fn log_rising(a: f64, n: f64) -> f64 {
    libm::lgamma(a + n) - libm::lgamma(a)
}
