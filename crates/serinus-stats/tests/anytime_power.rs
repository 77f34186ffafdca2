//! How soon anytime-valid tests find what is there, beside the theoretical limit. `examples/validity` prints the whole table.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Beta, Distribution, LogNormal, StandardNormal};
use serinus_stats::sequential::{
    Count, Decision, Direction, DominanceTest, EProcess, Margin, MeanTest, PairedTest, QuantileTest, RateBlock,
    RateTest, SampleRatioTest, WinRateTest, WinsorizedMeanTest,
};

const RUNS: u64 = 200;
const LONGEST: u64 = 20_000;

/// Looks until the test rejects at level `alpha`, on average over runs.
fn mean_looks<T: EProcess>(
    alpha: f64,
    make: impl Fn(&mut ChaCha8Rng) -> T,
    feed: impl Fn(&mut T, &mut ChaCha8Rng),
) -> f64 {
    let run = |seed: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(1_000 + seed);
        let mut test = make(&mut rng);
        let found = (1..=LONGEST).find(|_| {
            feed(&mut test, &mut rng);
            test.decision(alpha) == Ok(Decision::Reject)
        });
        found.expect("what is there is found") as f64
    };
    (0..RUNS).map(run).sum::<f64>() / RUNS as f64
}

/// At most this many looks, give or take four standard errors of a mean of 200: looks spread about as far as their mean.
#[track_caller]
fn at_most(what: &str, looks: f64, expected: f64) {
    let allowed = expected * (1.0 + 4.0 * 0.75 / (RUNS as f64).sqrt());
    assert!(looks <= allowed, "{what}: {looks} looks, expected some {expected}");
}

fn failures(rng: &mut ChaCha8Rng, n: u64, rate: f64) -> Count {
    let mut count = Count::default();
    (0..n).for_each(|_| count.add_trial(rng.random_bool(rate)));
    count
}

fn scores(rng: &mut ChaCha8Rng, mean: f64, n: usize) -> Vec<f64> {
    // Standard deviation 0.11 at 0.85.
    let strength = 0.85 * 0.15 / (0.11 * 0.11) - 1.0;
    let beta = Beta::new(mean * strength, (1.0 - mean) * strength).unwrap();
    (0..n).map(|_| beta.sample(rng)).collect()
}

fn latencies(rng: &mut ChaCha8Rng, sigma: f64, scale: f64, n: usize) -> Vec<f64> {
    let normal = LogNormal::new(0.0, sigma).unwrap();
    (0..n).map(|_| scale * normal.sample(rng)).collect()
}

#[test]
fn rates() {
    let worse = |margin| move |_: &mut ChaCha8Rng| RateTest::new(Direction::Worse, margin);
    let feed = |canary| {
        move |test: &mut RateTest, rng: &mut ChaCha8Rng| {
            test.update(RateBlock { stable: failures(rng, 19, 0.03), canary: failures(rng, 1, canary) });
        }
    };
    at_most("3% to 14%", mean_looks(0.05, worse(Margin::absolute(0.0).unwrap()), feed(0.14)), 40.3);
    at_most("3% to 14%, 1%", mean_looks(0.01, worse(Margin::absolute(0.0).unwrap()), feed(0.14)), 57.1);
    at_most("3% to 9% at ×1.5", mean_looks(0.05, worse(Margin::relative(0.5).unwrap()), feed(0.09)), 231.0);
    let safe = |_: &mut ChaCha8Rng| RateTest::new(Direction::Safe, Margin::absolute(0.02).unwrap());
    at_most("3% is not 5%", mean_looks(0.05, safe, feed(0.03)), 680.0);
}

#[test]
fn means() {
    let test = |direction, decrease| {
        move |rng: &mut ChaCha8Rng| {
            let mut test = MeanTest::of_scores(direction, decrease).unwrap();
            test.update(&scores(rng, 0.85, 200), &[]).unwrap();
            test
        }
    };
    let feed = |canary| {
        move |test: &mut MeanTest, rng: &mut ChaCha8Rng| {
            test.update(&scores(rng, 0.85, 49), &scores(rng, canary, 1)).unwrap();
        }
    };
    at_most("0.85 to 0.80", mean_looks(0.05, test(Direction::Worse, 0.0), feed(0.80)), 37.7);
    at_most("0.85 to 0.75 at 0.05", mean_looks(0.05, test(Direction::Worse, 0.05), feed(0.75)), 43.9);
    // The same distance from the boundary as the first, on the other side.
    at_most("0.85 is not 0.80", mean_looks(0.05, test(Direction::Safe, 0.05), feed(0.85)), 60.0);
}

#[test]
fn heavy_tailed_means() {
    let test = |rng: &mut ChaCha8Rng| {
        let mut test = WinsorizedMeanTest::new(Direction::Worse, 0.2).unwrap();
        test.update(&latencies(rng, 0.7, 200.0, 400), &[]).unwrap();
        test
    };
    let looks = mean_looks(0.05, test, |test, rng| {
        test.update(&latencies(rng, 0.7, 200.0, 49), &latencies(rng, 0.7, 300.0, 1)).unwrap();
    });
    at_most("tokens +50% at +20%", looks, 94.0);
}

#[test]
fn latency() {
    let dominance = |rng: &mut ChaCha8Rng| {
        let mut test = DominanceTest::new(Direction::Worse, 0.2).unwrap();
        test.update(&latencies(rng, 0.6, 1.0, 400), &[]).unwrap();
        test
    };
    let looks = mean_looks(0.05, dominance, |test, rng| {
        test.update(&latencies(rng, 0.6, 1.0, 49), &latencies(rng, 0.6, 1.5, 1)).unwrap();
    });
    at_most("everything ×1.5 at +20%", looks, 90.0);
    let strict = |_: &mut ChaCha8Rng| QuantileTest::new(Direction::Worse, 0.9, 0.2).unwrap();
    // Against Wald's limit for the exceedances of the 0.9 quantile: 10% against some 18%.
    let looks = mean_looks(0.05, strict, |test, rng| {
        test.update(&latencies(rng, 0.6, 1.0, 49), &latencies(rng, 0.6, 1.5, 1)).unwrap();
    });
    let (p, q) = (0.182f64, 0.1f64);
    let limit = 20f64.ln() / (p * (p / q).ln() + (1.0 - p) * ((1.0 - p) / (1.0 - q)).ln());
    at_most("strictly, everything ×1.5 at +20%", looks, 3.0 * limit);
}

#[test]
fn pairs() {
    let test = |_: &mut ChaCha8Rng| PairedTest::new(Direction::Worse, 0.0, 0.25).unwrap();
    for (correlation, expected) in [(0.0f64, 79.0), (0.5, 40.0), (0.8, 26.5)] {
        let looks = mean_looks(0.05, test, |test, rng| {
            let (common, own): (f64, f64) = (StandardNormal.sample(rng), StandardNormal.sample(rng));
            let other = correlation * common + (1.0 - correlation * correlation).sqrt() * own;
            let score = |mean: f64, x: f64| (mean + 0.11 * x).clamp(0.0, 1.0);
            test.update(score(0.75, common), score(0.70, other)).unwrap();
        });
        at_most(&format!("correlation {correlation}"), looks, expected);
    }
}

#[test]
fn ranks_and_shares() {
    let test = |_: &mut ChaCha8Rng| WinRateTest::new(Direction::Worse, 0.0).unwrap();
    let looks = mean_looks(0.05, test, |test, rng| {
        test.update(&latencies(rng, 0.6, 1.0, 19), &latencies(rng, 0.6, 1.5, 1)).unwrap();
    });
    at_most("slower by half, by ranks", looks, 28.0);
    // Wald's limit for 10% where 5% are configured is 190 requests.
    let test = |_: &mut ChaCha8Rng| SampleRatioTest::new(&[0.95, 0.05]).unwrap();
    let looks = mean_looks(0.05, test, |test, rng| {
        let canary = u64::from(rng.random_bool(0.1));
        test.update(&[1 - canary, canary]).unwrap();
    });
    at_most("twice the share", looks, 2.0 * 190.0);
}
