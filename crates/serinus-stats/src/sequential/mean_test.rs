//! Two means of values in [0, 1], compared block by block.

use serde::{Deserialize, Serialize};

use super::bets::{self, PerBet};
use super::capital::Capital;
use super::drift::Difference;
use super::spread::Spread;
use super::{Direction, EProcess, EValue, Margin};
use crate::{Interval, StatisticsError, check};

/// No bet takes more than this share of what it could lose.
const AT_RISK: f64 = 0.95;
/// Stable values that must be known before the first bet.
const HISTORY: f64 = 20.0;
/// How many of the latest stable values the centre of the bets is taken from, at most.
const MEMORY: f64 = 2_000.0;
/// Centres stay this far from 0 and 1, where no bet has anything to win.
const EDGE: f64 = 1e-3;

/// An e-process on the means of two versions' values in [0, 1], with a margin.
///
/// In a block with `n_s` stable and `n_c` canary values, each value changes the capital on a bet by a factor 1 + `λ_c(x` − `m_c`)
/// or 1 + `λ_s(m_s` − x), where `m_s` is the stable version's mean so far and `m_c` = ratio · `m_s` + offset. The bets are balanced,
/// `n_s` `λ_s` = ratio · `n_c` `λ_c`, so that whatever the stable mean really is, what a wrong `m_s` wins on one version it loses on
/// the other, and under the null hypothesis no block is expected to gain (derived in `docs/statistics.md`; betting on
/// bounded means: I. Waudby-Smith and A. Ramdas, JRSS B 86 (2024),
/// [doi:10.1093/jrsssb/qkad009](https://doi.org/10.1093/jrsssb/qkad009)). No assumption on the shape of the values, and
/// the means may drift from block to block as long as the null hypothesis holds in each.
///
/// Accumulators are not merged: a bet depends on the values before it. Routers merge the values of a block.
///
/// ```
/// use serinus_stats::sequential::{Decision, Direction, EProcess, MeanTest};
///
/// // Judged scores: 0.85 on average before, 0.60 now; proven worse by more than 0.05?
/// let mut test = MeanTest::of_scores(Direction::Worse, 0.05)?;
/// test.update(&[0.9, 0.8, 0.85].repeat(20), &[])?;
/// for _ in 0..20 {
///     test.update(&[0.9, 0.8, 0.85].repeat(6), &[0.7, 0.5])?;
/// }
/// assert_eq!(test.decision(0.01)?, Decision::Reject);
/// assert!(test.interval(0.95)?.high < 0.0, "the canary's mean less the stable one's");
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanTest {
    direction: Direction,
    margin: Margin,
    /// Whether greater values are better, and are taken as 1 − x.
    scores: bool,
    /// Of the stable version's values, for each stratum.
    stable: Vec<Spread>,
    capital: Capital,
    difference: Difference,
}

impl MeanTest {
    /// A test of values of which more is worse. Null hypothesis of [`Direction::Worse`]:
    /// `μ_canary` ≤ ratio · `μ_stable` + offset; of [`Direction::Safe`]: `μ_canary` ≥ ratio · `μ_stable` + offset.
    pub fn of_losses(direction: Direction, margin: Margin) -> Self {
        Self::new(direction, margin, false)
    }

    /// A test of scores, of which more is better. Null hypothesis of [`Direction::Worse`]: `μ_canary` ≥ `μ_stable` − `decrease`;
    /// of [`Direction::Safe`]: `μ_canary` ≤ `μ_stable` − `decrease`.
    ///
    /// # Errors
    ///
    /// Unless `decrease` is in [0, 1).
    pub fn of_scores(direction: Direction, decrease: f64) -> Result<Self, StatisticsError> {
        let refused = |_| StatisticsError { argument: "decrease", expected: "at least 0 and below 1", got: decrease };
        Ok(Self::new(direction, Margin::absolute(decrease).map_err(refused)?, true))
    }

    fn new(direction: Direction, margin: Margin, scores: bool) -> Self {
        let capital = Capital::new(bets::BETS);
        Self { direction, margin, scores, stable: Vec::new(), capital, difference: Difference::new() }
    }

    /// Takes in a complete block: the values of both versions over the same stretch of time. A block without values of both
    /// is no evidence, but teaches the stable version's mean; so does history, given before the first block. Bets begin
    /// once 20 stable values are known.
    ///
    /// # Errors
    ///
    /// Unless all values are in [0, 1]; then nothing is taken in.
    pub fn update(&mut self, stable: &[f64], canary: &[f64]) -> Result<(), StatisticsError> {
        unit("stable", stable)?;
        unit("canary", canary)?;
        self.absorb(0, once(stable), once(canary));
        Ok(())
    }

    /// Takes in the part of a block that is of one stratum (see [`RateTest::update_in`](super::RateTest::update_in)), given
    /// as values and how often each occurred.
    ///
    /// # Errors
    ///
    /// Unless all values are in [0, 1]; then nothing is taken in.
    pub fn update_counted(
        &mut self,
        stratum: u8,
        stable: &[(f64, u64)],
        canary: &[(f64, u64)],
    ) -> Result<(), StatisticsError> {
        counted_unit("stable", stable)?;
        counted_unit("canary", canary)?;
        self.absorb(stratum, stable.iter().copied(), canary.iter().copied());
        Ok(())
    }

    /// Takes in values of the canary alone, given with how often each occurred, and holds them against a fixed mean in the
    /// place of the stable version's and the margin: the null hypothesis of this block is that the canary's mean is no
    /// worse than `limit` (or no better, for [`Direction::Safe`]). For a promoted version, beside which nothing runs.
    ///
    /// # Errors
    ///
    /// Unless all values and `limit` are in [0, 1]; then nothing is taken in.
    pub fn update_against_limit(&mut self, canary: &[(f64, u64)], limit: f64) -> Result<(), StatisticsError> {
        counted_unit("canary", canary)?;
        unit("limit", &[limit])?;
        let mut past = Spread::default();
        self.stable.iter().for_each(|stratum| past.merge(stratum));
        if canary.iter().all(|(_, count)| *count == 0) || past.n < HISTORY {
            return Ok(());
        }
        let limit = self.loss(limit);
        let (sign, risk) = match self.direction {
            Direction::Worse => (1.0, limit),
            Direction::Safe => (-1.0, 1.0 - limit),
        };
        let sizes = bets::sizes(&past, AT_RISK / risk.max(EDGE));
        let canary = canary.iter().map(|(x, count)| (self.loss(*x), *count));
        self.capital.bet(bets::log_growth(canary, limit, &sizes.map(|size| sign * size)));
        Ok(())
    }

    /// Takes in blocks one after the other.
    ///
    /// # Errors
    ///
    /// Unless all values are in [0, 1]; the blocks before the first faulty one are taken in.
    pub fn update_many<'a>(
        &mut self,
        blocks: impl IntoIterator<Item = (&'a [f64], &'a [f64])>,
    ) -> Result<(), StatisticsError> {
        blocks.into_iter().try_for_each(|(stable, canary)| self.update(stable, canary))
    }

    /// A value of which more is worse.
    fn loss(&self, value: f64) -> f64 {
        if self.scores { 1.0 - value } else { value }
    }

    fn absorb<V: Iterator<Item = (f64, u64)> + Clone>(&mut self, stratum: u8, stable: V, canary: V) {
        let scores = self.scores;
        let loss = move |(x, count): (f64, u64)| (if scores { 1.0 - x } else { x }, count);
        let (stable, canary) = (stable.map(loss), canary.map(loss));
        let place = usize::from(stratum);
        if self.stable.len() <= place {
            self.stable.resize(place + 1, Spread::default());
        }
        let past = self.stable[place];
        let (in_stable, in_canary) = (Spread::of(stable.clone()), Spread::of(canary.clone()));
        if in_stable.n > 0.0 && in_canary.n > 0.0 && past.n >= HISTORY {
            let growth = self.growth(&past, (stable, in_stable.n), (canary, in_canary.n));
            self.capital.bet(growth);
        }
        self.difference.update(&in_stable, &in_canary);
        self.stable[place].merge(&in_stable);
        self.stable[place].forget(MEMORY);
    }

    /// What each bet makes of a block, as logarithms.
    fn growth<V: Iterator<Item = (f64, u64)>>(
        &self,
        past: &Spread,
        (stable, n_s): (V, f64),
        (canary, n_c): (V, f64),
    ) -> PerBet {
        let highest = self.margin.stable_for(1.0 - EDGE).min(1.0 - EDGE);
        let stable_centre = past.mean.min(highest).max(EDGE);
        let canary_centre = self.margin.at(stable_centre);
        if canary_centre >= 1.0 {
            return [0.0; bets::BETS];
        }
        let balance = self.margin.ratio() * n_c / n_s;
        // What a bet can lose on one value: the canary's distance to 0 and the stable one's to 1, or the other way round.
        let (sign, canary_risk, stable_risk) = match self.direction {
            Direction::Worse => (1.0, canary_centre, 1.0 - stable_centre),
            Direction::Safe => (-1.0, 1.0 - canary_centre, stable_centre),
        };
        let cap = (AT_RISK / canary_risk).min(AT_RISK / (stable_risk * balance));
        let sizes = bets::sizes(past, cap);
        let on_canary = bets::log_growth(canary, canary_centre, &sizes.map(|size| sign * size));
        let on_stable = bets::log_growth(stable, stable_centre, &sizes.map(|size| -sign * size * balance));
        std::array::from_fn(|i| on_canary[i] + on_stable[i])
    }

    /// The canary's mean less the stable one's, averaged over blocks with the smaller of their counts as weight; `None`
    /// without a block of both.
    pub fn estimate(&self) -> Option<f64> {
        self.difference.estimate().map(|difference| if self.scores { -difference } else { difference })
    }

    /// An interval for what [`estimate`](Self::estimate) estimates, valid at all times together: with probability
    /// `confidence` it never misses.
    ///
    /// # Errors
    ///
    /// Unless `confidence` is in (0, 1).
    pub fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        let Interval { low, high } = self.difference.interval(confidence)?;
        Ok(if self.scores { Interval { low: -high, high: -low } } else { Interval { low, high } })
    }

    /// Blocks that were evidence.
    pub const fn blocks(&self) -> u64 {
        self.capital.blocks()
    }
}

impl EProcess for MeanTest {
    fn e_value(&self) -> EValue {
        self.capital.e_value(bets::weights())
    }
}

fn counted_unit(argument: &'static str, values: &[(f64, u64)]) -> Result<(), StatisticsError> {
    match values.iter().find(|(x, _)| !(0.0..=1.0).contains(x)) {
        Some(&(got, _)) => Err(StatisticsError { argument, expected: "values in [0, 1]", got }),
        None => Ok(()),
    }
}

fn once(values: &[f64]) -> impl Iterator<Item = (f64, u64)> + Clone {
    values.iter().map(|x| (*x, 1))
}

/// All values in [0, 1].
pub(super) fn unit(argument: &'static str, values: &[f64]) -> Result<(), StatisticsError> {
    check::sample(argument, values, 0)?;
    match values.iter().find(|x| !(0.0..=1.0).contains(*x)) {
        Some(&got) => Err(StatisticsError { argument, expected: "values in [0, 1]", got }),
        None => Ok(()),
    }
}
