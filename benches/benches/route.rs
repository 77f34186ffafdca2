//! `route` and `finish`: one thread and two, with and without a rollout, while weights change, and a plain splitter
//! beside them. Run with `cargo bench -p serinus-benches --bench route`.
#![allow(missing_docs)] // criterion's macros make undocumented items.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use serinus::observe::{Errors, Failures, Outcome, Signal, Signals, UserCap, UserShares};
use serinus::route::TrafficSplitter;
use serinus_benches::{NaiveSplitter, on_threads, route_and_finish, set_share, splitter, user_ids};

fn signals() -> Signals {
    [Arc::new(Errors) as Arc<dyn Signal>, Arc::new(Failures)].into_iter().collect()
}

fn bench(criterion: &mut Criterion) {
    let users = user_ids();
    let outcome = Outcome::ok().latency_ms(830.0).ttft_ms(41.0).tokens(212).passed(true);
    let idle = splitter().expect("the names are fine");
    let recording = splitter().expect("the names are fine");
    recording.open_block(&signals(), &Arc::new(UserShares::new(UserCap::None)));
    let capped = splitter().expect("the names are fine");
    capped.open_block(&signals(), &Arc::new(UserShares::new(UserCap::default())));
    let naive = NaiveSplitter::new(0.05);

    let mut group = criterion.benchmark_group("route");
    group.bench_function("version_for", |bencher| {
        let mut users = users.iter().cycle();
        bencher.iter(|| idle.version_for(users.next().map_or("", String::as_str)));
    });
    for threads in [1, 2] {
        group.bench_function(BenchmarkId::new("route+finish", threads), |bencher| {
            bencher.iter_custom(|n| on_threads(threads, n, |n| route_and_finish(&idle, &users, n, outcome)));
        });
        group.bench_function(BenchmarkId::new("route+finish, recording", threads), |bencher| {
            bencher.iter_custom(|n| on_threads(threads, n, |n| route_and_finish(&recording, &users, n, outcome)));
        });
        group.bench_function(BenchmarkId::new("route+finish, recording, users capped", threads), |bencher| {
            bencher.iter_custom(|n| on_threads(threads, n, |n| route_and_finish(&capped, &users, n, outcome)));
        });
        group.bench_function(BenchmarkId::new("lock and shared counters", threads), |bencher| {
            bencher.iter_custom(|n| {
                on_threads(threads, n, |n| {
                    let mut users = users.iter().cycle();
                    for _ in 0..n {
                        naive.finish(naive.route(black_box(users.next().map_or("", String::as_str))));
                    }
                })
            });
        });
    }

    let done = Arc::new(AtomicBool::new(false));
    let swapped = Arc::new(splitter().expect("the names are fine"));
    let swapper = {
        let (done, swapped) = (Arc::clone(&done), Arc::clone(&swapped));
        thread::spawn(move || {
            let mut shares = [0.05, 0.10].into_iter().cycle();
            while !done.load(Ordering::Relaxed) {
                set_share(&swapped, shares.next().unwrap_or(0.05)).expect("a share");
                thread::sleep(Duration::from_micros(100));
            }
        })
    };
    group.bench_function("route+finish, weights change every 100 us", |bencher| {
        bencher.iter_custom(|n| on_threads(1, n, |n| route_and_finish(&swapped, &users, n, outcome)));
    });
    done.store(true, Ordering::Relaxed);
    swapper.join().expect("the swapper does not panic");
    group.finish();
}

criterion_group! {
    name = route;
    config = Criterion::default().sample_size(30).nresamples(20_000).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = bench
}
criterion_main!(route);
