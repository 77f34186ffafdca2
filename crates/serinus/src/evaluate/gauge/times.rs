//! How long requests take.

use serde::{Deserialize, Serialize};

use super::limit::upper_bound;
use super::pending::{Part, Pending, Sample};
use super::stratified::Stratified;
use super::{Reading, Unit, log_mean_exp};
use crate::evaluate::guardrail::Timing;
use crate::observe::histogram::{bucket_of, lower_bound};
use crate::observe::{ArmEvidence, Block, Count, Histogram, Measures};
use serinus_stats::sequential::{Direction, EProcess, Margin, RateBlock, RateTest};
use serinus_stats::{Interval, StatisticsError};

/// The quantiles of the stable version whose exceedances are compared.
const QUANTILES: [f64; 5] = [0.5, 0.75, 0.9, 0.95, 0.99];
/// Times that each half of the stable version's recent past holds.
const HALF: u64 = 1_000;
/// Times that must be known before a quantile is one, and above it.
const LEAST: u64 = 20;
const LEAST_ABOVE: f64 = 2.0;
/// How many buckets a threshold may be moved to where the margin falls on a bucket's beginning.
const REACH: usize = 5;
/// One in so many times at most lies between a quantile and its threshold.
const MOVED_OVER: u64 = 10;
/// A limit this close to 1 limits nothing.
const GREATEST: f64 = 0.95;

/// The evidence on a time, as a mixture over quantiles: a canary request counts as slow if its time, less the margin, exceeds
/// a recent quantile of the stable version, and a stable request if its own does.
///
/// Times come in histograms. Thresholds are beginnings of buckets, so stable requests are counted exactly; where a
/// threshold times the margin falls inside a bucket, that bucket counts in the canary's favour when it is to be shown
/// worse, and against it when it is to be shown safe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::evaluate) struct Times {
    of: Timing,
    worse: f64,
    safe: f64,
    levels: [Level; QUANTILES.len()],
    /// By stratum.
    past: Vec<(u8, Past)>,
    pending: Pending<Sampled>,
    stable: Histogram,
    canary: Histogram,
    /// Over this stage alone.
    stage: (Histogram, Histogram),
    limit_error: Option<f64>,
}

/// The exceedances of one quantile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Level {
    worse: RateTest,
    safe: RateTest,
    safest: f64,
    stage: Stratified,
    /// What the promoted version is held against, by stratum.
    limits: Vec<Limit>,
}

/// Of the promoted version's requests, at most this share may be in this bucket or above.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Limit {
    stratum: u8,
    bucket: usize,
    share: f64,
}

/// Times, and what is known of requests that have none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sampled {
    times: Histogram,
    /// Of abandoned requests: they took longer than this.
    at_least: Histogram,
    /// Requests that never ended.
    endless: u64,
}

/// What the stable version's times were lately, in two halves of which the older is dropped when the newer is full.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Past {
    older: Sampled,
    newer: Sampled,
    /// Times since the thresholds were set.
    unseen: u64,
    worse: [Option<Cut>; QUANTILES.len()],
    safe: [Option<Cut>; QUANTILES.len()],
}

/// The buckets from which on requests are slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cut {
    stable: usize,
    canary: usize,
}

impl Level {
    fn limit(&self, stratum: u8) -> Option<Limit> {
        self.limits.iter().find(|limit| limit.stratum == stratum).copied()
    }
}

impl Sampled {
    fn of(timing: Timing, measures: &Measures) -> Self {
        let (times, at_least) = match timing {
            Timing::Latency => (measures.latency().clone(), measures.left_after().clone()),
            Timing::Ttft => (measures.ttft().clone(), Histogram::default()),
        };
        // Where no times are measured, no quantile is known, and requests that never end count for nothing here.
        Self { times, at_least, endless: measures.timed_out() }
    }

    /// Of all requests, those that are in this bucket or above. An abandoned one counts only if it was slow already.
    fn exceeding(&self, bucket: usize) -> Count {
        let surely = self.at_least.count_from(bucket).saturating_add(self.endless);
        let slow = self.times.count_from(bucket).saturating_add(surely);
        Count::new(slow, self.times.count().saturating_add(surely)).unwrap_or_default()
    }
}

impl Sample for Sampled {
    fn add(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
            return;
        }
        self.times.merge(&other.times);
        self.at_least.merge(&other.at_least);
        self.endless = self.endless.saturating_add(other.endless);
    }

    fn is_empty(&self) -> bool {
        self.times.count() == 0 && self.at_least.count() == 0 && self.endless == 0
    }
}

impl Cut {
    /// Near a quantile's bucket, the allowed one from which a margin loses least by falling inside a bucket.
    fn near(bucket: usize, increase: f64, direction: Direction, allowed: impl Fn(usize) -> bool) -> Self {
        let cut = |stable: usize| {
            let threshold = lower_bound(stable) * (1.0 + increase);
            let canary = match direction {
                Direction::Worse => surely_beyond(threshold),
                // The product may miss a bucket's beginning by its last bits.
                Direction::Safe => bucket_of(threshold * (1.0 + 1e-9)),
            };
            ((lower_bound(canary) / threshold).ln().abs(), Self { stable, canary })
        };
        // From the quantile outwards, so that of equals the nearest is taken.
        let outwards = (0..=REACH).flat_map(|step| [bucket + step, bucket.saturating_sub(step).max(1)]);
        let nearest =
            outwards.filter(|near| allowed(*near)).map(cut).fold(None, |best: Option<(f64, Self)>, next| match best {
                Some(best) if best.0 <= next.0 + 1e-9 => Some(best),
                _ => Some(next),
            });
        nearest.map_or(Self { stable: bucket, canary: bucket }, |(_, cut)| cut)
    }
}

/// The first bucket that holds nothing below a threshold.
fn surely_beyond(threshold: f64) -> usize {
    // The threshold may miss a bucket's beginning by its last bits.
    let threshold = threshold * (1.0 - 1e-9);
    let bucket = bucket_of(threshold);
    if lower_bound(bucket) >= threshold { bucket } else { bucket + 1 }
}

impl Past {
    fn add(&mut self, sampled: &Sampled, worse: f64, safe: f64) {
        self.unseen = self.unseen.saturating_add(sampled.times.count());
        self.newer.add(sampled.clone());
        if self.newer.times.count() >= HALF {
            self.older = std::mem::take(&mut self.newer);
        }
        let known = self.older.times.count() + self.newer.times.count();
        if known < LEAST || self.unseen * 4 < known {
            return;
        }
        self.unseen = 0;
        let mut recent = self.older.times.clone();
        recent.merge(&self.newer.times);
        for (i, quantile) in QUANTILES.into_iter().enumerate() {
            if (1.0 - quantile) * recent.count() as f64 >= LEAST_ABOVE {
                let Some(bucket) = recent.bucket_at(quantile) else { continue };
                let few = recent.count() / MOVED_OVER;
                // Times that are all equal exceed nothing when a canary is to be shown slow, and all exceed when it is to be
                // shown fast: so either can be shown. No threshold is moved over many.
                let (above, within) = (recent.count_from(bucket + 1), recent.count_from(bucket));
                let allowed = |near: usize| near > bucket || recent.count_from(near) <= above + few;
                self.worse[i] = Some(Cut::near(bucket + 1, worse, Direction::Worse, allowed));
                let allowed = |near: usize| near <= bucket || recent.count_from(near) + few >= within;
                self.safe[i] = Some(Cut::near(bucket, safe, Direction::Safe, allowed));
            }
        }
    }

    /// How many of the recent requests are in this bucket or above.
    fn exceeding(&self, bucket: usize) -> Count {
        let mut count = self.older.exceeding(bucket);
        count.merge(self.newer.exceeding(bucket));
        count
    }
}

impl Times {
    pub(super) fn new(of: Timing, worse: f64, safe: f64) -> Self {
        let level = Level {
            worse: RateTest::new(Direction::Worse, Margin::EQUAL),
            safe: RateTest::new(Direction::Safe, Margin::EQUAL),
            safest: 0.0,
            stage: Stratified::default(),
            limits: Vec::new(),
        };
        Self {
            of,
            worse,
            safe,
            levels: std::array::from_fn(|_| level.clone()),
            past: Vec::new(),
            pending: Pending::new(),
            stable: Histogram::default(),
            canary: Histogram::default(),
            stage: Default::default(),
            limit_error: None,
        }
    }

    pub(super) fn absorb(&mut self, block: &Block, canary_is_cold: bool, proof: f64) {
        let stable = self.sampled(&block.stable);
        let canary = if canary_is_cold { Vec::new() } else { self.sampled(&block.canary) };
        for (_, sampled) in &stable {
            self.stable.merge(&sampled.times);
            self.stage.0.merge(&sampled.times);
        }
        for (_, sampled) in &canary {
            self.canary.merge(&sampled.times);
            self.stage.1.merge(&sampled.times);
        }
        if !stable.is_empty() || self.limit_error.is_none() {
            for part in self.pending.add(block, stable.into_iter(), canary.into_iter()) {
                self.compare(&part, proof);
            }
            return;
        }
        self.set_limits();
        for (stratum, sampled) in &canary {
            self.hold_against_limits(*stratum, sampled);
        }
    }

    fn sampled(&self, evidence: &ArmEvidence) -> Vec<(u8, Sampled)> {
        let sampled = evidence.strata().map(|(stratum, measures)| (stratum, Sampled::of(self.of, measures)));
        sampled.filter(|(_, sampled)| !sampled.is_empty()).collect()
    }

    fn past(&mut self, stratum: u8) -> &mut Past {
        let place = self.past.iter().position(|(label, _)| *label == stratum).unwrap_or_else(|| {
            self.past.push((stratum, Past::default()));
            self.past.len() - 1
        });
        &mut self.past[place].1
    }

    fn compare(&mut self, part: &Part<Sampled>, proof: f64) {
        let (worse, safe) = (self.worse, self.safe);
        let past = self.past(part.stratum);
        let cuts = past.worse.into_iter().zip(past.safe);
        past.add(&part.stable, worse, safe);
        for (level, (worse, safe)) in self.levels.iter_mut().zip(cuts) {
            let (Some(worse), Some(safe)) = (worse, safe) else { continue };
            level.worse.update_in(part.stratum, exceedances(part, worse));
            let block = exceedances(part, safe);
            if level.safest < proof {
                level.safe.update_in(part.stratum, block);
                level.safest = level.safest.max(level.safe.e_value().log());
            }
            level.stage.add(block.stable, block.canary);
        }
    }

    pub(super) fn start_stage(&mut self, proof: f64) {
        for part in self.pending.take_stable() {
            self.compare(&part, proof);
        }
        self.levels.iter_mut().for_each(|level| level.stage = Stratified::default());
        self.stage = Default::default();
    }

    pub(super) fn promote(&mut self, error: f64) {
        self.limit_error = Some(error);
        self.set_limits();
    }

    /// Fixes the limits, unless they stand already: the recent quantiles with the whole margin, not the half of it that the
    /// rollback test grants, since how long requests take changes with the load, and nothing runs beside the version.
    ///
    /// A threshold is an order statistic of the very times that its exceedances are counted in. The bound holds for it all
    /// the same: that its true share of exceedances is above u means that fewer than so many of n times exceed the
    /// quantile at 1 − u, which has the binomial probability that the bound is made from.
    fn set_limits(&mut self) {
        let Some(error) = self.limit_error else { return };
        let error = error / (QUANTILES.len() * self.past.len().max(1)) as f64;
        for &(stratum, ref past) in &self.past {
            for (level, cut) in self.levels.iter_mut().zip(past.worse) {
                let Some(cut) = cut.filter(|_| level.limit(stratum).is_none()) else { continue };
                let slow = past.exceeding(cut.stable);
                let share = upper_bound(slow.failures() as f64, slow.trials() as f64, error);
                let bucket = surely_beyond(lower_bound(cut.stable) * (1.0 + self.safe));
                level.limits.push(Limit { stratum, bucket, share });
            }
        }
    }

    fn hold_against_limits(&mut self, stratum: u8, sampled: &Sampled) {
        for level in &mut self.levels {
            if let Some(limit) = level.limit(stratum).filter(|limit| limit.share < GREATEST) {
                // Such a limit is inside the range that the test accepts.
                let _ = level.worse.update_against_limit(sampled.exceeding(limit.bucket), limit.share);
            }
        }
    }

    pub(super) fn log_worse(&self) -> f64 {
        log_mean_exp(self.levels.iter().map(|level| level.worse.e_value().log()))
    }

    /// No quantile may be worse.
    pub(super) fn log_safe(&self) -> f64 {
        self.levels.iter().map(|level| level.safest).fold(f64::INFINITY, f64::min)
    }

    pub(super) const fn requests(&self) -> (u64, u64) {
        (self.stable.count(), self.canary.count())
    }

    /// The quantile with the most evidence.
    fn strongest(&self) -> (f64, &Level) {
        let [first, rest @ ..] = &self.levels;
        let evidence = |level: &Level| level.worse.e_value().log();
        rest.iter().zip(&QUANTILES[1..]).fold((QUANTILES[0], first), |most, (level, quantile)| {
            if evidence(level) > evidence(most.1) { (*quantile, level) } else { most }
        })
    }

    pub(super) fn reading(&self) -> Reading {
        let (quantile, strongest) = self.strongest();
        let (before, after) = (self.stage.0.quantile(quantile), self.stage.1.quantile(quantile));
        let increase = before.filter(|before| *before > 0.0).zip(after).map(|(before, after)| after / before - 1.0);
        let mut levels = self.levels.iter().filter(|level| !level.stage.is_empty()).peekable();
        Reading {
            unit: Unit::Milliseconds,
            requests: self.requests(),
            values: (self.stable.quantile(quantile), self.canary.quantile(quantile)),
            quantile: Some(quantile),
            increase,
            within_margin: levels.peek().is_some() && levels.all(|level| level.stage.within(Margin::EQUAL)),
            limit: strongest.limits.first().map(|limit| lower_bound(limit.bucket)),
            log_worse: self.log_worse(),
            log_safe: self.log_safe(),
        }
    }

    /// Of how much more often the canary is slow, at the quantile with the most evidence.
    pub(super) fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        let each = 1.0 - (1.0 - confidence) / QUANTILES.len() as f64;
        self.strongest().1.worse.interval(each)
    }
}

fn exceedances(part: &Part<Sampled>, cut: Cut) -> RateBlock {
    RateBlock { stable: part.stable.exceeding(cut.stable), canary: part.canary.exceeding(cut.canary) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_lie_where_the_margin_loses_least() {
        for ms in [3.0, 48.0, 217.0, 830.0, 12_345.0] {
            for increase in [0.05, 0.1, 0.2, 0.35] {
                let near = bucket_of(ms);
                let worse = Cut::near(near, increase, Direction::Worse, |_| true);
                let safe = Cut::near(near, increase, Direction::Safe, |_| true);
                let factor = |cut: Cut| lower_bound(cut.canary) / lower_bound(cut.stable) / (1.0 + increase);
                assert!((1.0 - 1e-8..1.004).contains(&factor(worse)), "{ms} {increase} {}", factor(worse));
                assert!((0.996..1.0 + 1e-8).contains(&factor(safe)), "{ms} {increase} {}", factor(safe));
                assert!(worse.stable.abs_diff(near) <= REACH && safe.stable.abs_diff(near) <= REACH);
            }
        }
    }

    #[test]
    fn an_abandoned_request_counts_only_if_it_was_slow_already() {
        let mut sampled = Sampled { endless: 1, ..Sampled::default() };
        for (ms, left) in [(100.0, false), (900.0, false), (50.0, true), (2_000.0, true)] {
            if left { sampled.at_least.record(ms) } else { sampled.times.record(ms) }
        }
        let count = sampled.exceeding(bucket_of(500.0));
        assert_eq!((count.failures(), count.trials()), (3, 4));
    }

    /// A promoted version may take the whole margin longer than the old one, and no more.
    #[test]
    fn a_promoted_version_is_held_against_the_whole_margin() {
        let log_worse = |factor: f64| {
            let mut times = Times::new(Timing::Latency, 0.1, 0.2);
            let minute = |id: u64, stable: bool, factor: f64| {
                let mut block = Block::empty(id, crate::clock::Timestamp::ZERO);
                let evidence = if stable { &mut block.stable } else { &mut block.canary };
                for ms in 0..200 {
                    let outcome = crate::observe::Outcome::ok().latency_ms(factor * f64::from(800 + 4 * ms));
                    evidence.record(&crate::observe::End::Finished(outcome), &[].into_iter().collect());
                }
                block.canary_arrivals = if stable { 0 } else { 200 };
                block
            };
            (0..10).for_each(|id| times.absorb(&minute(id, true, 1.0), false, 3.0));
            times.promote(1e-4);
            (10..60).for_each(|id| times.absorb(&minute(id, false, factor), false, 3.0));
            times.log_worse()
        };
        assert!(log_worse(1.17) < 0.0, "{}", log_worse(1.17));
        assert!(log_worse(1.4) > 20.0, "{}", log_worse(1.4));
    }

    #[test]
    fn the_past_is_recent_and_bounded() {
        let mut past = Past::default();
        let of = |ms: f64, n: u32| {
            let mut sampled = Sampled::default();
            (0..n).for_each(|_| sampled.times.record(ms));
            sampled
        };
        past.add(&of(100.0, 19), 0.1, 0.2);
        assert_eq!(past.worse, [None; 5]);
        past.add(&of(100.0, 21), 0.1, 0.2);
        assert!(past.worse[2].is_some() && past.worse[3].is_some() && past.worse[4].is_none(), "2 of 40 above 0.95");
        for _ in 0..100 {
            past.add(&of(400.0, 100), 0.1, 0.2);
        }
        assert!(past.older.times.count() + past.newer.times.count() < 3 * HALF);
        assert_eq!(past.older.times.quantile(0.0), Some(400.0));
    }
}
