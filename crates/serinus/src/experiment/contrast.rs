//! Anytime-valid evidence on two independent arms.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serinus_stats::StatisticsError;
use serinus_stats::sequential::{Direction, EProcess, MeanTest, WinRateTest};

use super::anytime::Evidence;
use super::finding::Estimate;

/// Scores of the arm with less traffic in a block.
const BLOCK: usize = 20;
/// An arm that is this many blocks ahead was given in a batch.
const AHEAD: usize = 4;
/// Blocks that an arm may be ahead before its oldest scores are given up, if the planned sample is smaller.
const MOST_AHEAD: usize = 8;

/// Evidence on an arm against the control, taken in by blocks of both.
///
/// A block closes once both arms have their parts, 20 scores of the arm with less traffic and as many more of the other as
/// the shares say: by counts of arrivals, never by scores or looks. It takes in all scores that wait. Where one arm is more than
/// four blocks ahead, as when its scores come in one call, only its part is taken, the oldest first. Bets on a block depend on
/// the blocks before it alone, so under the null hypothesis none is expected to gain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Contrast {
    better: MeanTest,
    worse: MeanTest,
    win_rate: WinRateTest,
    control: Waiting,
    arm: Waiting,
    matched: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Waiting {
    scores: VecDeque<f64>,
    /// Its part of a block.
    part: usize,
    /// The most that wait.
    room: usize,
}

impl Waiting {
    fn new(part: usize, target: usize) -> Self {
        Self { scores: VecDeque::new(), part, room: target.max(MOST_AHEAD.saturating_mul(part)) }
    }

    fn add(&mut self, score: f64) {
        if self.scores.len() >= self.room {
            self.scores.pop_front();
        }
        self.scores.push_back(score);
    }

    fn is_enough(&self) -> bool {
        self.scores.len() >= self.part
    }

    fn take(&mut self) -> Vec<f64> {
        let ahead = self.scores.len() > AHEAD * self.part;
        let end = if ahead { self.part } else { self.scores.len() };
        self.scores.drain(..end).collect()
    }
}

impl Contrast {
    /// Between arms with these shares and planned samples, control first.
    pub(super) fn new(shares: (f64, f64), targets: (usize, usize)) -> Result<Self, StatisticsError> {
        let least = shares.0.min(shares.1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 20; saturates")]
        let part = |share: f64| (BLOCK as f64 * share / least).round() as usize;
        Ok(Self {
            better: MeanTest::of_scores(Direction::Safe, 0.0)?,
            worse: MeanTest::of_scores(Direction::Worse, 0.0)?,
            win_rate: WinRateTest::new(Direction::Worse, 0.0)?,
            control: Waiting::new(part(shares.0), targets.0),
            arm: Waiting::new(part(shares.1), targets.1),
            matched: 0,
        })
    }

    pub(super) fn add_to_control(&mut self, score: f64) -> Result<(), StatisticsError> {
        self.control.add(score);
        self.close_blocks()
    }

    pub(super) fn add_to_arm(&mut self, score: f64) -> Result<(), StatisticsError> {
        self.arm.add(score);
        self.close_blocks()
    }

    fn close_blocks(&mut self) -> Result<(), StatisticsError> {
        while self.control.is_enough() && self.arm.is_enough() {
            let (control, arm) = (self.control.take(), self.arm.take());
            self.better.update(&control, &arm)?;
            self.worse.update(&control, &arm)?;
            self.win_rate.update(&control, &arm)?;
            self.matched += (control.len() + arm.len()) as u64;
        }
        Ok(())
    }

    pub(super) fn evidence(&self, confidence: f64) -> Result<Evidence, StatisticsError> {
        let estimate = |estimate: Option<f64>, interval| estimate.map(|estimate| Estimate { estimate, interval });
        Ok(Evidence {
            better: self.better.e_value(),
            worse: self.worse.e_value(),
            mean_difference: estimate(self.better.estimate(), self.better.interval(confidence)?),
            win_rate: estimate(self.win_rate.estimate(), self.win_rate.interval(confidence)?),
            samples: self.matched,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contrast(shares: (f64, f64)) -> Contrast {
        Contrast::new(shares, (1_000, 1_000)).unwrap()
    }

    #[test]
    fn a_block_closes_when_both_arms_have_their_part() {
        let mut contrast = contrast((0.9, 0.1));
        (0..20).for_each(|_| contrast.add_to_arm(0.5).unwrap());
        (0..179).for_each(|_| contrast.add_to_control(0.5).unwrap());
        assert_eq!(contrast.matched, 0);
        contrast.add_to_control(0.5).unwrap();
        assert_eq!(contrast.matched, 200);
    }

    #[test]
    fn a_batch_of_one_arm_is_matched_with_a_batch_of_the_other() {
        let mut contrast = contrast((0.5, 0.5));
        (0..1_000).for_each(|_| contrast.add_to_control(0.5).unwrap());
        (0..1_000).for_each(|_| contrast.add_to_arm(0.5).unwrap());
        assert!(contrast.matched > 1_900, "{}", contrast.matched);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut contrast = contrast((0.5, 0.5));
        (0..100_000).for_each(|_| contrast.add_to_control(0.5).unwrap());
        assert_eq!(contrast.control.scores.len(), 1_000);
    }
}
