//! What the fixed-sample statistics cost. Run with `cargo bench -p serinus-benches --bench fixed_sample`;
//! `benches/python/fixed_sample.py` times SciPy and statsmodels on the same work.
#![allow(missing_docs)] // criterion's macros make undocumented items.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use serinus_stats::TestOptions;
use serinus_stats::means::welch_t;
use serinus_stats::power::{Design, sample_size};
use serinus_stats::ranks::{
    KolmogorovSmirnovOptions, MannWhitneyOptions, WilcoxonOptions, brunner_munzel, hodges_lehmann, kolmogorov_smirnov,
    mann_whitney_u, wilcoxon_signed_rank,
};
use serinus_stats::resampling::{BootstrapOptions, Statistic, bootstrap, bootstrap_difference};

/// Standard normal values, by Box and Muller, of a generator that the Python twin has too.
fn normal(seed: u64, n: usize, shift: f64) -> Vec<f64> {
    let mut state = seed;
    let mut unit = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f64 + 0.5) / f64::from(1u32 << 24)
    };
    (0..n).map(|_| (-2.0 * unit().ln()).sqrt() * (std::f64::consts::TAU * unit()).cos() + shift).collect()
}

fn mann_whitney(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mann_whitney_u");
    group.sample_size(10);
    for n in [1_000, 10_000, 100_000, 1_000_000] {
        let (a, b) = (normal(1, n, 0.0), normal(2, n, 0.02));
        let tokens = |values: &[f64]| values.iter().map(|x| (100.0 + 20.0 * x).round()).collect::<Vec<_>>();
        let (c, d) = (tokens(&a), tokens(&b));
        let test = |a: &[f64], b: &[f64]| mann_whitney_u(a, b, MannWhitneyOptions::default());
        group.bench_function(BenchmarkId::new("normal", n), |bencher| bencher.iter(|| test(black_box(&a), &b)));
        group.bench_function(BenchmarkId::new("whole numbers", n), |bencher| bencher.iter(|| test(black_box(&c), &d)));
    }
    group.finish();
}

fn others(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fixed_sample");
    group.sample_size(20);
    let (a, b) = (normal(1, 1_000, 0.0), normal(2, 1_000, 0.02));
    let differences: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
    group.bench_function("welch_t", |bencher| bencher.iter(|| welch_t(black_box(&a), &b, TestOptions::default())));
    group.bench_function("brunner_munzel", |bencher| {
        bencher.iter(|| brunner_munzel(black_box(&a), &b, TestOptions::default()));
    });
    group.bench_function("wilcoxon_signed_rank", |bencher| {
        bencher.iter(|| wilcoxon_signed_rank(black_box(&differences), WilcoxonOptions::default()));
    });
    group.bench_function("kolmogorov_smirnov", |bencher| {
        bencher.iter(|| kolmogorov_smirnov(black_box(&a), &b, KolmogorovSmirnovOptions::default()));
    });
    group.bench_function("hodges_lehmann", |bencher| bencher.iter(|| hodges_lehmann(black_box(&a), &b, 0.95)));
    group.bench_function("sample_size", |bencher| {
        bencher.iter(|| sample_size(black_box(0.05), Design::TwoProportions { baseline: 0.1 }.into()));
    });
    group.bench_function("bootstrap mean", |bencher| {
        bencher.iter(|| bootstrap(black_box(&a), Statistic::Mean, BootstrapOptions::default()));
    });
    group.bench_function("bootstrap mean difference", |bencher| {
        bencher.iter(|| bootstrap_difference(black_box(&a), &b, Statistic::Mean, BootstrapOptions::default()));
    });
    group.finish();
}

criterion_group! {
    name = fixed_sample;
    config = Criterion::default().sample_size(30).nresamples(20_000).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    targets = mann_whitney, others
}
criterion_main!(fixed_sample);
