//! Anytime-valid evidence on prompts that both versions answered.

use serde::{Deserialize, Serialize};
use serinus_stats::sequential::{ConfidenceSequence, Direction, EProcess, PairedTest};
use serinus_stats::{Interval, StatisticsError};

use super::anytime::Evidence;
use super::finding::Estimate;

/// Evidence on pairs, taken in one by one: the bet on a pair depends on the pairs before it alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pairs {
    better: PairedTest,
    worse: PairedTest,
    /// Of half the difference plus ½, never clipped.
    difference: ConfidenceSequence,
    /// Of 1 for a win, ½ for a tie, 0 for a loss.
    wins: ConfidenceSequence,
    count: u64,
}

impl Pairs {
    pub(super) fn new(clip: f64) -> Result<Self, StatisticsError> {
        Ok(Self {
            better: PairedTest::new(Direction::Safe, 0.0, clip)?,
            worse: PairedTest::new(Direction::Worse, 0.0, clip)?,
            difference: ConfidenceSequence::mean(),
            wins: ConfidenceSequence::mean(),
            count: 0,
        })
    }

    pub(super) fn add(&mut self, control: f64, arm: f64) -> Result<(), StatisticsError> {
        self.better.update(control, arm)?;
        self.worse.update(control, arm)?;
        self.difference.update(f64::midpoint(1.0, arm - control))?;
        self.wins.update(win(control, arm))?;
        self.count += 1;
        Ok(())
    }

    pub(super) fn evidence(&self, confidence: f64) -> Result<Evidence, StatisticsError> {
        let halves = self.difference.interval(confidence)?;
        let whole = |half: f64| 2.0 * half - 1.0;
        let interval = Interval { low: whole(halves.low), high: whole(halves.high) };
        let wins = self.wins.interval(confidence)?;
        Ok(Evidence {
            better: self.better.e_value(),
            worse: self.worse.e_value(),
            mean_difference: self.difference.estimate().map(|half| Estimate { estimate: whole(half), interval }),
            win_rate: self.wins.estimate().map(|estimate| Estimate { estimate, interval: wins }),
            samples: 2 * self.count,
        })
    }
}

/// 1 for a win of the arm, ½ for a tie, 0 for a loss.
fn win(control: f64, arm: f64) -> f64 {
    if arm > control {
        1.0
    } else if arm < control {
        0.0
    } else {
        0.5
    }
}
