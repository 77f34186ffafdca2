//! What came of simulated rollouts.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Serialize;
use serinus_sim::{Ending, Moment, Run};

#[derive(Serialize)]
struct Outcome<'a> {
    seed: u64,
    ending: &'static str,
    reason: &'a str,
    guardrail: Option<&'a str>,
    canary_requests: u64,
    judged: u64,
    pairs: u64,
    seconds: f64,
    share: f64,
    exposed: u64,
    bad: u64,
    requests: u64,
    misrouted: u64,
    retried: u64,
    died_in_crashes: u64,
}

const fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Promoted => "promoted",
        Ending::RolledBack => "rolled_back",
        Ending::Waiting => "waiting",
        Ending::Failed => "failed",
        Ending::Unfinished => "unfinished",
    }
}

/// The runs with the seeds from `first` on.
pub(super) fn to_json(first: u64, runs: &[Run]) -> Result<String, serde_json::Error> {
    let seeds = (0_u64..).map(|run| first.wrapping_add(run));
    let outcomes = seeds.zip(runs).map(|(seed, run)| Outcome {
        seed,
        ending: ending(run.ending),
        reason: &run.reason,
        guardrail: run.guardrail.as_deref(),
        canary_requests: run.canary_requests,
        judged: run.judged,
        pairs: run.pairs,
        seconds: run.seconds,
        share: run.share,
        exposed: run.exposed,
        bad: run.bad,
        requests: run.requests,
        misrouted: run.misrouted,
        retried: run.retried,
        died_in_crashes: run.died_in_crashes,
    });
    serde_json::to_string(&outcomes.collect::<Vec<_>>())
}

/// The moments of a run, column by column. A guardrail that is not there yet has no evidence: an e-value of 1.
pub(super) fn columns<'py>(py: Python<'py>, moments: &[Moment]) -> PyResult<Bound<'py, PyDict>> {
    let mut guardrails: BTreeMap<&str, (f64, Vec<f64>)> = BTreeMap::new();
    for (place, moment) in moments.iter().enumerate() {
        for (name, report) in &moment.evaluation.guardrails {
            let (threshold, evidence) = guardrails.entry(name).or_default();
            *threshold = report.threshold;
            evidence.resize(place, 1.0);
            evidence.push(report.e_value);
        }
    }
    let (e_values, thresholds) = (PyDict::new(py), PyDict::new(py));
    for (name, (threshold, mut evidence)) in guardrails {
        evidence.resize(moments.len(), 1.0);
        e_values.set_item(name, evidence)?;
        thresholds.set_item(name, threshold)?;
    }
    let all = PyDict::new(py);
    all.set_item("seconds", moments.iter().map(|moment| moment.seconds).collect::<Vec<_>>())?;
    all.set_item("phases", moments.iter().map(|moment| moment.phase.to_string()).collect::<Vec<_>>())?;
    all.set_item("canary_weights", moments.iter().map(|moment| moment.weight).collect::<Vec<_>>())?;
    let requests = |of: fn(&Moment) -> u64| moments.iter().map(of).collect::<Vec<_>>();
    all.set_item("stable_requests", requests(|moment| moment.evaluation.stable_requests))?;
    all.set_item("canary_requests", requests(|moment| moment.evaluation.canary_requests))?;
    all.set_item("e_values", e_values)?;
    all.set_item("thresholds", thresholds)?;
    Ok(all)
}
