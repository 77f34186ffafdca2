//! How cost and memory grow: with versions, with guardrails, with rollouts in one process. Times are the thread's own. Run with
//! `cargo run --release -p serinus-benches --bin scale`.
#![allow(clippy::print_stdout)] // tables are what it is for

mod guardrails;
mod held;
mod rollouts;
mod versions;

use std::collections::BTreeMap;
use std::error::Error;

use serde::Serialize;
use serinus_benches::{Spread, write};

/// By number of versions, of guardrails and of rollouts.
#[derive(Serialize)]
struct Scale {
    versions: BTreeMap<u32, Spread>,
    guardrails: BTreeMap<usize, guardrails::Cost>,
    evaluators: BTreeMap<&'static str, usize>,
    rollouts: BTreeMap<usize, rollouts::Cost>,
    threads_of_a_deployment: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("| versions | route+finish, ns |\n|---|---|");
    let mut by_versions = BTreeMap::new();
    for n in [2u32, 8, 64] {
        let cost = versions::route_and_finish(n)?;
        println!("| {n} | {:.1} |", cost.median);
        by_versions.insert(n, cost);
    }
    println!("\n| guardrails | evaluate(), ns | bytes |\n|---|---|---|");
    let mut by_guardrails = BTreeMap::new();
    for n in [2, 4, 8, 16, 32, 64] {
        let cost = guardrails::evaluate(n)?;
        println!("| {n} | {:.0} | {} |", cost.evaluate_ns.median, cost.bytes);
        by_guardrails.insert(n, cost);
    }
    println!("\n| an evaluator | bytes |\n|---|---|");
    let evaluators = guardrails::memory()?;
    for (what, bytes) in &evaluators {
        println!("| {what} | {bytes} |");
    }
    println!("\n| rollouts | a tick of all, ns | bytes each | threads |\n|---|---|---|---|");
    let mut by_rollouts = BTreeMap::new();
    for n in [1, 10, 100, 1_000] {
        let cost = rollouts::at_once(n)?;
        println!("| {n} | {:.0} | {} | {} |", cost.tick_ns.median, cost.bytes_each.all, cost.threads);
        by_rollouts.insert(n, cost);
    }
    let threads_of_a_deployment = rollouts::threads_of_a_deployment()?;
    println!("\nA deployment that waits has {threads_of_a_deployment} threads.");
    let scale = Scale {
        versions: by_versions,
        guardrails: by_guardrails,
        evaluators,
        rollouts: by_rollouts,
        threads_of_a_deployment,
    };
    Ok(write("scale", &scale)?)
}

/// The middle of 15 measurements.
fn fifteen(mut measure: impl FnMut() -> f64) -> Result<Spread, &'static str> {
    Spread::of((0..15).map(|_| measure()).collect()).ok_or("nothing was measured")
}
