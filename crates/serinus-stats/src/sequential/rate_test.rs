//! Two failure rates, compared block by block.

use serde::{Deserialize, Serialize};

use super::alternatives::{self, Bet, shifted};
use super::projection::{Rates, log_e_value, log_ratio};
use super::restart::{Schedule, log_add};
use super::{Count, RateBlock, RateMargin};
use crate::StatisticsError;

/// How much of the past a block leaves to the next one's estimate of the stable rate.
const DECAY: f64 = 0.95;
/// What the estimate starts from: half a failure in ten.
const START: (f64, f64) = (0.5, 10.0);

/// Which claim about the canary a test can prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// That it is worse than the margin. Null hypothesis: `p_canary ≤ ratio · p_stable + offset`.
    Worse,
    /// That it is not worse than the margin. Null hypothesis: `p_canary ≥ ratio · p_stable + offset`.
    Safe,
}

/// An e-process on the failure rates of two versions, with a margin.
///
/// Each block of concurrent requests gives an e-variable: the likelihood ratio between an alternative and its
/// projection onto the null (Turner, Ly & Grünwald, arXiv:2106.02693; Turner & Grünwald, arXiv:2203.09785). It is
/// exact, needs no large samples, works when the stable version never fails, and allows for a rate that drifts from
/// block to block as long as it drifts for both versions. Blocks multiply; alternatives are mixed by fixed weights, and
/// so are the times at which the canary may have begun to fail.
///
/// Accumulators of the same test over *different* requests are not merged: routers merge the counts of a block, and the
/// block is tested once.
///
/// ```
/// use serinus_stats::sequential::{Count, Direction, RateBlock, RateMargin, RateTest};
///
/// # fn main() -> Result<(), serinus_stats::StatisticsError> {
/// let mut test = RateTest::new(Direction::Worse, RateMargin::relative(0.25)?);
/// for _ in 0..10 {
///     test.update(RateBlock { stable: Count::new(12, 400)?, canary: Count::new(3, 20)? });
/// }
/// assert!(test.rejects(0.0025), "15% against 3% is worse than +25%");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateTest {
    direction: Direction,
    margin: RateMargin,
    /// Decayed failures and trials of the stable version.
    past: (f64, f64),
    /// The logarithm of the capital on each bet.
    log_capital: Vec<f64>,
    schedule: Schedule,
}

impl RateTest {
    /// A test without evidence.
    pub fn new(direction: Direction, margin: RateMargin) -> Self {
        let bets = bets(direction).count();
        let log_capital = vec![f64::NEG_INFINITY; bets];
        Self { direction, margin, past: START, log_capital, schedule: Schedule::new() }
    }

    /// Takes in a complete block. One without requests of both versions says nothing of their difference, only of the
    /// stable version's rate.
    pub fn update(&mut self, block: RateBlock) {
        if block.stable.trials() > 0 && block.canary.trials() > 0 {
            let (direction, margin, stable) = (self.direction, self.margin, self.baseline_rate());
            self.bet(|bet| two_arms(&block, direction, margin, stable, bet));
        }
        if block.stable.trials() > 0 {
            let (failures, trials) = self.past;
            let (new_failures, new_trials) = (block.stable.failures() as f64, block.stable.trials() as f64);
            self.past = (DECAY * failures + new_failures, DECAY * trials + new_trials);
        }
    }

    /// Takes in requests of the canary alone, held against a fixed rate in the place of the stable version's: the null
    /// hypothesis of this block is `p_canary ≤ limit` (or `≥`, for [`Direction::Safe`]). For a promoted version, beside
    /// which nothing runs.
    ///
    /// # Errors
    ///
    /// Unless `limit` is above 0 and below 1.
    pub fn update_against_limit(&mut self, canary: Count, limit: f64) -> Result<(), StatisticsError> {
        if !(limit > 0.0 && limit < 1.0) {
            return Err(StatisticsError { argument: "limit", expected: "above 0 and below 1", got: limit });
        }
        if canary.trials() > 0 {
            let (direction, stable) = (self.direction, self.baseline_rate());
            self.bet(|bet| {
                let rate = match (bet, direction) {
                    (Bet::Distance(eta), Direction::Worse) => shifted(limit, eta),
                    (Bet::Distance(eta), Direction::Safe) => shifted(limit, -eta),
                    (Bet::Equality, _) => stable.min(limit),
                };
                log_ratio(canary, rate, limit)
            });
        }
        Ok(())
    }

    /// The evidence against the null hypothesis, as a natural logarithm.
    pub fn log_e_value(&self) -> f64 {
        let weighted = bets(self.direction).zip(&self.log_capital).map(|((_, weight), log)| weight.ln() + log);
        weighted.fold(self.schedule.log_reserve(), log_add)
    }

    /// The evidence against the null hypothesis: 1 at first, at most the largest `f64`.
    pub fn e_value(&self) -> f64 {
        self.log_e_value().exp().min(f64::MAX)
    }

    /// Whether the evidence is at least 1/`alpha`. Read at any times, it is ever so under the null hypothesis with a
    /// probability of at most `alpha`; never, for an `alpha` that is not above 0.
    pub fn rejects(&self, alpha: f64) -> bool {
        alpha > 0.0 && self.log_e_value() >= -alpha.ln()
    }

    /// The stable version's rate as estimated from its latest blocks, in [0.0001, 0.9].
    pub fn baseline_rate(&self) -> f64 {
        (self.past.0 / self.past.1).clamp(1e-4, 0.9)
    }

    /// Blocks that were evidence.
    pub fn blocks(&self) -> u64 {
        self.schedule.blocks()
    }

    fn bet(&mut self, log_e: impl Fn(Bet) -> f64) {
        let instalment = self.schedule.next_instalment();
        for (log, (bet, _)) in self.log_capital.iter_mut().zip(bets(self.direction)) {
            *log = log_add(*log, instalment) + log_e(bet);
        }
    }
}

fn bets(direction: Direction) -> Box<dyn Iterator<Item = (Bet, f64)>> {
    match direction {
        Direction::Worse => Box::new(alternatives::worse()),
        Direction::Safe => Box::new(alternatives::safe()),
    }
}

fn two_arms(block: &RateBlock, direction: Direction, margin: RateMargin, stable: f64, bet: Bet) -> f64 {
    let boundary = margin.at(stable).clamp(1e-4, 0.95);
    let canary = match (bet, direction) {
        (Bet::Distance(eta), Direction::Worse) => shifted(boundary, eta),
        (Bet::Distance(eta), Direction::Safe) => shifted(boundary, -eta),
        (Bet::Equality, _) => stable,
    };
    let (low, high) = match direction {
        Direction::Worse => (stable, margin.stable_for(canary)),
        Direction::Safe => (margin.stable_for(canary).max(1e-12), stable),
    };
    log_e_value(block, margin, Rates { stable, canary }, low, high)
}
