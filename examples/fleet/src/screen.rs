//! What a person sees.
#![allow(clippy::print_stdout)] // A program for the terminal.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::part::RouterLine;

pub(crate) fn say(at: Duration, what: &str) {
    println!("{:6.1} s  {what}", at.as_secs_f64());
}

pub(crate) fn table(at: Duration, routers: &BTreeMap<String, RouterLine>) {
    let row = |name: &str, line: &RouterLine| {
        let weights: Vec<_> =
            line.weights.iter().map(|(version, weight)| format!("{version} {:.0}%", 100.0 * weight)).collect();
        let counts: Vec<_> = line.by_version.iter().map(|(version, count)| format!("{version} {count}")).collect();
        println!(
            "{:8}  {name:9} {:24} {:34} {:5} lost  {:5} ms behind  led by {}",
            "",
            weights.join(", "),
            counts.join(", "),
            line.lost,
            line.staleness_ms,
            line.controller.as_deref().unwrap_or("nobody"),
        );
    };
    say(at, "router    traffic                  requests");
    for (name, line) in routers {
        row(name, line);
    }
}
