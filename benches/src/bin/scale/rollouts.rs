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
use serinus_benches::{Scene, Spread, plan, time_on_core};

use super::held::held;

/// Seconds of the rollouts' own time, with a tick and this many requests in each.
const SECONDS: u32 = 120;
const REQUESTS: u32 = 10;

#[derive(Serialize)]
pub(super) struct Cost {
    /// Of all of them, one after the other on one thread.
    pub(super) tick_ns: Spread,
    pub(super) bytes_each: Bytes,
    /// Of the process, beyond the one that drives them.
    pub(super) threads: usize,
}

#[derive(Serialize)]
pub(super) struct Bytes {
    pub(super) all: usize,
    /// The evaluator and the rest of what drives a rollout.
    engine: usize,
    /// With the evidence that one thread has left, and the shares of users.
    splitter: usize,
    /// In memory.
    journal: usize,
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
        ticks.push(time_on_core(|| scenes.iter_mut().for_each(Scene::tick)));
    }
    let tick_ns = Spread::of(ticks).ok_or("no second has passed")?;
    let (threads, all) = (threads().saturating_sub(threads_before), held() - before);
    let (mut splitters, mut journals) = (Vec::new(), Vec::new());
    for Scene { splitter, journal, .. } in scenes {
        splitters.push(splitter);
        journals.push(journal);
    }
    let without_engines = held() - before;
    drop(splitters);
    let without_splitters = held() - before;
    let bytes_each = Bytes {
        all: all / rollouts,
        engine: all.saturating_sub(without_engines) / rollouts,
        splitter: (without_engines - without_splitters) / rollouts,
        journal: without_splitters / rollouts,
    };
    Ok(Cost { tick_ns, bytes_each, threads })
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
