//! Going on after the driver has died.

use super::Phase;
use super::effect::Effect;
use super::machine::{Reaction, Rollout};
use super::state::Side;
use crate::host::HostCall;
use crate::rollback::RollbackStep;
use crate::route::Weights;

impl Rollout {
    /// Goes on in a new process, which knows of no call, no lease and no canary.
    pub(super) fn recover(&mut self, reaction: &mut Reaction) {
        self.state.task = None;
        self.state.given_up.clear();
        self.state.admitted = false;
        match self.state.phase {
            Phase::Planned => {
                self.state.started_at = reaction.now;
                self.enter(Phase::Loading, reaction);
                self.go_on(reaction);
            }
            phase if phase.is_final() => {}
            Phase::RollingBack | Phase::Retiring => self.take_again(reaction),
            Phase::Promoted | Phase::Baking => self.promote_again(reaction),
            _ if self.state.allocation.canary == 0 => self.go_on(reaction),
            _ => {
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
            // The new process serves the old version until it is withdrawn once more.
            return self.take(RollbackStep::ShiftTraffic, reaction);
        }
        self.take(step, reaction);
    }

    /// The old version may hardly have a replica left: the new one, which was proven, gets its traffic back at once.
    fn promote_again(&mut self, reaction: &mut Reaction) {
        self.route_to_canary(reaction);
        if self.state.phase == Phase::Baking {
            self.state.phase_since = self.state.held.total();
            reaction.effects.push(Effect::BeginBake);
        }
        self.go_on(reaction);
    }

    fn route_to_canary(&mut self, reaction: &mut Reaction) {
        self.state.admitted = true;
        let canary = self.canary().clone();
        reaction.effects.push(Effect::Admit(canary.clone()));
        reaction.effects.push(Effect::SetWeights { weights: Weights::all(&canary), canary_weight: 1.0 });
    }
}
