//! Means of values without an upper limit: tokens, cost.

use serde::{Deserialize, Serialize};

use super::exceedance_test::non_negative;
use super::recent::at;
use super::{Direction, EProcess, EValue, Margin, MeanTest};
use crate::{Interval, StatisticsError};

/// Stable values from which the cap is taken.
const HISTORY: usize = 200;
const CAP_QUANTILE: f64 = 0.999;
const CAP_FACTOR: f64 = 2.0;

/// An e-process on the means of two versions' lengths, costs or other values without an upper limit, with a relative margin.
///
/// Values are winsorised: what exceeds a cap counts as the cap. Unless [given](Self::capped_at), the cap is twice the 0.999
/// quantile of the first 200 stable values, and fixed from then on, so that it cannot depend on what it is used for. The
/// bets are those of [`MeanTest`]; what is tested is the mean of the winsorised values.
///
/// Accumulators are not merged: a bet depends on the values before it. Routers merge the values of a block.
///
/// ```
/// use serinus_stats::sequential::{Decision, Direction, EProcess, WinsorizedMeanTest};
///
/// let mut test = WinsorizedMeanTest::new(Direction::Worse, 0.1)?;
/// let stable: Vec<f64> = (0..400).map(|i| 100.0 + f64::from(i % 97)).collect();
/// test.update(&stable, &[])?;
/// for block in stable.chunks(40) {
///     let canary: Vec<f64> = block.iter().take(10).map(|x| x * 1.5).collect();
///     test.update(block, &canary)?;
/// }
/// assert_eq!(test.decision(0.01)?, Decision::Reject);
/// assert_eq!(test.cap(), Some(392.0));
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WinsorizedMeanTest {
    cap: Option<f64>,
    /// Stable values from before the cap was set.
    history: Vec<f64>,
    means: MeanTest,
}

impl WinsorizedMeanTest {
    /// A test of values of which more is worse. Null hypothesis of [`Direction::Worse`]:
    /// `μ_canary` ≤ (1 + `increase`)·`μ_stable`; of [`Direction::Safe`]: ≥.
    ///
    /// # Errors
    ///
    /// Unless `increase` is from −0.999 to 999.
    pub fn new(direction: Direction, increase: f64) -> Result<Self, StatisticsError> {
        let margin = Margin::relative(increase)?;
        Ok(Self { cap: None, history: Vec::new(), means: MeanTest::of_losses(direction, margin) })
    }

    /// Sets the cap, which must not depend on the values to be tested.
    ///
    /// # Errors
    ///
    /// Unless `cap` is finite and above 0.
    pub fn capped_at(mut self, cap: f64) -> Result<Self, StatisticsError> {
        if !(cap.is_finite() && cap > 0.0) {
            return Err(StatisticsError { argument: "cap", expected: "finite and above 0", got: cap });
        }
        self.cap = Some(cap);
        Ok(self)
    }

    /// Takes in a complete block. Until the cap is set, canary values are not evidence.
    ///
    /// # Errors
    ///
    /// Unless all values are finite and at least 0; then nothing is taken in.
    pub fn update(&mut self, stable: &[f64], canary: &[f64]) -> Result<(), StatisticsError> {
        non_negative("stable", stable)?;
        non_negative("canary", canary)?;
        let Some(cap) = self.cap else {
            self.history.extend_from_slice(stable);
            return self.set_cap();
        };
        self.means.update(&shares(stable, cap), &shares(canary, cap))
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

    fn set_cap(&mut self) -> Result<(), StatisticsError> {
        if self.history.len() < HISTORY {
            return Ok(());
        }
        let mut history = std::mem::take(&mut self.history);
        history.sort_unstable_by(f64::total_cmp);
        let high = at(&history, CAP_QUANTILE).unwrap_or(0.0);
        // Where nothing was ever above 0, any cap will do.
        let cap = if high > 0.0 { (CAP_FACTOR * high).min(f64::MAX) } else { 1.0 };
        self.cap = Some(cap);
        self.means.update(&shares(&history, cap), &[])
    }

    /// What greater values count as; `None` until 200 stable values are known.
    pub const fn cap(&self) -> Option<f64> {
        self.cap
    }

    /// The canary's winsorised mean less the stable one's, averaged over blocks with the smaller of their counts as weight;
    /// `None` without a block of both.
    pub fn estimate(&self) -> Option<f64> {
        Some(self.means.estimate()? * self.cap?)
    }

    /// An interval for what [`estimate`](Self::estimate) estimates, valid at all times together. Without a cap it is the whole
    /// line.
    ///
    /// # Errors
    ///
    /// Unless `confidence` is in (0, 1).
    pub fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        let Interval { low, high } = self.means.interval(confidence)?;
        let cap = self.cap.unwrap_or(f64::INFINITY);
        Ok(Interval { low: low * cap, high: high * cap })
    }
}

impl EProcess for WinsorizedMeanTest {
    fn e_value(&self) -> EValue {
        self.means.e_value()
    }
}

fn shares(values: &[f64], cap: f64) -> Vec<f64> {
    values.iter().map(|x| x.min(cap) / cap).collect()
}
