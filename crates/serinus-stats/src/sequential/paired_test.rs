//! Scores of two versions for the same prompts.

use serde::{Deserialize, Serialize};

use super::one_sample::OneSample;
use super::{Direction, EProcess, EValue};
use crate::{Interval, StatisticsError};

/// An e-process on the mean difference between two versions' scores of the same prompts, both in [0, 1].
///
/// For pairs that were both answered: a shadow stage, or a pairwise judge (a win of the canary is the pair (0, 1), a loss
/// (1, 0), a tie (½, ½)). Pairs pay off where the two scores correlate above about ½; below that [`MeanTest`] needs fewer
/// requests.
///
/// The loss of a pair is stable − canary, clipped to ±`clip`: a rare great difference then costs no more than a clear one.
/// What is tested is the mean of the clipped loss; versions that are alike have a mean of 0 clipped or not.
///
/// Bets as in I. Waudby-Smith and A. Ramdas, JRSS B 86 (2024),
/// [doi:10.1093/jrsssb/qkad009](https://doi.org/10.1093/jrsssb/qkad009). Accumulators are not merged: a bet depends on the
/// pairs before it; take the pairs in from one place.
///
/// [`MeanTest`]: super::MeanTest
///
/// ```
/// use serinus_stats::sequential::{Decision, Direction, EProcess, PairedTest};
///
/// let mut test = PairedTest::new(Direction::Worse, 0.02, 0.25)?;
/// for i in 0..80 {
///     let stable = 0.7 + 0.01 * f64::from(i % 10);
///     test.update(stable, stable - 0.12)?;
/// }
/// assert_eq!(test.decision(0.01)?, Decision::Reject);
/// assert!(test.interval(0.95)?.low > 0.02, "the canary loses more than 0.02 a prompt");
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairedTest {
    clip: f64,
    losses: OneSample,
}

impl PairedTest {
    /// A test of whether the canary loses more than `decrease` on average ([`Direction::Worse`]), or less
    /// ([`Direction::Safe`]). `clip` 0.25 suits graded scores, 1 a pairwise judge.
    ///
    /// # Errors
    ///
    /// Unless 0 < `clip` ≤ 1 and 0 ≤ `decrease` < `clip`.
    pub fn new(direction: Direction, decrease: f64, clip: f64) -> Result<Self, StatisticsError> {
        if !(clip > 0.0 && clip <= 1.0) {
            return Err(StatisticsError { argument: "clip", expected: "above 0 and at most 1", got: clip });
        }
        if !(0.0..clip).contains(&decrease) {
            return Err(StatisticsError {
                argument: "decrease",
                expected: "at least 0 and below the clip",
                got: decrease,
            });
        }
        Ok(Self { clip, losses: OneSample::new(direction, decrease, -clip, clip) })
    }

    /// Takes in the scores of one prompt.
    ///
    /// # Errors
    ///
    /// Unless both are in [0, 1]; then nothing is taken in.
    pub fn update(&mut self, stable: f64, canary: f64) -> Result<(), StatisticsError> {
        super::mean_test::unit("stable", &[stable])?;
        super::mean_test::unit("canary", &[canary])?;
        self.losses.update((stable - canary).clamp(-self.clip, self.clip));
        Ok(())
    }

    /// Takes in the scores of many prompts.
    ///
    /// # Errors
    ///
    /// Unless the two are as long as each other and all scores are in [0, 1]; then nothing is taken in.
    pub fn update_many(&mut self, stable: &[f64], canary: &[f64]) -> Result<(), StatisticsError> {
        super::mean_test::unit("stable", stable)?;
        super::mean_test::unit("canary", canary)?;
        crate::check::same_length("canary", canary, stable)?;
        for (stable, canary) in stable.iter().zip(canary) {
            self.losses.update((stable - canary).clamp(-self.clip, self.clip));
        }
        Ok(())
    }

    /// The mean clipped loss: positive when the canary is worse. `None` without pairs.
    pub fn estimate(&self) -> Option<f64> {
        self.losses.estimate()
    }

    /// An interval for the mean clipped loss, valid at all times together.
    ///
    /// # Errors
    ///
    /// Unless `confidence` is in (0, 1).
    pub fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        self.losses.interval(confidence)
    }
}

impl EProcess for PairedTest {
    fn e_value(&self) -> EValue {
        self.losses.e_value()
    }
}
