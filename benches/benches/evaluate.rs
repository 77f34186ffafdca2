//! `observe()`, `evaluate()` and what a block costs. Run with `cargo bench -p serinus-benches --bench evaluate`.
#![allow(missing_docs)] // criterion's macros make undocumented items.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use serinus::clock::Timestamp;
use serinus::evaluate::{CanaryEvaluator, SequentialEvaluator};
use serinus::observe::{Block, End, Observation, Outcome};
use serinus_benches::versions;

/// A request that says something to every guardrail.
fn outcome(n: u32) -> Outcome {
    let latency_ms = f64::from(400 + n.wrapping_mul(2_654_435_761) % 1_600);
    let judged = Outcome::ok().passed(!n.is_multiple_of(33)).quality(f64::from(70 + n % 30) / 100.0);
    judged.latency_ms(latency_ms).ttft_ms(latency_ms / 9.0).tokens(100 + n % 300)
}

/// One of which nothing is known but its latency, and whether it failed.
fn unjudged(n: u32) -> Outcome {
    Outcome { passed: None, quality: None, ttft_ms: None, tokens: None, ..outcome(n) }
}

/// One request in twenty to the canary, a hundred a second.
fn observations(outcome: fn(u32) -> Outcome) -> Vec<(Observation, Timestamp)> {
    let (stable, canary) = versions().expect("the names are fine");
    let observation = |n: u32| {
        let version = if n.is_multiple_of(20) { &canary } else { &stable };
        (Observation::new(version.clone(), outcome(n)), Timestamp::ZERO + Duration::from_millis(u64::from(n) * 10))
    };
    (0..100_000).map(observation).collect()
}

fn evaluator() -> SequentialEvaluator {
    let (stable, canary) = versions().expect("the names are fine");
    SequentialEvaluator::builder(stable, canary).build().expect("the defaults are fine")
}

/// A block as a splitter hands it on: 400 requests, a twentieth of them to the canary.
fn block(evaluator: &SequentialEvaluator) -> Block {
    let signals = evaluator.signals();
    let mut block = Block::empty(0, Timestamp::ZERO);
    for n in 0..400 {
        let evidence = if n % 20 == 0 { &mut block.canary } else { &mut block.stable };
        evidence.record(&End::Finished(outcome(n)), &signals);
    }
    (block.stable_arrivals, block.canary_arrivals) = (380, 20);
    block
}

fn bench(criterion: &mut Criterion) {
    let (observations, unjudged) = (observations(outcome), observations(unjudged));
    let mut group = criterion.benchmark_group("evaluator");
    for (name, observations) in [("all measured and judged", &observations), ("errors and latency", &unjudged)] {
        group.bench_function(BenchmarkId::new("observe(), tests included", name), |bencher| {
            let mut observed = observations.iter().cycle();
            let mut evaluator = evaluator();
            bencher.iter(|| {
                if let Some((observation, at)) = observed.next() {
                    evaluator.observe(black_box(observation), *at);
                }
            });
        });
    }
    group.bench_function("record() of one request", |bencher| {
        let signals = evaluator().signals();
        let mut evidence = serinus::observe::ArmEvidence::default();
        let mut outcomes = (0..4_096).map(outcome).cycle();
        bencher.iter(|| evidence.record(&End::Finished(outcomes.next().unwrap_or_default()), &signals));
    });
    group.bench_function("absorb() of a block of 400 requests", |bencher| {
        let mut fed = evaluator();
        for _ in 0..50 {
            let block = block(&fed);
            fed.absorb(&block);
        }
        let block = block(&fed);
        bencher.iter_batched_ref(|| fed.clone(), |evaluator| evaluator.absorb(&block), BatchSize::SmallInput);
    });
    let mut fed = evaluator();
    for (observation, at) in &observations {
        fed.observe(observation, *at);
    }
    let now = Timestamp::from_secs_f64(1_000.0);
    group.bench_function("evaluate() over windows of 1,000 requests", |bencher| bencher.iter(|| fed.evaluate(now)));
    group.finish();
}

criterion_group! {
    name = evaluate;
    config = Criterion::default().sample_size(30).nresamples(20_000).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    targets = bench
}
criterion_main!(evaluate);
