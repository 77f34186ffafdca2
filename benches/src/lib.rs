//! What the benches share: a splitter as it is in service, a plain one to compare with, a rollout in its first stage, and
//! ways to time and to write down.

mod floor;
mod latencies;
mod naive;
#[cfg(feature = "peers")]
pub mod peers;
mod results;
mod scene;

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

pub use floor::Floor;
pub use latencies::{Latencies, Quantiles, time_on_core};
pub use naive::NaiveSplitter;
pub use results::{Spread, folder, write};
pub use scene::{Scene, plan};
use serinus::model::{ModelError, VersionId};
use serinus::observe::Outcome;
use serinus::route::{HashSplitter, Request, RoutingError, TrafficSplitter, Weights};

/// 36-byte user ids, as many as fit into a cache.
pub fn user_ids() -> Vec<String> {
    (0..1_024).map(user_id).collect()
}

/// One of 2^32 user ids of 36 bytes.
pub fn user_id(n: u32) -> String {
    format!("8f14e45f-ceea-467f-a8c6-{:012x}", n.wrapping_mul(2_654_435_761))
}

/// A splitter with 5% of the traffic on a canary.
///
/// # Errors
///
/// None for these names and weights.
pub fn splitter() -> Result<HashSplitter, Box<dyn std::error::Error>> {
    let (stable, canary) = versions()?;
    let splitter = HashSplitter::new("llama-70b-chat", &Weights::all(&stable));
    splitter.admit(&canary);
    set_share(&splitter, 0.05)?;
    Ok(splitter)
}

/// The stable version and the canary.
///
/// # Errors
///
/// None for these names.
pub fn versions() -> Result<(VersionId, VersionId), ModelError> {
    Ok((VersionId::new("v1")?, VersionId::new("v2")?))
}

/// Gives the canary this share.
///
/// # Errors
///
/// If it is not a share.
pub fn set_share(splitter: &HashSplitter, share: f64) -> Result<(), RoutingError> {
    let table = splitter.table();
    let canary = table.serving().find(|version| *version != table.stable());
    match canary {
        Some(canary) => splitter.set_weights(&Weights::split(table.stable(), canary, share)?),
        None => Ok(()),
    }
}

/// Requests of these users one after the other, `iterations` of them, each with this outcome.
pub fn route_and_finish(splitter: &HashSplitter, users: &[String], iterations: u64, outcome: Outcome) {
    let mut users = users.iter().cycle();
    for _ in 0..iterations {
        let user = users.next().map(String::as_str);
        let lease = splitter.route(&Request::new().sticky_key(black_box(user)));
        black_box(lease.version());
        lease.finish(outcome);
    }
}

/// The time that `work` takes when this many threads do it `iterations` times each, side by side.
pub fn on_threads(threads: usize, iterations: u64, work: impl Fn(u64) + Sync) -> Duration {
    on_threads_with(threads, iterations, || (), |(), iterations| work(iterations))
}

/// As [`on_threads`], where each thread first makes what it works with, which is not timed.
pub fn on_threads_with<T>(
    threads: usize,
    iterations: u64,
    own: impl Fn() -> T + Sync,
    work: impl Fn(&T, u64) + Sync,
) -> Duration {
    let barrier = Arc::new(Barrier::new(threads));
    let times = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| {
                let (barrier, own, work) = (Arc::clone(&barrier), &own, &work);
                scope.spawn(move || {
                    let own = own();
                    barrier.wait();
                    let start = Instant::now();
                    work(&own, iterations);
                    start.elapsed()
                })
            })
            .collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).collect::<Vec<_>>()
    });
    times.into_iter().max().unwrap_or_default()
}
