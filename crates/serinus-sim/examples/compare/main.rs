//! The library's evaluator over whole simulated rollouts, beside fixed thresholds and Wald's limit: the tables of
//! `docs/evaluation.md`.
//!
//! `cargo run -p serinus-sim --release --example compare -- [runs] [identical, worse, promotion, judged, or part of a row's name]`; 2,000
//! runs of all rows take about an hour and a half on two cores.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a program that prints tables

mod judged;
mod limits;
mod rows;

use std::time::Instant;

use rows::{FEW, Group, Row};
use serinus_sim::{Ending, Report, Simulation, SimulationError};

fn main() -> Result<(), SimulationError> {
    let mut arguments = std::env::args().skip(1);
    let runs: u64 = arguments.next().and_then(|runs| runs.parse().ok()).unwrap_or(2_000);
    let part = arguments.next().unwrap_or_default();
    let rows: Vec<Row> = rows::all().into_iter().filter(|row| row.matches(&part)).collect();
    println!("{runs} rollouts a row\n");
    for group in [Group::Worse, Group::Promotion, Group::Judged, Group::Identical] {
        let of_group: Vec<&Row> = rows.iter().filter(|row| row.group == group).collect();
        if of_group.is_empty() {
            continue;
        }
        println!("{}", heading(group));
        for row in of_group {
            let start = Instant::now();
            let ours = row.ours.run_many(1..=row.runs(runs))?;
            let line = match group {
                Group::Identical => identical(row, &ours, runs)?,
                Group::Worse => worse(row, &ours, runs)?,
                Group::Promotion => promotion(row, &ours),
                Group::Judged => judged::line(row, &ours),
            };
            println!("{line}");
            eprintln!("  {}: {:.0} s", row.name, start.elapsed().as_secs_f64());
        }
        println!();
    }
    Ok(())
}

fn heading(group: Group) -> &'static str {
    match group {
        Group::Identical => {
            "| identical versions | fixed thresholds | rolled back | 99% interval | promoted | to reach |\n\
             |---|---|---|---|---|---|"
        }
        Group::Worse => {
            "| a worse canary | fixed thresholds | found | canary requests: median, p90 | mean | limit | ratio | minutes (median) | by | to reach |\n\
             |---|---|---|---|---|---|---|---|---|---|"
        }
        Group::Judged => judged::HEADING,
        Group::Promotion => {
            "| | promoted | 99% interval | rolled back | waits for a person | hours to 100% (median) | to reach |\n\
             |---|---|---|---|---|---|---|"
        }
    }
}

fn identical(row: &Row, ours: &Report, runs: u64) -> Result<String, SimulationError> {
    // Fixed thresholds need no large number: they are off by tens of percents.
    let thresholds = match &row.thresholds {
        Some(thresholds) => percent(thresholds.run_many(1..=runs.min(FEW))?.share(Ending::RolledBack, 0.99).0),
        None => String::new(),
    };
    let (share, interval) = ours.share(Ending::RolledBack, 0.99);
    Ok(format!(
        "| {} | {thresholds} | {} | {} to {} | {} | {} |",
        row.name,
        percent(share),
        percent(interval.low),
        percent(interval.high),
        percent(ours.share(Ending::Promoted, 0.99).0),
        row.target,
    ))
}

fn worse(row: &Row, ours: &Report, runs: u64) -> Result<String, SimulationError> {
    let requests = |q: f64| ours.quantile(Ending::RolledBack, q, |run| run.canary_requests as f64);
    let mean = ours.mean(Ending::RolledBack, |run| run.canary_requests as f64);
    let minutes = ours.quantile(Ending::RolledBack, 0.5, |run| (run.seconds - row.worse_from.unwrap_or(0.0)) / 60.0);
    let (limit, ratio) =
        row.limit.map_or_else(Default::default, |limit| (format!("{limit:.0}"), format!("{:.2}", mean / limit)));
    Ok(format!(
        "| {} | {} | {} | {:.0}, {:.0} | {mean:.0} | {limit} | {ratio} | {minutes:.1} | {} | {} |",
        row.name,
        row.thresholds.as_ref().map_or(Ok(String::new()), |thresholds| by_thresholds(thresholds, runs))?,
        percent(ours.share(Ending::RolledBack, 0.99).0),
        requests(0.5),
        requests(0.9),
        found_by(ours),
        row.target,
    ))
}

fn by_thresholds(thresholds: &Simulation, runs: u64) -> Result<String, SimulationError> {
    let report = thresholds.run_many(1..=runs.min(FEW))?;
    let median = report.quantile(Ending::RolledBack, 0.5, |run| run.canary_requests as f64);
    Ok(format!("{}, median {median:.0}", percent(report.share(Ending::RolledBack, 0.99).0)))
}

/// The guardrail that most were found by, and how often.
fn found_by(report: &Report) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for guardrail in report.runs().iter().filter_map(|run| run.guardrail.clone()) {
        match counts.iter_mut().find(|(name, _)| *name == guardrail) {
            Some((_, count)) => *count += 1,
            None => counts.push((guardrail, 1)),
        }
    }
    let all: usize = counts.iter().map(|(_, count)| count).sum();
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map_or_else(String::new, |(name, count)| format!("{name} ({})", percent(count as f64 / all as f64)))
}

fn promotion(row: &Row, ours: &Report) -> String {
    let (share, interval) = ours.share(Ending::Promoted, 0.99);
    let hours = ours.quantile(Ending::Promoted, 0.5, |run| run.seconds / 3_600.0);
    format!(
        "| {} | {} | {} to {} | {} | {} | {hours:.2} | {} |",
        row.name,
        percent(share),
        percent(interval.low),
        percent(interval.high),
        percent(ours.share(Ending::RolledBack, 0.99).0),
        percent(ours.share(Ending::Waiting, 0.99).0),
        row.target,
    )
}

pub(crate) fn percent(share: f64) -> String {
    if share == 0.0 || share == 1.0 { format!("{:.0}%", 100.0 * share) } else { format!("{:.2}%", 100.0 * share) }
}
