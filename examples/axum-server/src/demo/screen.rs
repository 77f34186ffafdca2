//! What the terminal shows.
#![allow(clippy::print_stdout)] // A program for the terminal.

use std::io::{IsTerminal, Write, stdout};
use std::time::Instant;

use parking_lot::Mutex;
use serinus::deploy::What;
use serinus::evaluate::Evaluation;
use serinus::rollout::Progress;

/// Lines for what happens, and one that is kept up to date where the terminal allows it.
pub(super) struct Screen {
    is_terminal: bool,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    weight: f64,
    judged: String,
    shown_second: Option<u64>,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self { is_terminal: stdout().is_terminal(), started: Instant::now(), state: Mutex::default() }
    }

    pub(super) fn title(&self, text: &str) {
        self.line(&format!("\n{}", text.trim_end()));
    }

    pub(super) fn follow(&self, what: &What) {
        match what {
            What::Judged(evaluation) => self.state.lock().judged = summary(evaluation),
            What::Progress(Progress::Holding { stage, held_seconds, requests, missing }) => {
                let stage = format!("stage {stage} at {:.0}%", 100.0 * self.state.lock().weight);
                self.status(&stage, *held_seconds, &format!("{requests} requests judged"), missing);
            }
            What::Progress(Progress::Shadowing { held_seconds, pairs, missing }) => {
                self.status("in the shadow", *held_seconds, &format!("{pairs} pairs compared"), missing);
            }
            What::Progress(Progress::Weight(weight)) => {
                self.state.lock().weight = *weight;
                self.event(&format!("canary weight {:.1}%", weight * 100.0));
            }
            What::Progress(Progress::Phase(phase)) => self.event(&format!("{phase}")),
            What::Progress(other) => self.event(&format!("{other:?}")),
            What::RolledBack(record) => self.event(&format!("rolled back: {}", record.reason)),
            What::Finished(outcome) => {
                let passed = outcome.stages_passed;
                self.event(&format!("{:?} after {passed} stages; {} serves", outcome.status, outcome.serving));
            }
            _ => {}
        }
    }

    fn status(&self, place: &str, held: f64, seen: &str, missing: &str) {
        let second = self.started.elapsed().as_secs();
        let mut state = self.state.lock();
        let judged = &state.judged;
        let text = format!("{second:>4} s  {place} for {held:.1} s, {seen}; {judged}; missing: {missing}");
        if self.is_terminal {
            // Without line wrap, so that a narrow terminal cuts the line off and can still take it back.
            print!("\r\x1b[2K\x1b[?7l{text}\x1b[?7h");
            let _ = stdout().flush();
        } else if state.shown_second.is_none_or(|shown| second >= shown + 5) {
            state.shown_second = Some(second);
            println!("{text}");
        }
    }

    fn event(&self, text: &str) {
        self.line(&format!("{:>4} s  {text}", self.started.elapsed().as_secs()));
    }

    fn line(&self, text: &str) {
        if self.is_terminal {
            print!("\r\x1b[2K");
        }
        println!("{text}");
    }
}

fn summary(evaluation: &Evaluation) -> String {
    let rates = |name: &str| {
        let report = evaluation.guardrails.get(name)?;
        let percent = |rate: Option<f64>| rate.map_or_else(|| "-".into(), |rate| format!("{:.1}%", rate * 100.0));
        let evidence = format!("{:.1} of {:.0}", report.e_value, report.threshold);
        Some(format!(
            "wrong {} against {}, evidence {evidence}",
            percent(report.canary.value),
            percent(report.stable.value)
        ))
    };
    if evaluation.canary_requests == 0 {
        return pairs(evaluation).unwrap_or_default();
    }
    rates("failure_rate").unwrap_or_default()
}

fn pairs(evaluation: &Evaluation) -> Option<String> {
    let report = evaluation.guardrails.get("pairwise")?;
    let percent = |rate: Option<f64>| rate.map_or_else(|| "-".into(), |rate| format!("{:.1}%", rate * 100.0));
    let (lost, won) = (percent(report.stable.value), percent(report.canary.value));
    Some(format!("worse in {lost}, better in {won}, evidence {:.1} of {:.0}", report.e_value, report.threshold))
}
