//! A quantile of two versions' latencies, tested for what it is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::alternatives::{Bet, DISTANT, scaled_odds};
use super::exceedance_test::{factor, non_negative};
use super::restart::log_add;
use super::{Direction, EProcess, EValue};
use crate::{Interval, StatisticsError, check};

/// Bits of an `f64` that a bucket forgets: 64 buckets to each doubling, 1.1% apart.
const FORGOTTEN: u32 = 46;

/// An e-process on one quantile of two versions' latencies: `q_canary` against (1 + `increase)·q_stable`.
///
/// The strict counterpart of [`ExceedanceTest`](super::ExceedanceTest): it tests the quantiles themselves, not exceedances of a
/// threshold in the past, and needs two to four times the requests. Were the stable quantile known to be x, two one-sided
/// binomial tests would do: that more canary values (the margin divided out) exceed x than may, or that fewer stable ones do
/// than must. The evidence is the mean of the two, at the x where it is least.
///
/// Values are kept as counts in buckets of 1.1%, rounded against the evidence: a few hundred counts, however many requests.
/// So accumulators [merge](Self::merge) exactly. The price is that each version's values are taken to come from one distribution
/// all along: where load changes with the hour, use the exceedance tests. A look costs some tens of microseconds.
///
/// ```
/// use serinus_stats::sequential::{Decision, Direction, EProcess, QuantileTest};
///
/// let mut test = QuantileTest::new(Direction::Worse, 0.5, 0.1)?;
/// let stable: Vec<f64> = (0..500).map(|i| 100.0 + f64::from(i % 97)).collect();
/// let canary: Vec<f64> = stable.iter().take(200).map(|x| x * 1.6).collect();
/// test.update(&stable, &canary)?;
/// assert_eq!(test.decision(0.01)?, Decision::Reject);
/// assert!(test.interval(0.95)?.contains(0.6));
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantileTest {
    direction: Direction,
    quantile: f64,
    factor: f64,
    stable: Histogram,
    /// Of canary values divided by the factor.
    canary: Histogram,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Histogram {
    buckets: BTreeMap<u32, u64>,
    total: u64,
}

impl QuantileTest {
    /// A test of `quantile` with a relative margin. Null hypothesis of [`Direction::Worse`]:
    /// `q_canary` ≤ (1 + `increase`)·`q_stable`; of [`Direction::Safe`]: `q_canary` ≥ (1 + `increase`)·`q_stable`.
    ///
    /// # Errors
    ///
    /// Unless `quantile` is in (0, 1) and `increase` is finite and above −1.
    pub fn new(direction: Direction, quantile: f64, increase: f64) -> Result<Self, StatisticsError> {
        check::open_unit("quantile", quantile)?;
        let factor = factor(increase)?;
        Ok(Self { direction, quantile, factor, stable: Histogram::default(), canary: Histogram::default() })
    }

    /// Takes in values of both versions, however many of each.
    ///
    /// # Errors
    ///
    /// Unless all values are finite and at least 0; then nothing is taken in.
    pub fn update(&mut self, stable: &[f64], canary: &[f64]) -> Result<(), StatisticsError> {
        non_negative("stable", stable)?;
        non_negative("canary", canary)?;
        for x in stable {
            self.stable.add(*x);
        }
        for x in canary {
            self.canary.add(x / self.factor);
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

    /// Takes in what another accumulator of the same test saw of other requests.
    ///
    /// # Errors
    ///
    /// If the other one tests another quantile, margin or direction.
    pub fn merge(&mut self, other: &Self) -> Result<(), StatisticsError> {
        if (self.quantile, self.factor, self.direction) != (other.quantile, other.factor, other.direction) {
            let expected = "of the same quantile, margin and direction";
            return Err(StatisticsError { argument: "other", expected, got: other.quantile });
        }
        self.stable.merge(&other.stable);
        self.canary.merge(&other.canary);
        Ok(())
    }

    /// The canary's quantile in units of the stable one's, less 1, to within a bucket; `None` until both versions have values.
    pub fn estimate(&self) -> Option<f64> {
        let (stable, canary) = (self.stable.quantile(self.quantile)?, self.canary.quantile(self.quantile)?);
        (stable > 0.0).then(|| canary * self.factor / stable - 1.0)
    }
}

impl QuantileTest {
    /// An interval for what [`estimate`](Self::estimate) estimates, valid at all times together: from the quantiles that neither
    /// version's values reject at half of 1 − `confidence`. Open upwards, to infinity, while too few values are known.
    ///
    /// # Errors
    ///
    /// Unless `confidence` is in (0, 1).
    pub fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        check::confidence(confidence)?;
        let needed = (2.0 / (1.0 - confidence)).ln();
        let stable = self.stable.quantile_interval(self.quantile, needed);
        let canary = self.canary.quantile_interval(self.quantile, needed);
        // A stable quantile that may be 0 or beyond all bounds bounds nothing.
        let ratio = |canary: f64, stable: f64, open: f64| {
            if canary == 0.0 || stable.is_infinite() {
                0.0
            } else if stable == 0.0 || canary.is_infinite() {
                open
            } else {
                (canary / stable).min(f64::MAX)
            }
        };
        let low = ratio(canary.low, stable.high, 0.0) * self.factor - 1.0;
        let high = ratio(canary.high, stable.low, f64::INFINITY);
        Ok(Interval { low, high: if high.is_infinite() { high } else { high * self.factor - 1.0 } })
    }
}

impl EProcess for QuantileTest {
    fn e_value(&self) -> EValue {
        if self.stable.total == 0 || self.canary.total == 0 {
            return EValue::ONE;
        }
        // The version that would lie above the unknown threshold, and the one that would lie below it.
        let (upper, lower) = match self.direction {
            Direction::Worse => (&self.canary, &self.stable),
            Direction::Safe => (&self.stable, &self.canary),
        };
        let (more, fewer) = (Mixture::new(1.0 - self.quantile, 1.0), Mixture::new(1.0 - self.quantile, -1.0));
        let (mut above, mut reaching) = (Descent::new(upper), Descent::new(lower));
        // Counts change only at and just after occupied buckets.
        let mut thresholds: Vec<u32> =
            upper.buckets.keys().chain(lower.buckets.keys()).flat_map(|bucket| [*bucket, bucket + 1]).collect();
        thresholds.sort_unstable_by(|a, b| b.cmp(a));
        thresholds.dedup();
        let counts: Vec<(u64, u64)> =
            thresholds.iter().map(|bucket| (above.at_least(bucket + 1), reaching.at_least(*bucket))).collect();
        let evidence = |(exceed, reach): (u64, u64)| (more.log(exceed, upper.total), fewer.log(reach, lower.total));
        // From high thresholds to low ones the first part grows and the second shrinks. Where they cross, their sum is near its
        // least, and on either side it is above the part that grows.
        let crossing = counts.partition_point(|both| {
            let (more, fewer) = evidence(*both);
            more < fewer
        });
        let mut least = f64::INFINITY;
        let (before, after) = counts.split_at(crossing);
        for both in after {
            let (more, fewer) = evidence(*both);
            if more >= least {
                break;
            }
            least = least.min(log_add(more, fewer));
        }
        for both in before.iter().rev() {
            let (more, fewer) = evidence(*both);
            if fewer >= least {
                break;
            }
            least = least.min(log_add(more, fewer));
        }
        EValue::of_log(least - 2f64.ln())
    }
}

impl Histogram {
    fn add(&mut self, value: f64) {
        // Values are at least 0, so their bits are in the order of their sizes; adding 0 makes −0 a 0.
        let bucket = (value + 0.0).to_bits() >> FORGOTTEN;
        *self.buckets.entry(bucket as u32).or_insert(0) += 1;
        self.total += 1;
    }

    fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.buckets {
            *self.buckets.entry(*bucket).or_insert(0) += count;
        }
        self.total += other.total;
    }

    /// The values x that the two one-sided tests of "x is the quantile" do not reject together at a logarithm of `needed`.
    fn quantile_interval(&self, quantile: f64, needed: f64) -> Interval {
        let (more, fewer) = (Mixture::new(1.0 - quantile, 1.0), Mixture::new(1.0 - quantile, -1.0));
        let stands = |above: u64, reaching: u64| {
            let evidence = log_add(more.log(above, self.total), fewer.log(reaching, self.total)) - 2f64.ln();
            evidence < needed
        };
        // Between the edges of buckets counts do not change: below the first one, in it, above it and below the next, and so on.
        let (mut low, mut high) = (None, 0.0);
        let mut left = self.total;
        let mut from = 0.0;
        let edge = |bucket: u32| f64::from_bits(u64::from(bucket) << FORGOTTEN);
        for (bucket, count) in &self.buckets {
            let rest = left.saturating_sub(*count);
            for (begin, end, above) in [(from, edge(*bucket), left), (edge(*bucket), edge(bucket + 1), rest)] {
                if stands(above, left) {
                    low = low.or(Some(begin));
                    high = end;
                }
            }
            (left, from) = (rest, edge(bucket + 1));
        }
        if stands(0, 0) {
            low = low.or(Some(from));
            high = f64::INFINITY;
        }
        Interval { low: low.unwrap_or(0.0), high: if low.is_some() { high } else { f64::INFINITY } }
    }

    fn quantile(&self, quantile: f64) -> Option<f64> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
        let mut left = (self.total as f64 * quantile) as u64;
        let bucket = self.buckets.iter().find(|(_, count)| {
            let found = **count > left;
            left = left.saturating_sub(**count);
            found
        });
        bucket.map(|(bucket, _)| f64::from_bits(u64::from(*bucket) << FORGOTTEN))
    }
}

/// Counts from the top of a histogram down.
struct Descent<'a> {
    rest: std::iter::Peekable<std::iter::Rev<std::collections::btree_map::Iter<'a, u32, u64>>>,
    count: u64,
}

impl<'a> Descent<'a> {
    fn new(histogram: &'a Histogram) -> Self {
        Self { rest: histogram.buckets.iter().rev().peekable(), count: 0 }
    }

    /// How many values lie in this bucket or above; to be asked from high buckets to low ones.
    fn at_least(&mut self, bucket: u32) -> u64 {
        while let Some((_, count)) = self.rest.next_if(|(next, _)| **next >= bucket) {
            self.count += count;
        }
        self.count
    }
}

/// The alternatives of a one-sided test of a rate: weight, and what a success and a failure add to its logarithm.
struct Mixture {
    alternatives: Vec<(f64, f64, f64)>,
}

impl Mixture {
    /// Of rates above `limit` (`sign` 1) or below (−1).
    fn new(limit: f64, sign: f64) -> Self {
        let of = |(bet, weight): &(Bet, f64)| match bet {
            Bet::Odds(factor) => {
                let rate = scaled_odds(limit, factor.powf(sign));
                Some((weight.ln(), (rate / limit).ln(), ((1.0 - rate) / (1.0 - limit)).ln()))
            }
            Bet::Equality => None,
        };
        Self { alternatives: DISTANT.iter().filter_map(of).collect() }
    }

    /// The evidence, as a logarithm, of so many among all.
    fn log(&self, count: u64, total: u64) -> f64 {
        let (hits, misses) = (count as f64, total.saturating_sub(count) as f64);
        let logs = self.alternatives.iter().map(|(weight, hit, miss)| weight + hits * hit + misses * miss);
        let greatest = logs.clone().fold(f64::NEG_INFINITY, f64::max);
        greatest + logs.map(|log| (log - greatest).exp()).sum::<f64>().ln()
    }
}
