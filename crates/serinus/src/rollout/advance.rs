//! The way forward: replicas first, then weight, from stage to stage and to 100%.

use super::Phase;
use super::effect::{Effect, Progress};
use super::machine::{Reaction, Rollout};
use super::state::{Goal, StageProgress};
use crate::host::{HostCall, HostReply};
use crate::plan::{Allocation, Stage, Step};
use crate::route::Weights;

impl Rollout {
    /// Takes the next step towards the goal; the answer to it takes the one after.
    pub(super) fn pursue(&mut self, reaction: &mut Reaction) {
        loop {
            let step = match self.plan.next_step(self.state.allocation, self.goal()) {
                Ok(step) => step,
                Err(error) => return self.roll_back(error.to_string(), false, reaction),
            };
            match step {
                // The last old replica goes when the old version retires, after its requests have ended.
                None | Some(Step::Shrink { keep: 0 }) => return self.arrive(reaction),
                Some(Step::Weight(weight)) => self.set_weight(weight, reaction),
                Some(Step::Shrink { keep }) => {
                    self.enter(Phase::Loading, reaction);
                    // From here on they must be taken for gone: whatever becomes of the call, a way back loads them.
                    self.state.allocation.stable = keep;
                    let version = self.stable().clone();
                    return self.call_host(HostCall::Unload { version, keep }, reaction);
                }
                Some(Step::Load { replicas }) => {
                    self.enter(Phase::Loading, reaction);
                    let version = Box::new(self.plan.target().clone());
                    return self.call_host(HostCall::Load { version, replicas }, reaction);
                }
            }
        }
    }

    /// Goes on after a pause, if the rollout was between two steps.
    pub(super) fn pursue_if_idle(&mut self, reaction: &mut Reaction) {
        let between = matches!(self.state.phase, Phase::Loading | Phase::Warming | Phase::Verifying);
        if between && self.state.task.is_none() && self.state.departure.is_none() {
            self.pursue(reaction);
        }
    }

    fn goal(&self) -> Allocation {
        let goal = match self.state.goal {
            Goal::Shadow => self.plan.shadowed(),
            Goal::Stage(index) => self.plan.stages().get(index).map(Stage::allocation),
            Goal::Promotion => None,
        };
        goal.unwrap_or_else(|| self.plan.promoted())
    }

    fn set_weight(&mut self, weight: f64, reaction: &mut Reaction) {
        let weights = Weights::split(self.stable(), self.canary(), weight);
        // A plan's weights are in (0, 1]; nothing else comes here.
        let Ok(weights) = weights else { return };
        self.state.allocation.weight = weight;
        reaction.effects.push(Effect::SetWeights { weights, canary_weight: weight });
        reaction.effects.push(Effect::Progress(Progress::Weight(weight)));
    }

    fn arrive(&mut self, reaction: &mut Reaction) {
        match self.state.goal {
            Goal::Shadow => {
                self.begin_stage(0);
                self.enter(Phase::Shadow, reaction);
                reaction.effects.push(Effect::BeginShadow);
            }
            Goal::Stage(index) => {
                let requests_before = self.state.evaluation.as_ref().map_or(0, |seen| seen.canary_requests);
                self.begin_stage(requests_before);
                self.enter(Phase::Stage(index), reaction);
            }
            Goal::Promotion => {
                self.enter(Phase::Promoted, reaction);
                if self.plan.bake().is_zero() {
                    self.retire(reaction);
                } else {
                    reaction.effects.push(Effect::BeginBake);
                    self.enter(Phase::Baking, reaction);
                }
            }
        }
    }

    /// A stage is held from its beginning, unless a crash interrupted it.
    fn begin_stage(&mut self, requests_before: u64) {
        if !std::mem::take(&mut self.state.stage.interrupted) {
            self.state.stage = StageProgress { requests_before, ..StageProgress::default() };
        }
    }

    pub(super) fn advancing_call_done(&mut self, what: HostCall, reply: &HostReply, reaction: &mut Reaction) {
        match (what, reply) {
            (HostCall::Load { replicas, .. }, _) => {
                self.state.allocation.canary = replicas;
                self.enter(Phase::Warming, reaction);
                let (version, tokens) = (self.canary().clone(), self.plan.target().warmup_tokens());
                self.call_host(HostCall::WarmUp { version, tokens }, reaction);
            }
            (HostCall::WarmUp { .. }, _) => {
                self.enter(Phase::Verifying, reaction);
                self.call_host(HostCall::Verify { version: self.canary().clone() }, reaction);
            }
            (HostCall::Verify { version }, HostReply::Verified(Some(found)))
                if found != self.plan.target().expected_fingerprint() =>
            {
                let expected = self.plan.target().expected_fingerprint();
                let reason = format!("{version} is not what was meant: expected {expected}, the host has {found}");
                self.roll_back(reason, false, reaction);
            }
            (HostCall::Verify { .. }, _) => {
                if !self.state.admitted {
                    self.state.admitted = true;
                    reaction.effects.push(Effect::Admit(self.canary().clone()));
                    // After a restart it gets back the share that it had.
                    let weight = self.state.allocation.weight;
                    if weight > 0.0 {
                        self.set_weight(weight, reaction);
                    }
                }
                self.go_on(reaction);
            }
            (HostCall::Unload { .. }, _) => self.go_on(reaction),
            (HostCall::CancelInFlight { .. }, _) => {}
        }
    }

    pub(super) fn go_on(&mut self, reaction: &mut Reaction) {
        if self.state.paused.is_none() {
            self.pursue(reaction);
        }
    }
}
