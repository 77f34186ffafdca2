//! A person's hand on a deployment.

use std::sync::Arc;

use super::events::Events;
use super::session::Session;
use crate::evaluate::Evaluation;
use crate::plan::{Allocation, UpdatePlan};
use crate::rollout::{Command, Phase, RolloutError};

/// A hand on a deployment, from any thread. When a call returns, the word has been carried out as far as it can be at
/// once: after [`abort`](Self::abort), the very next request is on the old version.
///
/// Once the driver has [gone](Self::stop) before the rollout's end, all commands are refused with
/// [`RolloutError::NoDriver`].
#[derive(Clone, Debug)]
pub struct Controls {
    session: Arc<Session>,
}

impl Controls {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }

    /// Stays where it is. Guardrails go on watching, and can still roll back.
    ///
    /// # Errors
    ///
    /// [`RolloutError::WrongPhase`] once it has ended.
    pub fn pause(&self, reason: impl Into<String>) -> Result<(), RolloutError> {
        self.session.command(Command::Pause { reason: reason.into() })
    }

    /// Goes on.
    ///
    /// # Errors
    ///
    /// [`RolloutError::WrongPhase`] once it has ended.
    pub fn resume(&self) -> Result<(), RolloutError> {
        self.session.command(Command::Resume)
    }

    /// Lets the last step happen, where the plan asks for approval.
    ///
    /// # Errors
    ///
    /// [`RolloutError::WrongPhase`] once it has ended.
    pub fn approve(&self) -> Result<(), RolloutError> {
        self.session.command(Command::Approve)
    }

    /// Goes back to the old version.
    ///
    /// # Errors
    ///
    /// [`RolloutError::WrongPhase`] once the old version is gone, or the rollout has ended.
    pub fn abort(&self, reason: impl Into<String>) -> Result<(), RolloutError> {
        self.session.command(Command::Abort { reason: reason.into() })
    }

    /// Goes to 100% now, past holds and minimum requests.
    ///
    /// # Errors
    ///
    /// [`RolloutError::NotHealthy`] unless the canary is proven healthy, where the plan has a health gate.
    pub fn promote(&self) -> Result<(), RolloutError> {
        self.session.command(Command::Promote)
    }

    /// Does not wait for the rest of the bake.
    ///
    /// # Errors
    ///
    /// [`RolloutError::WrongPhase`] unless the new version bakes.
    pub fn end_bake(&self) -> Result<(), RolloutError> {
        self.session.command(Command::EndBake)
    }

    /// Ends this rollout in favour of another plan. From the old version: the canary is rolled back first; a plan that
    /// leads back to the old version is just that. From the new version, while it bakes: the bake ends.
    ///
    /// # Errors
    ///
    /// [`RolloutError::WrongBase`] if the plan starts from neither version, [`RolloutError::WrongPhase`] if it starts
    /// from the new one and that does not have all the traffic yet.
    pub fn supersede(&self, plan: UpdatePlan) -> Result<(), RolloutError> {
        self.session.supersede(plan)
    }

    /// Ends the driver and not the rollout, as where the process must go. It returns at once, whatever the driver waits for.
    /// The driver goes after the step that it is in, if any: traffic is on the old version, unless the new one was promoted and
    /// the old one has gone; the journal keeps the rollout as unfinished; what the host still answers changes nothing; and
    /// [`run`](super::Deployment::run) gives [`DeployError::Stopped`]. Nothing happens once the rollout has ended.
    ///
    /// [`DeployError::Stopped`]: super::DeployError::Stopped
    pub fn stop(&self) {
        self.session.stop();
    }

    /// What happens from here on; nothing more once the deployment has ended.
    pub fn events(&self) -> Events {
        self.session.surroundings().events.subscribe()
    }

    /// The rollout's name in the journal.
    pub fn rollout(&self) -> String {
        self.session.look(|engine| engine.rollout().id().to_owned())
    }

    /// Where the rollout stands.
    pub fn phase(&self) -> Phase {
        self.session.look(|engine| engine.rollout().phase())
    }

    /// What is loaded and how traffic is shared.
    pub fn allocation(&self) -> Allocation {
        self.session.look(|engine| engine.rollout().allocation())
    }

    /// What the evaluator says at this moment.
    pub fn evaluation(&self) -> Evaluation {
        self.session.look(super::engine::Engine::evaluation)
    }

    /// What passes safety by on purpose.
    pub fn dangerous(&self) -> DangerousControls<'_> {
        DangerousControls(self)
    }
}

/// What passes safety by on purpose; see [`Controls::dangerous`].
#[derive(Debug)]
pub struct DangerousControls<'a>(&'a Controls);

impl DangerousControls<'_> {
    /// Goes to 100% although the canary has not been proven healthy. One that is proven *degraded* is still rolled back.
    ///
    /// # Errors
    ///
    /// [`RolloutError::WrongPhase`] before the first load and once it has all the traffic.
    pub fn promote_without_health_gate(&self) -> Result<(), RolloutError> {
        self.0.session.promote_without_health_gate()
    }
}
