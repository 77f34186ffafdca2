//! What an observation costs the anytime-valid tests. Run with `cargo bench -p serinus-benches --bench sequential`.
#![allow(missing_docs)] // criterion's macros make undocumented items.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serinus_stats::sequential::{
    ConfidenceSequence, Count, Direction, DominanceTest, EProcess, ExceedanceTest, Margin, MeanTest, PairedTest,
    QuantileTest, RateBlock, RateTest, SampleRatioTest, WinRateTest, WinsorizedMeanTest,
};

/// Stable and canary observations in a block: the smallest that a deployment closes, and one of a busy minute.
const BLOCKS: [(usize, usize); 2] = [(20, 20), (950, 50)];

fn values(n: usize) -> Vec<f64> {
    (0..n as u64).map(|i| ((i.wrapping_mul(6_364_136_223_846_793_005) >> 40) as f64) / (1u64 << 24) as f64).collect()
}

fn updates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("update");
    for (n_s, n_c) in BLOCKS {
        group.throughput(Throughput::Elements((n_s + n_c) as u64));
        let id = |name: &str| BenchmarkId::new(name, format!("{n_s}+{n_c}"));
        let (stable, canary, history) = (values(n_s), values(n_c), values(3_000));
        let count =
            |failures, trials: usize| Count::new(failures, trials as u64).expect("no more failures than trials");
        let block = RateBlock { stable: count(1, n_s), canary: count(1, n_c) };

        let mut rates = RateTest::new(Direction::Worse, Margin::relative(0.25).expect("a margin"));
        group.bench_function(id("RateTest"), |bencher| bencher.iter(|| rates.update(block)));
        let mut means = MeanTest::of_scores(Direction::Worse, 0.05).expect("a margin");
        means.update(&history, &[]).expect("scores");
        group.bench_function(id("MeanTest"), |bencher| bencher.iter(|| means.update(&stable, &canary)));
        let mut exceedances = ExceedanceTest::new(Direction::Worse, 0.99, 0.1).expect("a margin");
        exceedances.update(&history, &[]).expect("latencies");
        group.bench_function(id("ExceedanceTest"), |bencher| bencher.iter(|| exceedances.update(&stable, &canary)));
        let mut dominance = DominanceTest::new(Direction::Worse, 0.1).expect("a margin");
        dominance.update(&history, &[]).expect("latencies");
        group.bench_function(id("DominanceTest"), |bencher| bencher.iter(|| dominance.update(&stable, &canary)));
        let mut quantiles = QuantileTest::new(Direction::Worse, 0.99, 0.1).expect("a margin");
        group.bench_function(id("QuantileTest"), |bencher| bencher.iter(|| quantiles.update(&stable, &canary)));
        let mut counts = WinsorizedMeanTest::new(Direction::Worse, 0.1).expect("a margin");
        counts.update(&history, &[]).expect("counts");
        group.bench_function(id("WinsorizedMeanTest"), |bencher| bencher.iter(|| counts.update(&stable, &canary)));
        let mut ranks = WinRateTest::new(Direction::Worse, 0.0).expect("a margin");
        group.bench_function(id("WinRateTest"), |bencher| bencher.iter(|| ranks.update(&stable, &canary)));
        let mut pairs = PairedTest::new(Direction::Worse, 0.0, 0.25).expect("a margin");
        let others: Vec<f64> = stable.iter().rev().copied().collect();
        group.throughput(Throughput::Elements(n_s as u64));
        group.bench_function(id("PairedTest"), |bencher| bencher.iter(|| pairs.update_many(&stable, &others)));
        let mut sequence = ConfidenceSequence::mean();
        group.bench_function(id("ConfidenceSequence"), |bencher| bencher.iter(|| sequence.update_many(&stable)));
        group.throughput(Throughput::Elements((n_s + n_c) as u64));
        let mut ratio = SampleRatioTest::new(&[0.95, 0.05]).expect("shares");
        group.bench_function(id("SampleRatioTest"), |bencher| bencher.iter(|| ratio.update(&[n_s as u64, n_c as u64])));
    }
    group.finish();
}

fn looks(criterion: &mut Criterion) {
    let (stable, canary) = (values(3_000), values(300));
    let mut rates = RateTest::new(Direction::Worse, Margin::relative(0.25).expect("a margin"));
    let count = |failures, trials| Count::new(failures, trials).expect("no more failures than trials");
    (0..50).for_each(|_| rates.update(RateBlock { stable: count(12, 400), canary: count(1, 20) }));
    let mut strict = QuantileTest::new(Direction::Worse, 0.99, 0.1).expect("a margin");
    strict.update(&stable, &canary).expect("latencies");
    let mut group = criterion.benchmark_group("look");
    group.bench_function("RateTest", |bencher| bencher.iter(|| rates.e_value()));
    group.bench_function("RateTest, interval", |bencher| bencher.iter(|| rates.interval(0.95)));
    group.bench_function("QuantileTest", |bencher| bencher.iter(|| strict.e_value()));
    group.finish();
}

criterion_group! {
    name = sequential;
    config = Criterion::default().sample_size(30).nresamples(20_000).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = updates, looks
}
criterion_main!(sequential);
