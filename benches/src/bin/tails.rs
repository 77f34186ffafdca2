//! The tail of `route` and `finish` on two threads: quiet, and while weights change a hundred times a second and the driver
//! ticks as often. Run with `cargo run --release -p serinus-benches --bin tails`; an argument says for how many seconds each.
#![allow(clippy::print_stdout)] // a table is what it is for

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use serde::Serialize;
use serinus::clock::{ManualClock, Timestamp};
use serinus::observe::{Outcome, UserCap};
use serinus::route::{Request, TrafficSplitter};
use serinus_benches::{Latencies, Quantiles, Scene, set_share, user_ids, write};

const THREADS: usize = 2;
/// How often weights change and the driver ticks, while they do.
const EVERY: Duration = Duration::from_millis(10);

/// What was seen of all threads' requests together.
#[derive(Serialize)]
struct Seen {
    requests: u64,
    /// How often a thread was taken off its core, though it had work.
    preempted: u64,
    /// Times that weights changed and the driver ticked.
    changes: u64,
    wall: Quantiles,
    on_core: Quantiles,
}

#[derive(Serialize)]
struct Tails {
    seconds: f64,
    threads: usize,
    /// The least by which two readings of the clock differ, in nanoseconds.
    step: u64,
    quiet: Seen,
    changing: Seen,
    /// A request that does nothing, timed as the others: what the clock itself takes.
    nothing: Seen,
}

fn main() -> Result<(), Box<dyn Error>> {
    let seconds: f64 = env::args().nth(1).map_or(Ok(10.0), |seconds| seconds.parse())?;
    let time = Duration::try_from_secs_f64(seconds)?;
    let tails = Tails {
        seconds,
        threads: THREADS,
        step: step(),
        quiet: routed(time, false),
        changing: routed(time, true),
        nothing: seen(time, 0, || |user: &str| _ = black_box(user)),
    };
    println!(
        "| {seconds} s on {THREADS} threads, ns | p50 | p99 | p99.9 | p99.99 | max | preempted |\n|---|---|---|---|---|---|---|"
    );
    for (name, seen) in [("quiet", &tails.quiet), ("changing", &tails.changing), ("nothing", &tails.nothing)] {
        for (clock, of) in [("wall", seen.wall), ("on a core", seen.on_core)] {
            let Quantiles { p50, p99, p99_9, p99_99, max } = of;
            println!(
                "| {name}, {clock} | {p50} | {p99} | {p99_9} | {p99_99} | {max} | {} of {} |",
                seen.preempted, seen.requests
            );
        }
    }
    Ok(write("tails", &tails)?)
}

/// A rollout in its first stage, whose requests have every measure.
fn routed(time: Duration, changing: bool) -> Seen {
    let clock = Arc::new(ManualClock::new(Timestamp::ZERO));
    let mut scene = Scene::first_stage(clock, None, |builder| builder.user_cap(UserCap::None));
    let outcome = Outcome::ok().latency_ms(830.0).ttft_ms(41.0).tokens(212).passed(true).quality(0.9);
    let splitter = Arc::clone(&scene.splitter);
    let request = || {
        let splitter = &splitter;
        move |user: &str| splitter.route(&Request::new().sticky_key(user)).finish(outcome)
    };
    if !changing {
        return seen(time, 0, request);
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let changes = scope.spawn(|| {
            let mut changes = 0;
            while !done.load(Ordering::Relaxed) {
                thread::sleep(EVERY);
                set_share(&scene.splitter, if changes % 2 == 0 { 0.05 } else { 0.02 }).expect("a share");
                scene.clock.advance(EVERY);
                scene.tick();
                changes += 1;
            }
            changes
        });
        let seen = seen(time, 0, request);
        done.store(true, Ordering::Relaxed);
        Seen { changes: changes.join().unwrap_or_default(), ..seen }
    })
}

/// Requests back to back on each thread, for this time.
fn seen<F: FnMut(&str)>(time: Duration, changes: u64, request: impl Fn() -> F + Sync) -> Seen {
    let users = user_ids();
    let parts: Vec<(Latencies, u64)> = thread::scope(|scope| {
        let one = || {
            let (mut request, before, end) = (request(), preempted(), Instant::now() + time);
            let mut latencies = Latencies::begin();
            for user in users.iter().cycle() {
                request(black_box(user));
                if latencies.ended() >= end {
                    break;
                }
            }
            (latencies, preempted() - before)
        };
        let running: Vec<_> = (0..THREADS).map(|_| scope.spawn(one)).collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let mut all = Latencies::begin();
    for (latencies, _) in &parts {
        all.merge(latencies);
    }
    let preempted = parts.iter().map(|(_, preempted)| preempted).sum();
    Seen { requests: all.len(), preempted, changes, wall: all.wall(), on_core: all.on_core() }
}

fn step() -> u64 {
    let apart = |_| {
        let first = Instant::now();
        first.elapsed().as_nanos()
    };
    let least = (0..100_000).map(apart).filter(|nanos| *nanos > 0).min();
    least.and_then(|nanos| u64::try_from(nanos).ok()).unwrap_or_default()
}

/// How often this thread has been taken off its core; 0 where the system does not tell.
fn preempted() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let count = status.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or_default()
}
