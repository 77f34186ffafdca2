//! A sticky 95 to 5 split of users, by Serinus and by what one would pick instead, on one thread and on two that share
//! the engine. Run with `cargo bench -p serinus-benches --features peers --bench peers`.
//!
//! Group `blocks` is what an engine is built of, for judging the rest.
#![allow(missing_docs)] // criterion's macros make undocumented items.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use parking_lot::RwLock;
use serinus::observe::Outcome;
use serinus::route::{Request, TrafficSplitter};
use serinus_benches::peers::{Eppo, GrowthBook, LaunchDarkly, Statsig, Unleash};
use serinus_benches::{Floor, NaiveSplitter, on_threads, on_threads_with, splitter, user_id, user_ids, versions};

/// Times an engine that puts 5% of the users on the canary, after a look whether it does.
fn row<U>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    engine: &str,
    user: impl Fn(&str) -> U + Sync,
    on_canary: impl Fn(&U) -> bool + Sync,
) {
    assert_splits(engine, &user, &on_canary);
    let ids = user_ids();
    for threads in [1, 2] {
        group.bench_function(BenchmarkId::new(engine, threads), |bencher| {
            bencher.iter_custom(|n| {
                let own = || ids.iter().map(|id| user(id)).collect::<Vec<_>>();
                on_threads_with(threads, n, own, |users, n| {
                    for (user, _) in users.iter().cycle().zip(0..n) {
                        black_box(on_canary(black_box(user)));
                    }
                })
            });
        });
    }
}

/// 5% of 20,000 users within four standard errors, none of whom moves: an engine that fails does so fast.
fn assert_splits<U>(engine: &str, user: impl Fn(&str) -> U, on_canary: impl Fn(&U) -> bool) {
    let canaries = || (0..20_000).filter(|n| on_canary(&user(&user_id(*n)))).collect::<Vec<_>>();
    let first = canaries();
    assert!((877..=1_123).contains(&first.len()), "{engine} puts {} of 20,000 users on the canary", first.len());
    assert!(first == canaries(), "{engine} is not sticky");
}

fn blocks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("blocks");
    let (swap, lock, counter) = (ArcSwap::from_pointee(1u64), RwLock::new(1u64), AtomicU64::new(0));
    for threads in [1, 2] {
        let mut block = |name: &str, work: &(dyn Fn() -> u64 + Sync)| {
            group.bench_function(BenchmarkId::new(name, threads), |bencher| {
                bencher.iter_custom(|n| {
                    on_threads(threads, n, |n| {
                        for _ in 0..n {
                            black_box(work());
                        }
                    })
                });
            });
        };
        block("ArcSwap load", &|| **swap.load());
        block("parking_lot RwLock read", &|| *lock.read());
        block("shared counter", &|| counter.fetch_add(1, Ordering::Relaxed));
    }
    group.finish();
}

fn engines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("peers");
    let (_, canary) = versions().expect("the names are fine");
    let (asked, routed) = (splitter().expect("the names are fine"), splitter().expect("the names are fine"));
    let (floor, naive) = (Floor::new(0.05), NaiveSplitter::new(0.05));
    let outcome = Outcome::ok().latency_ms(830.0).ttft_ms(41.0).tokens(212).passed(true);

    row(&mut group, "floor", str::to_owned, |user| floor.route(user));
    row(&mut group, "serinus version_for", str::to_owned, |user| asked.version_for(user) == canary);
    row(&mut group, "serinus with_version_for", str::to_owned, |user| {
        asked.with_version_for(user, |version| *version == canary)
    });
    row(&mut group, "serinus route+finish", str::to_owned, |user| {
        let lease = routed.route(&Request::new().sticky_key(Some(user.as_str())));
        let on_canary = *lease.version() == canary;
        lease.finish(outcome);
        on_canary
    });
    row(&mut group, "naive lock and shared counters", str::to_owned, |user| {
        let version = naive.route(user);
        naive.finish(version);
        version == 1
    });

    let unleash = Unleash::new().expect("its configuration is fine");
    row(&mut group, "unleash-yggdrasil enabled", str::to_owned, |user| unleash.enabled(user));
    row(&mut group, "unleash-yggdrasil variant", str::to_owned, |user| unleash.variant(user));
    row(&mut group, "unleash-yggdrasil variant, counted", str::to_owned, |user| unleash.counted_variant(user));
    let eppo = Eppo::new().expect("its configuration is fine");
    row(&mut group, "eppo_core assignment", Eppo::user, |user| eppo.assignment(user));
    let launchdarkly = LaunchDarkly::new().expect("its configuration is fine");
    row(
        &mut group,
        "launchdarkly-server-sdk-evaluation",
        |id| LaunchDarkly::user(id).expect("the id is a key"),
        |user| launchdarkly.variation(user),
    );
    let statsig = Statsig::new().expect("its configuration is fine");
    row(&mut group, "statsig-rust gate", Statsig::user, |user| statsig.gate(user));
    row(&mut group, "statsig-rust experiment", Statsig::user, |user| statsig.experiment(user));
    let growthbook = GrowthBook::new().expect("its configuration is fine");
    row(
        &mut group,
        "growthbook-rust feature",
        |id| GrowthBook::user(id).expect("they are attributes"),
        |user| growthbook.feature(user),
    );
    group.finish();
}

criterion_group! {
    name = peers;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(900));
    targets = engines, blocks
}
criterion_main!(peers);
