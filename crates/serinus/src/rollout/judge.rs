//! Judging a stage: hold, advance, ask a person, or go back.

use std::sync::Arc;
use std::time::Duration;

use super::Phase;
use super::effect::{Effect, Progress};
use super::machine::{Reaction, Rollout};
use super::policy::{Decision, ShadowView, StageView};
use super::state::Goal;
use crate::alert::Severity;
use crate::evaluate::Verdict;
use crate::plan::OnMaxHold;

impl Rollout {
    pub(super) fn judge_stage(&mut self, index: usize, step: Duration, reaction: &mut Reaction) {
        self.state.stage.held += step;
        let plan = Arc::clone(&self.plan);
        let (Some(stage), Some(evaluation)) = (plan.stages().get(index), self.state.evaluation.as_deref()) else {
            return;
        };
        let progress = self.state.stage;
        let requests = evaluation.canary_requests.saturating_sub(progress.requests_before);
        let is_last = index + 1 == plan.stages().len();
        let view = StageView { plan: &plan, stage, is_last, held: progress.held, requests, evaluation };
        match self.policy.decide(&view) {
            Decision::RollBack { reason } => self.roll_back(reason, false, reaction),
            Decision::Pause { reason } => self.pause(reason, reaction),
            Decision::Advance if is_last => self.leave_last_stage(reaction),
            Decision::Advance => {
                self.state.stages_passed = index + 1;
                self.state.goal = Goal::Stage(index + 1);
                self.pursue(reaction);
            }
            Decision::Hold { missing } => self.hold(index, requests, &missing, reaction),
        }
    }

    pub(super) fn judge_shadow(&mut self, step: Duration, reaction: &mut Reaction) {
        self.state.stage.held += step;
        let plan = Arc::clone(&self.plan);
        let (Some(shadow), Some(evaluation)) = (plan.shadow(), self.state.evaluation.as_deref()) else { return };
        let (held, pairs) = (self.state.stage.held, evaluation.pairs);
        match self.policy.decide_shadow(&ShadowView { plan: &plan, shadow, held, evaluation }) {
            Decision::RollBack { reason } => self.roll_back(reason, false, reaction),
            Decision::Pause { reason } => self.pause(reason, reaction),
            Decision::Advance => {
                self.state.goal = Goal::Stage(0);
                self.pursue(reaction);
            }
            Decision::Hold { missing } => {
                let held_seconds = held.as_secs_f64();
                let progress = Progress::Shadowing { held_seconds, pairs, missing: missing.clone() };
                self.hold_for_at_most(shadow.max_hold(), "the shadow", progress, &missing, reaction);
            }
        }
    }

    pub(super) fn hold(&mut self, index: usize, requests: u64, missing: &str, reaction: &mut Reaction) {
        let longest = self.plan.stages().get(index).map_or(Duration::MAX, crate::plan::Stage::max_hold);
        let held_seconds = self.state.stage.held.as_secs_f64();
        let progress = Progress::Holding { stage: index, held_seconds, requests, missing: missing.to_owned() };
        self.hold_for_at_most(longest, &format!("stage {index}"), progress, missing, reaction);
    }

    fn hold_for_at_most(
        &mut self,
        longest: Duration,
        what: &str,
        holding: Progress,
        missing: &str,
        reaction: &mut Reaction,
    ) {
        let progress = self.state.stage;
        if progress.held.saturating_sub(progress.counted_from) < longest {
            reaction.effects.push(Effect::Progress(holding));
            return;
        }
        let reason = format!("{what} has been held for {:.0} s and still lacks {missing}", longest.as_secs_f64());
        match self.plan.on_max_hold() {
            OnMaxHold::Pause => self.pause(reason, reaction),
            OnMaxHold::RollBack => self.roll_back(reason, false, reaction),
        }
    }

    /// The last stage is over: to 100%, if the canary is proven healthy and a person has said yes where one must.
    pub(super) fn leave_last_stage(&mut self, reaction: &mut Reaction) {
        if self.gate_is_shut() {
            let (stage, requests) = (self.plan.stages().len() - 1, self.requests_in_stage());
            self.hold(stage, requests, "proof that the canary is healthy", reaction);
        } else if self.plan.require_approval() && !self.state.approved {
            self.pause("the canary is ready for 100% and waits for approval".into(), reaction);
        } else {
            self.head_for_promotion(reaction);
        }
    }

    pub(super) fn requests_in_stage(&self) -> u64 {
        let judged = self.state.evaluation.as_ref().map_or(0, |evaluation| evaluation.canary_requests);
        judged.saturating_sub(self.state.stage.requests_before)
    }

    pub(super) fn gate_is_shut(&self) -> bool {
        let healthy = self
            .state
            .evaluation
            .as_ref()
            .is_some_and(|seen| seen.verdict == Verdict::Healthy && seen.awaits.is_none());
        self.plan.health_gate() && !self.state.gate_skipped && !healthy
    }

    pub(super) fn head_for_promotion(&mut self, reaction: &mut Reaction) {
        if let Phase::Stage(index) = self.state.phase {
            self.state.stages_passed = index + 1;
        }
        self.state.goal = Goal::Promotion;
        self.state.paused = None;
        if self.state.task.is_none() {
            self.pursue(reaction);
        }
    }

    pub(super) fn pause(&mut self, reason: String, reaction: &mut Reaction) {
        reaction.effects.push(Effect::Progress(Progress::Paused(reason.clone())));
        self.alert(Severity::Warning, "the rollout waits for a person", reason.clone(), reaction);
        self.state.paused = Some(reason);
    }
}
