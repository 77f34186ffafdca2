//! Going on after the driver has died.

use super::Phase;
use super::effect::{Effect, Progress};
use super::machine::{Reaction, Rollout};
use super::state::{RolloutState, Side, StageProgress};
use crate::alert::Severity;
use crate::evaluate::Evaluation;
use crate::host::{HostCall, HostReply};
use crate::model::VersionId;
use crate::rollback::RollbackStep;
use crate::route::Weights;

impl Rollout {
    /// The same rollout where its journal left it. [`Input::Recovered`](super::Input::Recovered) lets it go on.
    ///
    /// `with_evidence`: whether the evaluation is of the evidence that there was. Without it a stage, or a bake, that was
    /// under way begins again, and counts from what the new evaluator has seen.
    #[must_use]
    pub(crate) fn resumed(mut self, state: RolloutState, evaluation: Evaluation, with_evidence: bool) -> Self {
        self.state = state;
        self.state.held.interrupt();
        if !with_evidence {
            self.state.stage =
                StageProgress { requests_before: evaluation.canary_requests, ..StageProgress::default() };
            self.state.phase_since = self.state.held.total();
        }
        self.state.evaluation = Some(Box::new(evaluation));
        self
    }

    /// The version that a process which begins anew has to serve before the rollout goes on.
    pub(crate) fn serving(&self) -> &VersionId {
        if self.state.phase.is_promoted() { self.canary() } else { self.stable() }
    }

    /// Goes on in a new process, which knows of no call and no lease, and serves one version.
    pub(super) fn recover(&mut self, reaction: &mut Reaction) {
        let phase = self.state.phase;
        self.state.task = None;
        self.state.given_up.clear();
        self.state.admitted = false;
        reaction.effects.push(Effect::Progress(Progress::Recovered(phase)));
        match phase {
            Phase::Planned => {
                self.state.started_at = reaction.now;
                self.enter(Phase::Loading, reaction);
                self.go_on(reaction);
            }
            phase if phase.is_final() => {}
            Phase::RollingBack | Phase::Retiring => self.take_again(reaction),
            Phase::Promoted | Phase::Baking => self.bake_again(reaction),
            _ if self.state.allocation.canary == 0 => self.go_on(reaction),
            _ => {
                self.state.stage.interrupted |= matches!(phase, Phase::Shadow | Phase::Stage(_));
                // Whatever of it is still loaded is verified before it gets its share back.
                self.enter(Phase::Loading, reaction);
                let version = Box::new(self.plan.target().clone());
                self.call_host(HostCall::Load { version, replicas: self.state.allocation.canary }, reaction);
            }
        }
    }

    /// Takes the step of a departure again that was under way. Steps are idempotent.
    fn take_again(&mut self, reaction: &mut Reaction) {
        let Some(departure) = &self.state.departure else { return };
        let (leaving, step) =
            (departure.leaving, departure.current.map_or(RollbackStep::ShiftTraffic, |(step, _)| step));
        if leaving == Side::Stable {
            self.route_to_canary(reaction);
            return self.take(RollbackStep::ShiftTraffic, reaction);
        }
        self.take(step, reaction);
    }

    /// The new version has the traffic already. The old one is the way back only once it is known to be there.
    fn bake_again(&mut self, reaction: &mut Reaction) {
        self.route_to_canary(reaction);
        reaction.effects.push(Effect::BeginBake);
        self.enter(Phase::Baking, reaction);
        let version = Box::new(self.plan.current().clone());
        self.call_host(HostCall::Load { version, replicas: self.state.allocation.stable }, reaction);
    }

    pub(super) fn way_back_call_done(&mut self, what: HostCall, reply: &HostReply, reaction: &mut Reaction) {
        match (what, reply) {
            (HostCall::Load { version, .. }, _) => {
                let (version, tokens) = (version.version().clone(), version.warmup_tokens());
                self.call_host(HostCall::WarmUp { version, tokens }, reaction);
            }
            (HostCall::WarmUp { version, .. }, _) => self.call_host(HostCall::Verify { version }, reaction),
            (HostCall::Verify { version }, HostReply::Verified(Some(found)))
                if found != self.plan.current().expected_fingerprint() =>
            {
                let expected = self.plan.current().expected_fingerprint();
                let problem = format!("{version} is not what it was: expected {expected}, the host has {found}");
                self.no_way_back(&problem, reaction);
            }
            (HostCall::Verify { version }, _) => reaction.effects.push(Effect::Admit(version)),
            (HostCall::CancelInFlight { .. } | HostCall::Unload { .. }, _) => {}
        }
    }

    /// The new version serves and goes on serving; somebody must know that nothing stands behind it.
    pub(super) fn no_way_back(&mut self, problem: &str, reaction: &mut Reaction) {
        let body = format!("{} bakes, and {} cannot be gone back to: {problem}", self.canary(), self.stable());
        self.warn(body.clone(), reaction);
        self.alert(Severity::Critical, "there is no way back", body, reaction);
    }

    fn route_to_canary(&mut self, reaction: &mut Reaction) {
        self.state.admitted = true;
        let canary = self.canary().clone();
        reaction.effects.push(Effect::Admit(canary.clone()));
        reaction.effects.push(Effect::SetWeights { weights: Weights::all(&canary), canary_weight: 1.0 });
    }
}
