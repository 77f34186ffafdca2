//! `evaluate()` and what a block costs. Run with `cargo bench -p serinus-benches --bench evaluate`.
#![allow(missing_docs)] // criterion's macros make undocumented items.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use serinus::clock::Timestamp;
use serinus::evaluate::{CanaryEvaluator, SequentialEvaluator};
use serinus::observe::{Observation, Outcome};
use serinus_benches::versions;

fn bench(criterion: &mut Criterion) {
    let (stable, canary) = versions().expect("the names are fine");
    let mut evaluator =
        SequentialEvaluator::builder(stable.clone(), canary.clone()).build().expect("the defaults are fine");
    let outcome = |n: u32| {
        Outcome::ok().latency_ms(f64::from(800 + n % 97)).ttft_ms(41.0).tokens(212).passed(!n.is_multiple_of(33))
    };
    for n in 0..20_000 {
        let version = if n % 20 == 0 { &canary } else { &stable };
        let now = Timestamp::ZERO + Duration::from_millis(u64::from(n) * 10);
        evaluator.observe(&Observation::new(version.clone(), outcome(n)), now);
    }
    let now = Timestamp::from_secs_f64(300.0);

    criterion.bench_function("evaluate()", |bencher| bencher.iter(|| evaluator.evaluate(now)));
}

criterion_group!(evaluate, bench);
criterion_main!(evaluate);
