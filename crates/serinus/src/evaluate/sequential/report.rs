//! What the sequential evaluator tells of itself: reasons in words, and a report on each guardrail.

use std::collections::BTreeMap;

use super::SequentialEvaluator;
use crate::evaluate::budget::Ledger;
use crate::evaluate::evaluation::GuardrailReport;
use crate::evaluate::gauge::Reading;
use crate::evaluate::reasons;
use crate::evaluate::verdict::Verdict;
use crate::evaluate::watch::Watch;

impl SequentialEvaluator {
    pub(super) fn reasons(&self, verdict: Verdict, readings: &[Reading], invalid: u64) -> Vec<String> {
        let mut reasons = Vec::new();
        if let Some(trigger) = self.course.degraded {
            let watch = &self.watches[trigger.watch];
            let joint = (trigger.log_joint, self.budget.joint_threshold());
            let reading = &readings[trigger.watch];
            reasons.push(reasons::degraded(watch, reading, trigger.log_e, self.threshold(watch), joint));
        }
        if !self.enough() {
            let (stable, canary) = (self.course.stable_requests, self.course.canary_requests);
            reasons.push(reasons::too_few(stable, canary, self.min_requests));
        } else if verdict == Verdict::Insufficient {
            reasons.push("no guardrail has any data".into());
        }
        if self.enough() {
            // What promotion does not need is told of only where something is wrong with it.
            let is_told = |index: usize, watch: &Watch| {
                !watch.alerts_only() && (watch.required() || !readings[index].within_margin)
            };
            let weighted = self.watches.iter().enumerate().filter(|(index, watch)| is_told(*index, watch));
            let explained = weighted.map(|(index, watch)| {
                let verdict = self.guardrail_verdict(index, watch);
                (verdict, self.guardrail_reason(watch, &readings[index], verdict))
            });
            let (healthy, open): (Vec<_>, Vec<_>) = explained.partition(|(verdict, _)| *verdict == Verdict::Healthy);
            reasons.extend(open.into_iter().chain(healthy).filter_map(|(_, reason)| reason));
        }
        reasons.extend(self.course.alerts.values().map(|alert| format!("to look at: {alert}")));
        reasons.extend(reasons::unknown_versions(self.feed.unknown()));
        reasons.extend(reasons::invalid_values(invalid));
        reasons
    }

    fn guardrail_reason(&self, watch: &Watch, reading: &Reading, verdict: Verdict) -> Option<String> {
        match verdict {
            Verdict::Degraded => None,
            Verdict::Insufficient => reasons::one_sided(watch, reading),
            Verdict::Healthy => Some(reasons::healthy(watch, reading, self.safe_threshold())),
            Verdict::Undecided => Some(reasons::undecided(
                watch,
                reading,
                self.threshold(watch),
                self.safe_threshold(),
                self.course.promoted,
            )),
        }
    }

    pub(super) fn ledger(&self, readings: &[Reading]) -> Ledger {
        let weighted = self.watches.iter().zip(readings).filter(|(watch, _)| !watch.alerts_only());
        self.budget.ledger(weighted.map(|(watch, reading)| (watch.name(), reading.log_worse)))
    }

    pub(super) fn guardrail_reports(&self, readings: &[Reading]) -> BTreeMap<String, GuardrailReport> {
        let reports = self.watches.iter().zip(readings).enumerate().map(|(index, (watch, reading))| {
            let verdict = self.guardrail_verdict(index, watch);
            let report = watch.report(reading, verdict, self.threshold(watch), self.safe_threshold());
            (watch.name().to_owned(), report)
        });
        reports.collect()
    }
}
