//! What a request pays for being perhaps judged: a ticket, with no rollout, with one, and for the few that are taken. Run
//! with `cargo bench -p serinus-benches --bench review`.
#![allow(missing_docs)] // criterion's macros make undocumented items.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use serinus::clock::{Clock, ManualClock, Timestamp};
use serinus::judge::{Feedback, Reviewer, ReviewerBuilder, Sampling};
use serinus::route::{Request, TrafficSplitter};
use serinus_benches::Scene;

/// A rollout in its first stage, and what it is reviewed by.
fn scene(per_minute: f64, add: impl FnOnce(ReviewerBuilder) -> ReviewerBuilder) -> (Scene, Arc<Reviewer>) {
    let clock = Arc::new(ManualClock::new(Timestamp::ZERO));
    let sampling = Sampling { per_minute, ..Sampling::default() };
    let builder = add(Reviewer::builder().workers(0).sampling(sampling).clock(Arc::clone(&clock) as Arc<dyn Clock>));
    let reviewer = Arc::new(builder.build().expect("a valid sampling"));
    (Scene::first_stage(clock, Some(&reviewer), |builder| builder), reviewer)
}

fn bench(criterion: &mut Criterion) {
    let ids: Vec<String> = (0..10_000).map(|n| format!("request-{n}")).collect();
    let mut group = criterion.benchmark_group("review");

    let idle = Reviewer::builder().workers(0).build().expect("a valid sampling");
    let (mut rare, reviewer) = scene(1.0, |builder| builder);
    let lease = rare.splitter.route(&Request::new());
    group.bench_function("ticket, no rollout", |bencher| {
        let mut ids = ids.iter().cycle();
        bencher.iter(|| idle.ticket(&lease, black_box(ids.next().map_or("", String::as_str))).is_some());
    });
    settle(&mut rare, &reviewer, &ids);
    group.bench_function("ticket, one in many taken", |bencher| {
        let mut ids = ids.iter().cycle();
        bencher.iter(|| reviewer.ticket(&lease, black_box(ids.next().map_or("", String::as_str))).is_some());
    });
    let (_every, reviewer) = scene(1e9, |builder| builder);
    group.bench_function("ticket, every one taken and dropped", |bencher| {
        let mut ids = ids.iter().cycle();
        bencher.iter(|| reviewer.ticket(&lease, black_box(ids.next().map_or("", String::as_str))).is_some());
    });
    let (mut words, reviewer) = scene(1.0, |builder| builder.feedback(Feedback::default()));
    settle(&mut words, &reviewer, &ids);
    group.bench_function("ticket, with feedback", |bencher| {
        let mut ids = ids.iter().cycle();
        bencher.iter(|| reviewer.ticket(&lease, black_box(ids.next().map_or("", String::as_str))).is_some());
    });
    group.finish();
}

/// A minute of traffic, after which the sample is as small as it is meant to be.
fn settle(scene: &mut Scene, reviewer: &Reviewer, ids: &[String]) {
    for id in ids {
        let lease = scene.splitter.route(&Request::new());
        drop(reviewer.ticket(&lease, id));
    }
    scene.clock.advance(Duration::from_secs(61));
    scene.tick();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).nresamples(20_000).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = bench
}
criterion_main!(benches);
