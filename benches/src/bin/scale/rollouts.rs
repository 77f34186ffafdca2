//! Many rollouts in one process, each with a splitter of its own.

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serinus::clock::{ManualClock, Timestamp};
use serinus::deploy::Deployment;
use serinus::observe::Outcome;
use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};
use serinus_benches::{Scene, Spread, on_core, plan};

use super::held::held;

/// Seconds of the rollouts' own time, with a tick and this many requests in each.
const SECONDS: u32 = 120;
const REQUESTS: u32 = 10;

#[derive(Serialize)]
pub(super) struct Cost {
    /// Of all of them, one after the other on one thread.
    pub(super) tick_ns: Spread,
    /// Splitter, evaluator, shares of users, and the journal in memory.
    pub(super) bytes_each: usize,
    /// Of the process, beyond the one that drives them.
    pub(super) threads: usize,
}

/// This many rollouts in their first stages.
pub(super) fn at_once(rollouts: usize) -> Result<Cost, Box<dyn Error>> {
    let (clock, before, threads_before) = (Arc::new(ManualClock::new(Timestamp::ZERO)), held(), threads());
    let mut scenes: Vec<Scene> =
        (0..rollouts).map(|_| Scene::first_stage(Arc::clone(&clock), None, |builder| builder)).collect();
    let mut ticks = Vec::new();
    for second in 0..SECONDS {
        clock.advance(Duration::from_secs(1));
        for scene in &scenes {
            for n in 0..REQUESTS {
                let (user, late) = (format!("user-{}", second * REQUESTS + n), f64::from(n) * 37.0);
                let outcome = Outcome::ok().latency_ms(800.0 + late).ttft_ms(41.0).tokens(212).passed(true);
                scene.splitter.route(&Request::new().sticky_key(user.as_str())).finish(outcome);
            }
        }
        let begun = on_core();
        scenes.iter_mut().for_each(Scene::tick);
        ticks.push((on_core() - begun).as_secs_f64() * 1e9);
    }
    let tick_ns = Spread::of(ticks).ok_or("no second has passed")?;
    let bytes_each = (held() - before) / rollouts;
    Ok(Cost { tick_ns, bytes_each, threads: threads().saturating_sub(threads_before) })
}

/// Of a deployment between two ticks: calls to the host have threads of their own while they run.
pub(super) fn threads_of_a_deployment() -> Result<usize, Box<dyn Error>> {
    let before = threads();
    let (plan, host) = plan();
    let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(plan.current().version())));
    let deployment = Deployment::builder(plan, Arc::new(host), Arc::clone(&splitter) as _).build()?;
    let controls = deployment.controls();
    let driver = std::thread::spawn(|| deployment.run());
    let deadline = Instant::now() + Duration::from_secs(30);
    while splitter.table().serving().count() < 2 {
        if Instant::now() > deadline {
            return Err("the canary was not served within 30 s".into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(500));
    let more = threads().saturating_sub(before);
    controls.stop();
    // A driver that was stopped says so by an error.
    drop(driver.join());
    Ok(more)
}

/// Of this process; 0 where the system does not tell.
fn threads() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let count = status.lines().find_map(|line| line.strip_prefix("Threads:"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or_default()
}
