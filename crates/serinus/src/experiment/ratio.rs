//! Whether traffic is split as configured.

use serde::{Deserialize, Serialize};
use serinus_stats::StatisticsError;
use serinus_stats::proportions::chi_square_srm;
use serinus_stats::sequential::{EProcess, SampleRatioTest};

use super::Design;
use super::ab_test::AbTest;

/// The probability with which a sound split is ever taken for a mismatch.
const LEVEL: f64 = 0.001;

/// What a [`SampleRatioCheck`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitCounted {
    /// Assignments, as counted by [`AbTest::count_assignment`].
    Assignments,
    /// Scores, as no assignment was counted. A mismatch may then also come from scores that one arm lacks.
    Scores,
}

/// Whether the arms got the shares of traffic that they were to get. If not, users were lost or misrouted, the arms' users are
/// not alike, and the test decides nothing.
///
/// It is looked at as often as the test is analysed, so the verdict rests on a sequential test: a sound split is taken for a
/// mismatch with a probability of at most 0.001, however often one looks. The χ² test of the same counts is given beside
/// it, for a single look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleRatioCheck {
    /// What was counted.
    pub counted: UnitCounted,
    /// Counts in the arms' order.
    pub counts: Vec<u64>,
    /// Configured shares in the arms' order.
    pub shares: Vec<f64>,
    /// Whether they do not match: from evidence of 1,000 on.
    pub mismatch: bool,
    /// The evidence against the configured shares: an e-value.
    pub evidence: f64,
    /// The p-value of the χ² test. Holds for a single look.
    pub chi_square_p_value: f64,
}

impl AbTest {
    /// Whether traffic is split as configured; `None` of a paired test, which splits nothing.
    pub(super) fn sample_ratio(&self) -> Result<Option<SampleRatioCheck>, StatisticsError> {
        if self.setup.design == Design::Paired {
            return Ok(None);
        }
        let assigned: Vec<u64> = self.arms.iter().map(|arm| arm.assigned).collect();
        let (counted, counts) = if assigned.iter().any(|count| *count > 0) {
            (UnitCounted::Assignments, assigned)
        } else {
            (UnitCounted::Scores, self.arms.iter().map(|arm| arm.samples.count()).collect())
        };
        let shares = self.setup.shares.shares().to_vec();
        let mut test = SampleRatioTest::new(&shares)?;
        test.update(&counts)?;
        let evidence = test.e_value().value();
        let chi_square_p_value = chi_square_srm(&counts, &shares)?.p_value;
        Ok(Some(SampleRatioCheck {
            counted,
            counts,
            mismatch: evidence >= 1.0 / LEVEL,
            evidence,
            chi_square_p_value,
            shares,
        }))
    }
}
