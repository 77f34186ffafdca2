//! Counts the instructions of what a request does, under callgrind, and holds them to `benches/instructions.toml`: a count is
//! the same on a busy machine. Run with `make instructions`.
#![allow(clippy::print_stdout)] // a table is what it is for

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use serde::Serialize;
use serinus::clock::{Clock, ManualClock, Timestamp};
use serinus::evaluate::{CanaryEvaluator, SequentialEvaluator};
use serinus::judge::{Reviewer, Sampling};
use serinus::observe::{Check, Checks, Errors, Failures, Outcome, Signal, Signals, UserCap, UserShares};
use serinus::route::{HashSplitter, Request, TrafficSplitter};
use serinus_benches::{Scene, folder, route_and_finish, splitter, user_ids, versions, write};

type Failure = Box<dyn Error>;
/// Does a work so many times.
type Run = fn(u64) -> Result<(), Failure>;

/// Requests of the shorter run; the longer one has twice as many, and the difference is free of how a run begins. Sixteen
/// rounds of all users: beyond anybody's share where users are capped.
const REQUESTS: u64 = 16 * 1_024;
const BOUNDS: &str = include_str!("../../instructions.toml");

const OUTCOME: Outcome = Outcome::ok().latency_ms(830.0).ttft_ms(41.0).tokens(212).passed(true);

const WORKS: [(&str, Run); 6] = [
    ("version_for", version_for),
    ("route+finish", |n| routed(n, None, OUTCOME)),
    ("route+finish, recording", |n| routed(n, Some((two_signals(), UserCap::None)), OUTCOME)),
    ("route+finish, recording, users capped", |n| routed(n, Some((two_signals(), UserCap::default())), OUTCOME)),
    ("route+finish, recording every measure", |n| routed(n, Some((every_signal()?, UserCap::None)), every_measure())),
    ("ticket, one in many taken", ticket),
];

/// What was counted of one work.
#[derive(Serialize)]
struct Counted {
    instructions: u64,
    bound: u64,
}

fn main() -> Result<ExitCode, Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [work, requests] => {
            let (_, run) = WORKS.iter().find(|(name, _)| name == work).ok_or("no such work")?;
            run(requests.parse()?)?;
            Ok(ExitCode::SUCCESS)
        }
        [] => count_all(),
        _ => Err("expected no arguments, or a work and a number of requests".into()),
    }
}

fn count_all() -> Result<ExitCode, Failure> {
    let mut bounds: BTreeMap<String, u64> = toml::from_str(BOUNDS)?;
    let mut all = BTreeMap::new();
    let mut exceeded = false;
    println!("| instructions of | counted | at most |\n|---|---|---|");
    for (work, _) in WORKS {
        let bound = bounds.remove(work).ok_or_else(|| format!("benches/instructions.toml has no bound of {work:?}"))?;
        let more = counted(work, 2 * REQUESTS)?.checked_sub(counted(work, REQUESTS)?);
        let instructions = more.ok_or("twice the requests took fewer instructions")?.div_ceil(REQUESTS);
        let verdict = if instructions > bound { " **EXCEEDED**" } else { "" };
        exceeded |= instructions > bound;
        println!("| {work} | {instructions} | {bound}{verdict} |");
        all.insert(work, Counted { instructions, bound });
    }
    if let Some(unknown) = bounds.keys().next() {
        return Err(format!("benches/instructions.toml has a bound of {unknown:?}, which is not counted").into());
    }
    write("instructions", &all)?;
    Ok(if exceeded { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// All instructions of a run of this program, as callgrind counts them.
fn counted(work: &str, requests: u64) -> Result<u64, Failure> {
    let profile = folder().join("bench").join("callgrind.out");
    fs::create_dir_all(folder().join("bench"))?;
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", profile.display()));
    let output = valgrind.arg(env::current_exe()?).arg(work).arg(requests.to_string()).output()?;
    if !output.status.success() {
        return Err(format!("{work}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = fs::read_to_string(&profile)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).ok_or("callgrind gave no total")?;
    fs::remove_file(profile)?;
    Ok(total.trim().parse()?)
}

fn version_for(requests: u64) -> Result<(), Failure> {
    let (splitter, users) = (splitter()?, user_ids());
    for (user, _) in users.iter().cycle().zip(0..requests) {
        black_box(splitter.version_for(black_box(user)));
    }
    Ok(())
}

fn routed(requests: u64, recording: Option<(Signals, UserCap)>, outcome: Outcome) -> Result<(), Failure> {
    let splitter: HashSplitter = splitter()?;
    if let Some((signals, cap)) = recording {
        splitter.open_block(&signals, &Arc::new(UserShares::new(cap)));
    }
    route_and_finish(&splitter, &user_ids(), requests, outcome);
    Ok(())
}

fn two_signals() -> Signals {
    [Arc::new(Errors) as Arc<dyn Signal>, Arc::new(Failures)].into_iter().collect()
}

/// Those of an evaluator that watches checks of texts, too.
fn every_signal() -> Result<Signals, Failure> {
    let (stable, canary) = versions()?;
    Ok(SequentialEvaluator::builder(stable, canary).text_checks().build()?.signals())
}

fn every_measure() -> Outcome {
    let checks = Checks::none().with(Check::Empty, false).with(Check::Language, false);
    OUTCOME.quality(0.9).feedback(1.0).stratum(3).checks(checks)
}

/// A minute of traffic goes before, after which few requests are taken.
fn ticket(requests: u64) -> Result<(), Failure> {
    let clock = Arc::new(ManualClock::new(Timestamp::ZERO));
    let sampling = Sampling { per_minute: 1.0, ..Sampling::default() };
    let builder = Reviewer::builder().workers(0).sampling(sampling).clock(Arc::clone(&clock) as Arc<dyn Clock>);
    let reviewer = Arc::new(builder.build()?);
    let mut scene = Scene::first_stage(Arc::clone(&clock), Some(&reviewer), |builder| builder);
    let ids: Vec<String> = (0..10_000).map(|n| format!("request-{n}")).collect();
    for id in &ids {
        drop(reviewer.ticket(&scene.splitter.route(&Request::new()), id));
    }
    clock.advance(Duration::from_secs(61));
    scene.tick();
    let lease = scene.splitter.route(&Request::new());
    for (id, _) in ids.iter().cycle().zip(0..requests) {
        black_box(reviewer.ticket(&lease, black_box(id)).is_some());
    }
    Ok(())
}
