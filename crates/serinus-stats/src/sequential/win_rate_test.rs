//! Which of two versions' values are greater, by ranks alone.

use serde::{Deserialize, Serialize};

use super::one_sample::OneSample;
use super::{Direction, EProcess, EValue};
use crate::{Interval, StatisticsError, check};

/// An e-process on the win rate P(canary > stable) + ½ P(canary = stable): rank dominance, the sequential counterpart of the
/// Mann-Whitney test.
///
/// In each block every value of the version that has fewer is compared with a group of the other's, all groups of one size
/// and no value in two of them, and the share of the group that it beats is a value in [0, 1] whose mean is the win rate.
/// These shares are independent, and bets on them are those of [`PairedTest`](super::PairedTest). Only the order of values
/// counts, so any finite values will do: no scale, no tail can sway it.
///
/// Values must be given in an order that has nothing to do with their sizes (that of arrival, say), for it decides who meets
/// whom. Accumulators are not merged: a bet depends on the values before it. Routers merge the values of a block.
///
/// ```
/// use serinus_stats::sequential::{Decision, Direction, EProcess, WinRateTest};
///
/// // Latencies: is a canary request slower than a stable one more than 55% of the time?
/// let mut test = WinRateTest::new(Direction::Worse, 0.05)?;
/// for _ in 0..30 {
///     test.update(&[210.0, 190.0, 250.0, 180.0], &[320.0, 240.0])?;
/// }
/// assert_eq!(test.decision(0.01)?, Decision::Reject);
/// assert!(test.estimate() == Some(0.75));
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WinRateTest {
    shares: OneSample,
}

impl WinRateTest {
    /// A test of values of which more is worse. Null hypothesis of [`Direction::Worse`]: the win rate is at most
    /// ½ + `margin`; of [`Direction::Safe`]: at least.
    ///
    /// # Errors
    ///
    /// Unless `margin` is in [0, ½).
    pub fn new(direction: Direction, margin: f64) -> Result<Self, StatisticsError> {
        if !(0.0..0.5).contains(&margin) {
            return Err(StatisticsError { argument: "margin", expected: "at least 0 and below 0.5", got: margin });
        }
        Ok(Self { shares: OneSample::new(direction, 0.5 + margin, 0.0, 1.0) })
    }

    /// Takes in a complete block. Values that are left over when groups of one size are made are not used.
    ///
    /// # Errors
    ///
    /// Unless all values are finite; then nothing is taken in.
    pub fn update(&mut self, stable: &[f64], canary: &[f64]) -> Result<(), StatisticsError> {
        check::sample("stable", stable, 0)?;
        check::sample("canary", canary, 0)?;
        if stable.is_empty() || canary.is_empty() {
            return Ok(());
        }
        if canary.len() <= stable.len() {
            for (own, group) in canary.iter().zip(stable.chunks_exact(stable.len() / canary.len())) {
                self.shares.update(share_below(*own, group));
            }
        } else {
            for (own, group) in stable.iter().zip(canary.chunks_exact(canary.len() / stable.len())) {
                self.shares.update(1.0 - share_below(*own, group));
            }
        }
        Ok(())
    }

    /// Takes in blocks one after the other.
    ///
    /// # Errors
    ///
    /// Unless all values are finite; the blocks before the first faulty one are taken in.
    pub fn update_many<'a>(
        &mut self,
        blocks: impl IntoIterator<Item = (&'a [f64], &'a [f64])>,
    ) -> Result<(), StatisticsError> {
        blocks.into_iter().try_for_each(|(stable, canary)| self.update(stable, canary))
    }

    /// The win rate so far; `None` without a block of both.
    pub fn estimate(&self) -> Option<f64> {
        self.shares.estimate()
    }

    /// An interval for the win rate, valid at all times together.
    ///
    /// # Errors
    ///
    /// Unless `confidence` is in (0, 1).
    pub fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        self.shares.interval(confidence)
    }
}

impl EProcess for WinRateTest {
    fn e_value(&self) -> EValue {
        self.shares.e_value()
    }
}

/// The share of a group that lies below a value, equal ones counted half.
fn share_below(value: f64, group: &[f64]) -> f64 {
    let twice: usize = group.iter().map(|other| usize::from(*other < value) + usize::from(*other <= value)).sum();
    twice as f64 / (2 * group.len()) as f64
}
