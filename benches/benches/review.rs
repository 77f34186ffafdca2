//! What a request pays for being perhaps judged: a ticket, with no rollout, with one, and for the few that are taken. Run
//! with `cargo bench -p serinus-benches --bench review`.
#![allow(missing_docs)] // criterion's macros make undocumented items.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use serinus::clock::{Clock, ManualClock, Timestamp};
use serinus::deploy::{Engine, Surroundings, Work};
use serinus::evaluate::SequentialEvaluator;
use serinus::host::MemoryHost;
use serinus::journal::MemoryJournal;
use serinus::judge::{Feedback, Reviewer, ReviewerBuilder, Sampling};
use serinus::model::ModelVersion;
use serinus::plan::{Fleet, RiskPlanner, UpdatePlanner};
use serinus::rollout::{Input, Phase, Rollout};
use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};

/// A rollout in its first stage, and what it is reviewed by.
struct Scene {
    splitter: Arc<HashSplitter>,
    reviewer: Arc<Reviewer>,
    engine: Engine,
    clock: Arc<ManualClock>,
}

fn scene(per_minute: f64, add: impl FnOnce(ReviewerBuilder) -> ReviewerBuilder) -> Scene {
    let v1 = ModelVersion::builder("chat", "v1").base_model("llama-8b").weight_hash("aa").gpu_memory_gb(16.0);
    let v1 = v1.build().expect("a valid version");
    let v2 = v1.to_builder().version("v2").weight_hash("bb").build().expect("a valid version");
    let fleet = Fleet::new(10, 40.0).expect("a valid fleet");
    let plan = Arc::new(RiskPlanner::default().plan(&v1, &v2, &fleet).expect("it fits"));
    let (host, clock) = (MemoryHost::serving(fleet, &v1), Arc::new(ManualClock::new(Timestamp::ZERO)));
    let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(v1.version())));
    let sampling = Sampling { per_minute, ..Sampling::default() };
    let builder = add(Reviewer::builder().workers(0).sampling(sampling).clock(Arc::clone(&clock) as Arc<dyn Clock>));
    let reviewer = Arc::new(builder.build().expect("a valid sampling"));
    let with =
        Surroundings::new(Arc::clone(&splitter) as _, Arc::clone(&clock) as _, Arc::new(MemoryJournal::default()))
            .with_reviewer(Arc::clone(&reviewer));
    let evaluator = Box::new(SequentialEvaluator::for_plan(&plan).build().expect("a valid plan"));
    let mut engine = Engine::begin(with, Rollout::new("bench", plan), evaluator).expect("it begins");
    let mut work = engine.give(Input::Start);
    while let Some(next) = work.pop() {
        if let Work::Host { call, what } = next {
            work.extend(engine.give(Input::Reply { call, result: what.make(&host) }));
        }
    }
    assert_eq!(engine.rollout().phase(), Phase::Stage(0));
    Scene { splitter, reviewer, engine, clock }
}

fn bench(criterion: &mut Criterion) {
    let ids: Vec<String> = (0..10_000).map(|n| format!("request-{n}")).collect();
    let mut group = criterion.benchmark_group("review");

    let idle = Reviewer::builder().workers(0).build().expect("a valid sampling");
    let rare = scene(1.0, |builder| builder);
    let lease = rare.splitter.route(&Request::new());
    group.bench_function("ticket, no rollout", |bencher| {
        let mut ids = ids.iter().cycle();
        bencher.iter(|| idle.ticket(&lease, black_box(ids.next().map_or("", String::as_str))).is_some());
    });
    let mut rare = rare;
    settle(&mut rare, &ids);
    group.bench_function("ticket, one in many taken", |bencher| {
        let mut ids = ids.iter().cycle();
        bencher.iter(|| rare.reviewer.ticket(&lease, black_box(ids.next().map_or("", String::as_str))).is_some());
    });
    let every = scene(1e9, |builder| builder);
    group.bench_function("ticket, every one taken and dropped", |bencher| {
        let mut ids = ids.iter().cycle();
        bencher.iter(|| every.reviewer.ticket(&lease, black_box(ids.next().map_or("", String::as_str))).is_some());
    });
    let mut words = scene(1.0, |builder| builder.feedback(Feedback::default()));
    settle(&mut words, &ids);
    group.bench_function("ticket, with feedback", |bencher| {
        let mut ids = ids.iter().cycle();
        bencher.iter(|| words.reviewer.ticket(&lease, black_box(ids.next().map_or("", String::as_str))).is_some());
    });
    group.finish();
}

/// A minute of traffic, after which the sample is as small as it is meant to be.
fn settle(scene: &mut Scene, ids: &[String]) {
    for id in ids {
        let lease = scene.splitter.route(&Request::new());
        drop(scene.reviewer.ticket(&lease, id));
    }
    scene.clock.advance(Duration::from_secs(61));
    drop(scene.engine.tick());
}

criterion_group!(benches, bench);
criterion_main!(benches);
