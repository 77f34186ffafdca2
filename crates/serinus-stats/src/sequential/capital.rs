//! What has been won on each bet.

use serde::{Deserialize, Serialize};

use super::EValue;
use super::restart::{Schedule, log_add};

/// Capital is kept as a number while its logarithm is closer to 0 than this, and as its logarithm beyond.
const NEAR: f64 = 300.0;

/// The capital on each of a fixed number of bets, all begun again with every block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Capital {
    schedule: Schedule,
    lanes: Vec<Lane>,
}

/// A capital of `number` · e^`log`. One of the two is neutral: a logarithm costs ten times what a product does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Lane {
    number: f64,
    log: f64,
}

impl Capital {
    pub(super) fn new(bets: usize) -> Self {
        Self { schedule: Schedule::new(), lanes: vec![Lane { number: 0.0, log: 0.0 }; bets] }
    }

    /// Multiplies each bet's capital by what the block made of it, given as logarithms.
    pub(super) fn bet(&mut self, log_e: impl IntoIterator<Item = f64>) {
        let instalment = self.schedule.next_instalment();
        for (lane, gain) in self.lanes.iter_mut().zip(log_e) {
            lane.bet(instalment, gain);
        }
    }

    /// The evidence, with the bets weighted as given; what is not invested yet counts as it is.
    pub(super) fn e_value(&self, weights: impl IntoIterator<Item = f64>) -> EValue {
        let reserve = self.schedule.reserve();
        let (mut near, mut far) = (reserve, f64::NEG_INFINITY);
        for (lane, weight) in self.lanes.iter().zip(weights) {
            if lane.log == 0.0 {
                near += weight * lane.number;
            } else {
                far = log_add(far, weight.ln() + lane.number.ln() + lane.log);
            }
        }
        EValue::of_log(log_add(near.ln(), far))
    }

    /// Blocks that were bet on.
    pub(super) const fn blocks(&self) -> u64 {
        self.schedule.blocks()
    }
}

impl Lane {
    fn bet(&mut self, instalment: f64, gain: f64) {
        if self.log == 0.0 && gain.abs() < NEAR {
            let number = (self.number + instalment) * gain.exp();
            if number < NEAR.exp() {
                self.number = number;
                return;
            }
        }
        let log = log_add(self.number.ln() + self.log, instalment.ln()) + gain;
        *self = if log.abs() < NEAR { Self { number: log.exp(), log: 0.0 } } else { Self { number: 1.0, log } };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bet_that_only_begins_to_win_late_still_wins() {
        let mut capital = Capital::new(1);
        (0..1_000).for_each(|_| capital.bet([-1.0]));
        assert!(capital.e_value([1.0]).log() > -10.0, "what was lost is at most what was put in");
        (0..40).for_each(|_| capital.bet([1.0]));
        assert!(capital.e_value([1.0]).log() > 20.0);
        assert_eq!(capital.blocks(), 1_040);
    }

    #[test]
    fn nothing_overflows_and_nothing_is_lost() {
        let mut capital = Capital::new(2);
        (0..100).for_each(|_| capital.bet([700.0, -700.0]));
        assert!((capital.e_value([0.5, 0.5]).log() - (70_000.0 + 0.25f64.ln())).abs() < 1e-6);
        // Back from there: what was won is lost again, and new instalments are left.
        (0..100).for_each(|_| capital.bet([-699.0, 0.0]));
        assert!((capital.e_value([0.5, 0.5]).log() - (100.0 + 0.25f64.ln())).abs() < 1e-6);
        capital.bet([f64::MIN, 0.0]);
        assert!(capital.e_value([0.5, 0.5]).log().abs() < 10.0);
    }

    #[test]
    fn numbers_and_logarithms_agree() {
        let (mut near, mut exact) = (Capital::new(1), (f64::NEG_INFINITY, Schedule::new()));
        for i in 0..400 {
            let gain = if i < 150 { 2.5 } else { -1.5 };
            near.bet([gain]);
            exact.0 = log_add(exact.0, exact.1.next_instalment().ln()) + gain;
            let expected = log_add(exact.0, exact.1.reserve().ln());
            assert!((near.e_value([1.0]).log() - expected).abs() < 1e-9, "{i}");
        }
    }
}
