//! How often two versions exceed what the stable one seldom does.

use serde::{Deserialize, Serialize};

use super::recent::{Recent, at};
use super::{Count, Direction, EProcess, EValue, Margin, RateBlock, RateTest};
use crate::{Interval, StatisticsError, check};

/// Stable values above a threshold that must be known before it is used.
const ABOVE: f64 = 2.0;
const LEAST_HISTORY: f64 = 20.0;

/// Exceedances of one threshold, the stable version's recent quantile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Exceedances {
    pub(super) quantile: f64,
    pub(super) threshold: Option<f64>,
    pub(super) rates: RateTest,
}

impl Exceedances {
    pub(super) fn new(direction: Direction, quantile: f64) -> Result<Self, StatisticsError> {
        check::open_unit("quantile", quantile)?;
        let rates = RateTest::new(direction, Margin::absolute(0.0)?).expecting(1.0 - quantile)?;
        Ok(Self { quantile, threshold: None, rates })
    }

    /// Takes in a block, whose canary values are divided by `factor`, at the threshold that earlier blocks have set.
    pub(super) fn update(&mut self, stable: &[f64], canary: &[f64], factor: f64) {
        if let Some(threshold) = self.threshold {
            let stable = count(stable.iter().map(|x| *x > threshold));
            let canary = count(canary.iter().map(|x| x / factor > threshold));
            self.rates.update(RateBlock { stable, canary });
        }
    }

    /// Sets the threshold from values in order, once there are enough of them.
    pub(super) fn set_threshold(&mut self, sorted: &[f64]) {
        let n = sorted.len() as f64;
        if n >= LEAST_HISTORY && n * (1.0 - self.quantile) >= ABOVE {
            self.threshold = at(sorted, self.quantile);
        }
    }
}

fn count(exceeds: impl Iterator<Item = bool>) -> Count {
    let mut count = Count::default();
    exceeds.for_each(|exceeds| count.add_trial(exceeds));
    count
}

/// What every test of latencies asks of its margin.
pub(super) fn factor(increase: f64) -> Result<f64, StatisticsError> {
    let factor = 1.0 + increase;
    if factor.is_finite() && factor > 0.0 {
        return Ok(factor);
    }
    Err(StatisticsError { argument: "increase", expected: "finite and above -1", got: increase })
}

/// Values at least 0, as durations and lengths are.
pub(super) fn non_negative(argument: &'static str, values: &[f64]) -> Result<(), StatisticsError> {
    check::sample(argument, values, 0)?;
    match values.iter().find(|x| **x < 0.0) {
        Some(&got) => Err(StatisticsError { argument, expected: "values of at least 0", got }),
        None => Ok(()),
    }
}

/// An e-process on one quantile of two versions' latencies, through the requests that exceed it.
///
/// The threshold is the stable version's own quantile over its latest 2,048 values before the block. A stable request
/// counts if it exceeds the threshold, a canary request if it does so after the margin is divided out; the two rates are
/// compared as by [`RateTest`]. In plain words: at the stable version's own recent threshold, the canary (less the margin)
/// exceeds it no more often. The threshold need not be right for the level to hold, only fixed before the block.
///
/// Accumulators are not merged: thresholds depend on the values before. Routers merge the values of a block.
///
/// ```
/// use serinus_stats::sequential::{Decision, Direction, EProcess, ExceedanceTest};
///
/// let mut test = ExceedanceTest::new(Direction::Worse, 0.9, 0.1)?;
/// let stable: Vec<f64> = (0..400).map(|i| 100.0 + f64::from(i % 97)).collect();
/// test.update(&stable, &[])?;
/// for block in stable.chunks(40) {
///     let canary: Vec<f64> = block.iter().take(8).map(|x| x * 2.0).collect();
///     test.update(block, &canary)?;
/// }
/// assert_eq!(test.decision(0.01)?, Decision::Reject);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExceedanceTest {
    factor: f64,
    recent: Recent,
    exceedances: Exceedances,
}

impl ExceedanceTest {
    /// A test of `quantile` with a relative margin: 0.2 allows the canary a fifth more time. Null hypothesis of
    /// [`Direction::Worse`]: with x the threshold, P(canary > (1 + `increase`)·x) ≤ P(stable > x); of [`Direction::Safe`]: ≥.
    ///
    /// # Errors
    ///
    /// Unless `quantile` is in (0, 1) and `increase` is finite and above −1.
    pub fn new(direction: Direction, quantile: f64, increase: f64) -> Result<Self, StatisticsError> {
        let exceedances = Exceedances::new(direction, quantile)?;
        Ok(Self { factor: factor(increase)?, recent: Recent::default(), exceedances })
    }

    /// Takes in a complete block. Blocks are evidence once enough stable values are known: 20, and two above the quantile.
    ///
    /// # Errors
    ///
    /// Unless all values are finite and at least 0; then nothing is taken in.
    pub fn update(&mut self, stable: &[f64], canary: &[f64]) -> Result<(), StatisticsError> {
        non_negative("stable", stable)?;
        non_negative("canary", canary)?;
        self.exceedances.update(stable, canary, self.factor);
        self.recent.add(stable);
        if let Some(sorted) = self.recent.look() {
            self.exceedances.set_threshold(&sorted);
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

    /// The threshold that the next block is tested at; `None` while too few stable values are known.
    pub const fn threshold(&self) -> Option<f64> {
        self.exceedances.threshold
    }

    /// How much more often the canary exceeds the threshold; `None` without evidence.
    pub fn estimate(&self) -> Option<f64> {
        self.exceedances.rates.estimate()
    }

    /// An interval for what [`estimate`](Self::estimate) estimates, valid at all times together.
    ///
    /// # Errors
    ///
    /// Unless `confidence` is in (0, 1).
    pub fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        self.exceedances.rates.interval(confidence)
    }
}

impl EProcess for ExceedanceTest {
    fn e_value(&self) -> EValue {
        self.exceedances.rates.e_value()
    }
}
