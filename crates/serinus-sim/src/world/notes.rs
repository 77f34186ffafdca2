//! What is noted of a run, and the report on it.

use serinus::deploy::Engine;
use serinus::evaluate::{Evaluation, GuardrailReport, Verdict};
use serinus::plan::Stage;
use serinus::rollout::{Phase, Status};
use serinus::route::TrafficSplitter;

use super::World;
use crate::report::{Ending, Run};
use crate::trace::Moment;

/// What is noted on the way.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) began: Option<f64>,
    decided: Option<Decided>,
    pub(super) exposed: u64,
    pub(super) bad: u64,
    pub(super) requests: u64,
    pub(super) misrouted: u64,
    pub(super) retried: u64,
    pub(super) died: u64,
}

/// When it was decided, and how things stood.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    at: f64,
    exposed: u64,
    bad: u64,
    share: f64,
    canary_requests: u64,
    judged: u64,
    pairs: u64,
    guardrail: Option<String>,
}

/// Canary requests whose answers have been judged.
fn judged(evaluation: &Evaluation) -> u64 {
    evaluation.guardrails.get("failure_rate").map_or(0, |report| report.canary.requests)
}

impl World<'_> {
    /// Notes when things happen that are reported.
    pub(super) fn note(&mut self) {
        let Some(engine) = &self.engine else { return };
        let phase = engine.rollout().phase();
        if self.seen.began.is_none() && engine.rollout().allocation().weight > 0.0 {
            self.seen.began = Some(self.now);
        }
        let decided = matches!(phase, Phase::RollingBack | Phase::Promoted | Phase::Baking) || phase.is_final();
        if phase == Phase::RollingBack && self.seen.decided.as_ref().is_some_and(|decided| decided.share >= 1.0) {
            // It was promoted, and is rolled back while it bakes.
            self.seen.decided = None;
        }
        if decided && self.seen.decided.is_none() {
            let evaluation = engine.evaluation();
            let degraded =
                |(_, report): &(&String, &GuardrailReport)| report.verdict == Verdict::Degraded && !report.alerts_only;
            let share = match phase {
                Phase::RollingBack => self.last_share(),
                _ => 1.0,
            };
            self.seen.decided = Some(Decided {
                at: self.now,
                exposed: self.seen.exposed,
                bad: self.seen.bad,
                share,
                canary_requests: evaluation.canary_requests,
                judged: judged(&evaluation),
                pairs: evaluation.pairs,
                guardrail: evaluation.guardrails.iter().find(degraded).map(|(name, _)| name.clone()),
            });
        }
    }

    /// Keeps how things stand, if somebody wants it.
    pub(super) fn keep_moment(&mut self) {
        let (Some(moments), Some(engine)) = (&mut self.moments, &self.engine) else { return };
        let canary = self.of.plan.target().version();
        moments.push(Moment {
            seconds: self.now,
            phase: engine.rollout().phase(),
            weight: self.routers.table().weights().of(canary),
            evaluation: engine.evaluation(),
        });
    }

    /// The share that the canary had before it was rolled back: of the furthest stage.
    pub(super) fn last_share(&self) -> f64 {
        let passed = self.engine.as_ref().map_or(0, |engine| engine.rollout().stages_passed());
        self.of.plan.stages().get(passed).map_or(1.0, Stage::weight)
    }

    pub(super) fn report(self) -> Run {
        let outcome = self.engine.as_ref().and_then(Engine::outcome);
        let paused = self.engine.as_ref().and_then(|engine| engine.rollout().paused());
        let ending = match (outcome.map(|outcome| outcome.status), paused) {
            (Some(Status::Completed), _) => Ending::Promoted,
            (Some(Status::RolledBack | Status::Aborted), _) => Ending::RolledBack,
            (Some(Status::Failed), _) => Ending::Failed,
            (None, Some(_)) => Ending::Waiting,
            (None, None) => Ending::Unfinished,
        };
        let reason = outcome.map(|outcome| outcome.reason.clone()).or(paused.map(str::to_owned)).unwrap_or_default();
        let last = self.engine.as_ref().map(Engine::evaluation);
        let decided = self.seen.decided.unwrap_or_else(|| Decided {
            at: self.now,
            exposed: self.seen.exposed,
            bad: self.seen.bad,
            share: 0.0,
            canary_requests: last.as_ref().map_or(0, |last| last.canary_requests),
            judged: last.as_ref().map_or(0, judged),
            pairs: last.as_ref().map_or(0, |last| last.pairs),
            guardrail: None,
        });
        Run {
            ending,
            reason,
            guardrail: decided.guardrail,
            canary_requests: decided.canary_requests,
            judged: decided.judged,
            pairs: decided.pairs,
            seconds: decided.at - self.seen.began.unwrap_or(decided.at),
            share: decided.share,
            exposed: decided.exposed,
            bad: decided.bad,
            requests: self.seen.requests,
            misrouted: self.seen.misrouted,
            retried: self.seen.retried,
            died_in_crashes: self.seen.died,
        }
    }
}
