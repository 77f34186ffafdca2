//! Two failure rates, compared block by block.

use serde::{Deserialize, Serialize};

use super::alternatives::{Bet, Bets, DISTANT, DISTANT_OR_EQUAL, scaled_odds};
use super::capital::Capital;
use super::drift::Difference;
use super::projection::{Rates, log_e_value, log_ratio};
use super::spread::Spread;
use super::{Count, Direction, EProcess, EValue, Margin, RateBlock};
use crate::{Interval, StatisticsError, check};

/// How much of the past a block leaves at least to the next one's estimate of the stable rate.
const DECAY: f64 = 0.95;
/// Trials that small blocks leave to it.
const MEMORY: f64 = 1_000.0;
/// What the estimate starts from: half a failure in ten.
const START: (f64, f64) = (0.5, 10.0);

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
/// use serinus_stats::sequential::{Count, Decision, Direction, EProcess, Margin, RateBlock, RateTest};
///
/// # fn main() -> Result<(), serinus_stats::StatisticsError> {
/// let mut test = RateTest::new(Direction::Worse, Margin::relative(0.25)?);
/// for _ in 0..10 {
///     test.update(RateBlock { stable: Count::new(12, 400)?, canary: Count::new(3, 20)? });
/// }
/// assert_eq!(test.decision(0.0025)?, Decision::Reject, "15% against 3% is worse than +25%");
/// assert!(test.interval(0.95)?.contains(0.12));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateTest {
    direction: Direction,
    margin: Margin,
    /// Decayed failures and trials of the stable version, for each stratum.
    past: Vec<(f64, f64)>,
    /// What these start from.
    start: (f64, f64),
    capital: Capital,
    difference: Difference,
}

impl RateTest {
    /// A test without evidence. Null hypothesis of [`Direction::Worse`]: `p_canary ≤ ratio · p_stable + offset`; of
    /// [`Direction::Safe`]: `p_canary ≥ ratio · p_stable + offset`.
    pub fn new(direction: Direction, margin: Margin) -> Self {
        let capital = Capital::new(bets(direction, margin).len());
        Self { direction, margin, past: Vec::new(), start: START, capital, difference: Difference::new() }
    }

    /// Sets what the stable version's rate is taken to be before its first requests. A good guess saves a few requests; a bad
    /// one costs a few, and never the level.
    ///
    /// # Errors
    ///
    /// Unless `rate` is in (0, 1).
    pub fn expecting(mut self, rate: f64) -> Result<Self, StatisticsError> {
        check::open_unit("rate", rate)?;
        self.start = (rate * START.1, START.1);
        Ok(self)
    }

    /// Takes in a complete block. One without requests of both versions says nothing of their difference, only of the
    /// stable version's rate.
    pub fn update(&mut self, block: RateBlock) {
        self.update_in(0, block);
    }

    /// Takes in the part of a block that is of one stratum: of requests that are alike, such as those with long prompts.
    /// Each stratum has a baseline of its own. Given the past, requests of different strata are independent, so the parts
    /// of a block are evidence like blocks that follow one another; the null hypothesis is then meant of each stratum.
    ///
    /// ```
    /// use serinus_stats::sequential::{Count, Direction, EProcess, Margin, RateBlock, RateTest};
    ///
    /// # fn main() -> Result<(), serinus_stats::StatisticsError> {
    /// let mut test = RateTest::new(Direction::Worse, Margin::EQUAL);
    /// let mut mixed = test.clone();
    /// for _ in 0..20 {
    ///     // Long prompts fail more often, on both versions alike; the canary has more of them.
    ///     let short = RateBlock { stable: Count::new(2, 100)?, canary: Count::new(0, 5)? };
    ///     let long = RateBlock { stable: Count::new(2, 10)?, canary: Count::new(3, 15)? };
    ///     test.update_in(0, short);
    ///     test.update_in(1, long);
    ///     let mut whole = short;
    ///     whole.merge(long);
    ///     mixed.update(whole);
    /// }
    /// assert!(test.e_value().value() < 1.0);
    /// assert!(mixed.e_value().value() > 1e6, "the mixture of prompts looks like a regression");
    /// # Ok(())
    /// # }
    /// ```
    pub fn update_in(&mut self, stratum: u8, block: RateBlock) {
        let place = usize::from(stratum);
        if self.past.len() <= place {
            self.past.resize(place + 1, self.start);
        }
        let stable = baseline(self.past[place]);
        if block.stable.trials() > 0 && block.canary.trials() > 0 {
            let (direction, margin) = (self.direction, self.margin);
            let mut guess = stable;
            self.bet(|bet| two_arms(&block, direction, margin, stable, bet, &mut guess));
        }
        self.difference.update(&Spread::of_count(block.stable), &Spread::of_count(block.canary));
        if block.stable.trials() > 0 {
            let (failures, trials) = self.past[place];
            let kept = (MEMORY / trials).clamp(DECAY, 1.0);
            self.past[place] =
                (kept * failures + block.stable.failures() as f64, kept * trials + block.stable.trials() as f64);
        }
    }

    /// Takes in complete blocks, one after the other.
    pub fn update_many(&mut self, blocks: impl IntoIterator<Item = RateBlock>) {
        blocks.into_iter().for_each(|block| self.update(block));
    }

    /// Takes in requests of the canary alone, held against a fixed rate in the place of the stable version's: the null
    /// hypothesis of this block is `p_canary ≤ limit` (or `≥`, for [`Direction::Safe`]). For a promoted version, beside
    /// which nothing runs.
    ///
    /// # Errors
    ///
    /// Unless `limit` is above 0 and below 1.
    pub fn update_against_limit(&mut self, canary: Count, limit: f64) -> Result<(), StatisticsError> {
        check::open_unit("limit", limit)?;
        if canary.trials() > 0 {
            let (direction, stable) = (self.direction, self.baseline_rate());
            self.bet(|bet| {
                let rate = match (bet, direction) {
                    (Bet::Odds(factor), Direction::Worse) => scaled_odds(limit, factor),
                    (Bet::Odds(factor), Direction::Safe) => scaled_odds(limit, 1.0 / factor),
                    (Bet::Equality, _) => stable.min(limit),
                };
                log_ratio(canary, rate, limit)
            });
        }
        Ok(())
    }

    /// The stable version's rate as estimated from its latest blocks, over all strata, in [0.0001, 0.9].
    pub fn baseline_rate(&self) -> f64 {
        let sum = self.past.iter().fold((0.0, 0.0), |(f, t), (failures, trials)| (f + failures, t + trials));
        baseline(if self.past.is_empty() { self.start } else { sum })
    }

    /// The canary's rate less the stable version's, averaged over blocks with the smaller of their counts as weight; `None`
    /// without a block of both.
    pub fn estimate(&self) -> Option<f64> {
        self.difference.estimate()
    }

    /// An interval for what [`estimate`](Self::estimate) estimates, valid at all times together: with probability
    /// `confidence` it never misses. Rates may drift from block to block.
    ///
    /// # Errors
    ///
    /// Unless `confidence` is in (0, 1).
    pub fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        self.difference.interval(confidence)
    }

    /// Blocks that were evidence.
    pub const fn blocks(&self) -> u64 {
        self.capital.blocks()
    }

    fn bet(&mut self, mut log_e: impl FnMut(Bet) -> f64) {
        self.capital.bet(bets(self.direction, self.margin).iter().map(|(bet, _)| log_e(*bet)));
    }
}

impl EProcess for RateTest {
    fn e_value(&self) -> EValue {
        self.capital.e_value(bets(self.direction, self.margin).iter().map(|(_, weight)| *weight))
    }
}

fn baseline((failures, trials): (f64, f64)) -> f64 {
    (failures / trials).clamp(1e-4, 0.9)
}

/// Equality lies on the boundary itself unless a margin moves it away.
fn bets(direction: Direction, margin: Margin) -> &'static Bets {
    if direction == Direction::Worse || margin.is_none() { &DISTANT } else { &DISTANT_OR_EQUAL }
}

fn two_arms(block: &RateBlock, direction: Direction, margin: Margin, stable: f64, bet: Bet, guess: &mut f64) -> f64 {
    let boundary = margin.at(stable).clamp(1e-4, 0.95);
    let canary = match (bet, direction) {
        (Bet::Odds(factor), Direction::Worse) => scaled_odds(boundary, factor),
        (Bet::Odds(factor), Direction::Safe) => scaled_odds(boundary, 1.0 / factor),
        (Bet::Equality, _) => stable,
    };
    let (low, high) = match direction {
        Direction::Worse => (stable, margin.stable_for(canary)),
        Direction::Safe => (margin.stable_for(canary).max(1e-12), stable),
    };
    log_e_value(block, margin, Rates { stable, canary }, (low, high), guess)
}
