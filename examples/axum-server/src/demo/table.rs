//! What is told in the end.

use std::collections::BTreeSet;
use std::fmt;

use serinus::evaluate::Evaluation;

use super::scene::{Judgements, Update};
use crate::load::LoadReport;

/// Names and values, a line each.
pub(super) struct Table(Vec<(String, String)>);

impl Table {
    pub(super) fn new(
        report: &LoadReport,
        good: &Update,
        shadowed: Option<&Update>,
        bad: &Update,
        judgements: &Judgements,
    ) -> Self {
        let mut table = Self(Vec::new());
        table.row("requests", report.requests());
        table.row("failed requests", report.failed);
        table.row("requests/s", format!("{:.0}", report.rate()));
        if let Some(shadowed) = shadowed {
            table.in_the_shadow(shadowed);
        }
        table.among_users(report, bad);
        table.judged(judgements);
        let promoted = good.timeline.promoted_in.map(|took| took.as_secs_f64() * 1e3);
        table.row(format!("{}: decision to 100%", good.name), milliseconds(promoted));
        for update in [good, bad] {
            for (configured, actual) in &update.timeline.shares {
                let value = format!("{:.2}% of {:.0}% planned", actual * 100.0, configured * 100.0);
                table.row(format!("{}: share of {}", update.name, update.target), value);
            }
        }
        table
    }

    fn row(&mut self, name: impl Into<String>, value: impl fmt::Display) {
        self.0.push((name.into(), format!("{value}")));
    }

    fn in_the_shadow(&mut self, update: &Update) {
        let pairs = evaluation(update).map_or(0, |evaluation| evaluation.pairs);
        let target = &update.target;
        self.row(format!("in the shadow: {target} stopped after"), format!("{pairs} compared prompts"));
        self.row(format!("in the shadow: requests that met {target}"), update.met);
    }

    fn among_users(&mut self, report: &LoadReport, update: &Update) {
        let target = &update.target;
        let told = report.versions.get(target).copied().unwrap_or_default();
        let misled = report.misled.get(target).map_or(0, BTreeSet::len);
        let record = update.outcome.rollback.as_ref();
        let judged = evaluation(update).and_then(|evaluation| evaluation.guardrails.get("failure_rate"));
        let judged = judged.map_or(0, |report| report.canary.requests);
        let found = update.timeline.first_wrong.zip(update.timeline.rolled_back_at);
        let found = found.map(|(first, at)| 1e3 * at.saturating_duration_since(first).as_secs_f64());
        self.row(format!("without a shadow: {target} stopped after"), format!("{judged} judged answers"));
        self.row(
            format!("without a shadow: requests that met {target}"),
            format!("{}, {} answered wrongly", update.met, told.wrong),
        );
        self.row("without a shadow: users who got a wrong answer", misled);
        self.row("without a shadow: begun anew on the old version", update.met.saturating_sub(told.answered));
        self.row("without a shadow: first wrong answer to the rollback", milliseconds(found));
        self.row("without a shadow: traffic shift", milliseconds(record.map(|record| record.timing.traffic_shift_ms)));
        self.row("without a shadow: drain", milliseconds(record.map(|record| record.timing.drain_ms)));
    }

    fn judged(&mut self, Judgements { stats, spent }: &Judgements) {
        let reviewed = format!("{}, {}", stats.stable.reviewed, stats.canary.reviewed);
        self.row("answers reviewed, of old and of new versions", reviewed);
        self.row("pairs compared, flipped with the order", format!("{}, {}", stats.pairs, stats.flipped));
        self.row("calls to the judge, failed judgements", format!("{}, {}", spent.calls, stats.judge_failures()));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| writeln!(f, "{name:<54} {value:>28}"))
    }
}

fn milliseconds(ms: Option<f64>) -> String {
    ms.map_or_else(|| "-".into(), |ms| format!("{ms:.2} ms"))
}

fn evaluation(update: &Update) -> Option<&Evaluation> {
    update.outcome.rollback.as_ref()?.evaluation.as_ref()
}
