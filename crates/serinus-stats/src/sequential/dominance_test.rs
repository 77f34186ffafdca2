//! Whether one version's latencies are longer, wherever in their distribution.

use serde::{Deserialize, Serialize};

use super::exceedance_test::{Exceedances, factor, non_negative};
use super::recent::Recent;
use super::restart::log_add;
use super::{Direction, EProcess, EValue};
use crate::{Interval, StatisticsError, check};

/// The quantiles whose exceedances are tested.
const QUANTILES: [f64; 5] = [0.5, 0.75, 0.9, 0.95, 0.99];

/// An e-process on two versions' latencies: exceedance tests of the quantiles 0.5, 0.75, 0.9, 0.95 and 0.99 together.
///
/// A shift of the whole distribution is found as soon as the median shows it, several times sooner than by the tail; a
/// regression of the tail alone is found by the tail. For [`Direction::Worse`] the evidence is the mean of the five tests'
/// (rejecting means: at some quantile the canary is worse than the margin); for [`Direction::Safe`] it is the least (at none).
/// What each of them tests is told at [`ExceedanceTest`](super::ExceedanceTest).
///
/// Accumulators are not merged: thresholds depend on the values before. Routers merge the values of a block.
///
/// ```
/// use serinus_stats::sequential::{Decision, Direction, DominanceTest, EProcess};
///
/// let mut test = DominanceTest::new(Direction::Worse, 0.1)?;
/// let stable: Vec<f64> = (0..400).map(|i| 100.0 + f64::from(i % 97)).collect();
/// test.update(&stable, &[])?;
/// for block in stable.chunks(40) {
///     let canary: Vec<f64> = block.iter().take(4).map(|x| x * 1.5).collect();
///     test.update(block, &canary)?;
/// }
/// assert_eq!(test.decision(0.01)?, Decision::Reject);
/// let strongest = test.strongest();
/// assert!(strongest.e_value > test.e_value(), "the quantile at {} carries it", strongest.quantile);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DominanceTest {
    direction: Direction,
    factor: f64,
    recent: Recent,
    exceedances: [Exceedances; QUANTILES.len()],
}

/// What one quantile contributes to a [`DominanceTest`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantileEvidence {
    /// The quantile, in (0, 1).
    pub quantile: f64,
    /// The stable version's recent value of it; `None` while too few values are known.
    pub threshold: Option<f64>,
    /// The evidence of its exceedances alone.
    pub e_value: EValue,
    /// How much more often the canary, less the margin, exceeds it; `None` without evidence.
    pub estimate: Option<f64>,
}

impl DominanceTest {
    /// A test with a relative margin: 0.2 allows the canary a fifth more time at every quantile.
    ///
    /// # Errors
    ///
    /// Unless `increase` is finite and above −1.
    pub fn new(direction: Direction, increase: f64) -> Result<Self, StatisticsError> {
        let factor = factor(increase)?;
        let [a, b, c, d, e] = QUANTILES.map(|quantile| Exceedances::new(direction, quantile));
        Ok(Self { direction, factor, recent: Recent::default(), exceedances: [a?, b?, c?, d?, e?] })
    }

    /// Takes in a complete block. A quantile is evidence once enough stable values are known: 20, and two above it.
    ///
    /// # Errors
    ///
    /// Unless all values are finite and at least 0; then nothing is taken in.
    pub fn update(&mut self, stable: &[f64], canary: &[f64]) -> Result<(), StatisticsError> {
        non_negative("stable", stable)?;
        non_negative("canary", canary)?;
        for exceedances in &mut self.exceedances {
            exceedances.update(stable, canary, self.factor);
        }
        self.recent.add(stable);
        if let Some(sorted) = self.recent.look() {
            self.exceedances.iter_mut().for_each(|exceedances| exceedances.set_threshold(&sorted));
        }
        Ok(())
    }

    /// Takes in blocks one after the other.
    ///
    /// # Errors
    ///
    /// Unless all values are finite and at least 0; the blocks before the first faulty one are taken in.
    pub fn update_many<'a>(
        &mut self,
        blocks: impl IntoIterator<Item = (&'a [f64], &'a [f64])>,
    ) -> Result<(), StatisticsError> {
        blocks.into_iter().try_for_each(|(stable, canary)| self.update(stable, canary))
    }

    /// What each quantile contributes, from the lowest to the highest.
    pub fn quantiles(&self) -> [QuantileEvidence; QUANTILES.len()] {
        self.exceedances.each_ref().map(|each| QuantileEvidence {
            quantile: each.quantile,
            threshold: each.threshold,
            e_value: each.rates.e_value(),
            estimate: each.rates.estimate(),
        })
    }

    /// The quantile with the most evidence.
    pub fn strongest(&self) -> QuantileEvidence {
        let [first, rest @ ..] = self.quantiles();
        rest.into_iter().fold(first, |most, next| if next.e_value > most.e_value { next } else { most })
    }

    /// An interval for how much more often the canary exceeds the threshold of the [strongest](Self::strongest) quantile,
    /// valid at all times and for all five quantiles together.
    ///
    /// # Errors
    ///
    /// Unless `confidence` is in (0, 1).
    pub fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        check::confidence(confidence)?;
        let each = 1.0 - (1.0 - confidence) / QUANTILES.len() as f64;
        let strongest = self.strongest().quantile;
        let carrier = self.exceedances.iter().find(|each| each.quantile == strongest);
        carrier.map_or(Ok(Interval { low: -1.0, high: 1.0 }), |carrier| carrier.rates.interval(each))
    }
}

impl EProcess for DominanceTest {
    fn e_value(&self) -> EValue {
        let logs = self.exceedances.iter().map(|each| each.rates.e_value().log());
        EValue::of_log(match self.direction {
            Direction::Worse => logs.fold(f64::NEG_INFINITY, log_add) - (QUANTILES.len() as f64).ln(),
            Direction::Safe => logs.fold(f64::INFINITY, f64::min),
        })
    }
}
