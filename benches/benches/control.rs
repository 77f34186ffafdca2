//! What the control path costs: weights that change while a thread routes, blocks of many threads put together, and a
//! tick of the driver. Run with `cargo bench -p serinus-benches --bench control`.
#![allow(missing_docs)] // criterion's macros make undocumented items.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use serinus::clock::{ManualClock, Timestamp};
use serinus::evaluate::{CanaryEvaluator, SequentialEvaluator};
use serinus::observe::{Block, End, Outcome, UserCap};
use serinus_benches::{Scene, route_and_finish, set_share, splitter, user_ids, versions};

/// One thread's part of a block: 400 requests with every measure, a twentieth of them to the canary.
fn part(thread: u32) -> Block {
    let (stable, canary) = versions().expect("the names are fine");
    let evaluator = SequentialEvaluator::builder(stable, canary).build().expect("the defaults are fine");
    let signals = evaluator.signals();
    let mut block = Block::empty(0, Timestamp::ZERO);
    for n in 0..400u32 {
        let latency_ms = f64::from(400 + (n + 400 * thread).wrapping_mul(2_654_435_761) % 1_600);
        let outcome = Outcome::ok().latency_ms(latency_ms).ttft_ms(latency_ms / 9.0).tokens(100 + n % 300);
        let evidence = if n % 20 == 0 { &mut block.canary } else { &mut block.stable };
        evidence.record(&End::Finished(outcome.passed(n % 33 != 0).quality(0.9)), &signals);
    }
    (block.stable_arrivals, block.canary_arrivals) = (380, 20);
    block
}

fn merge(criterion: &mut Criterion) {
    let parts: Vec<Block> = (0..16).map(part).collect();
    criterion.benchmark_group("control").bench_function("merge of 16 threads' blocks", |bencher| {
        let empty = || Block::empty(0, Timestamp::ZERO);
        bencher.iter_batched_ref(
            empty,
            |whole| black_box(&parts).iter().for_each(|part| whole.merge(part)),
            BatchSize::SmallInput,
        );
    });
}

fn weights(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("control");
    let splitter = splitter().expect("the names are fine");
    let mut shares = [0.05, 0.10].into_iter().cycle();
    let mut change = || set_share(&splitter, shares.next().unwrap_or(0.05)).expect("a share");
    group.bench_function("set_weights, no traffic", |bencher| bencher.iter(&mut change));
    let (done, users) = (AtomicBool::new(false), user_ids());
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                route_and_finish(&splitter, &users, 1_000, Outcome::ok().latency_ms(830.0));
            }
        });
        group.bench_function("set_weights, a thread routes", |bencher| bencher.iter(&mut change));
        done.store(true, Ordering::Relaxed);
    });
    group.finish();
}

fn tick(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("control");
    let users = user_ids();
    let outcome = Outcome::ok().latency_ms(830.0).ttft_ms(41.0).tokens(212).passed(true).quality(0.9);
    let mut scene = Scene::first_stage(Arc::new(ManualClock::new(Timestamp::ZERO)), None, |builder| {
        builder.user_cap(UserCap::None)
    });
    scene.tick();
    group.bench_function("tick, nothing new", |bencher| bencher.iter(|| scene.engine.tick()));
    group.bench_function("tick, 1,024 requests have ended", |bencher| {
        let arrive = || route_and_finish(&scene.splitter, &users, 1_024, outcome);
        bencher.iter_batched(arrive, |()| scene.engine.tick(), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group! {
    name = control;
    config = Criterion::default().sample_size(30).nresamples(20_000).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = merge, weights, tick
}
criterion_main!(control);
