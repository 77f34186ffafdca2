//! The rollout as a pure state machine: inputs in, effects out; no I/O, no clock, no thread.

use std::sync::Arc;
use std::time::Duration;

use super::effect::{Effect, Progress};
use super::held::Held;
use super::input::Input;
use super::operate::Dangerous;
use super::outcome::Outcome;
use super::policy::{RolloutPolicy, StagedPolicy};
use super::state::{Goal, RolloutState, Side, StageProgress};
use super::{Phase, RolloutError};
use crate::alert::{Alert, Severity};
use crate::clock::Timestamp;
use crate::evaluate::Evaluation;
use crate::host::{HostCall, HostReply};
use crate::model::VersionId;
use crate::plan::{Allocation, UpdatePlan};
use crate::rollback::{DrainingRollback, RollbackOrchestrator};

/// One update of one model, from the plan to its end.
///
/// A pure state machine: [`handle`](Self::handle) takes an input and the time and gives the effects that its driver
/// carries out. It does no I/O, reads no clock and starts no thread, so that hours of rollout run in a test in
/// milliseconds, and a journal of its state is all that a restart needs. [`Deployment`](crate::deploy::Deployment) is
/// the driver to use.
///
/// What it keeps, whatever the inputs: traffic goes only to a loaded and verified version; a version is unloaded only
/// after its requests have ended or were cancelled at the drain deadline; after a rollback has begun nothing reaches
/// the canary; a stage's weight is never above what its replicas can serve; a Degraded verdict rolls back in every
/// phase in which the old version is still there.
#[derive(Clone, Debug)]
pub struct Rollout {
    pub(super) id: String,
    pub(super) plan: Arc<UpdatePlan>,
    pub(super) policy: Arc<dyn RolloutPolicy>,
    pub(super) way_back: Arc<dyn RollbackOrchestrator>,
    pub(super) state: RolloutState,
}

/// What one input leads to, in the making.
pub(super) struct Reaction {
    pub(super) now: Timestamp,
    pub(super) effects: Vec<Effect>,
}

impl Rollout {
    /// A rollout of `plan` that has not begun.
    pub fn new(id: impl Into<String>, plan: Arc<UpdatePlan>) -> Self {
        let way_back = DrainingRollback { drain_timeout: plan.drain_timeout(), ..DrainingRollback::default() };
        let state = RolloutState {
            phase: Phase::Planned,
            started_at: Timestamp::ZERO,
            held: Held::default(),
            phase_since: Duration::ZERO,
            allocation: Allocation { stable: plan.fleet().replicas(), canary: 0, weight: 0.0 },
            admitted: false,
            goal: match (plan.stages().is_empty(), plan.shadow()) {
                (true, _) => Goal::Promotion,
                (false, Some(_)) => Goal::Shadow,
                (false, None) => Goal::Stage(0),
            },
            last_call: 0,
            task: None,
            given_up: std::collections::BTreeMap::new(),
            stage: StageProgress::default(),
            stages_passed: 0,
            paused: None,
            approved: false,
            gate_skipped: false,
            evaluation: None,
            departure: None,
            alerted: std::collections::BTreeSet::new(),
            warnings: Vec::new(),
            outcome: None,
        };
        Self { id: id.into(), plan, policy: Arc::new(StagedPolicy), way_back: Arc::new(way_back), state }
    }

    /// With another policy for its stages.
    #[must_use]
    pub fn with_policy(mut self, policy: Arc<dyn RolloutPolicy>) -> Self {
        self.policy = policy;
        self
    }

    /// With another order of leaving.
    #[must_use]
    pub fn with_rollback(mut self, way_back: Arc<dyn RollbackOrchestrator>) -> Self {
        self.way_back = way_back;
        self
    }

    /// Its name, in logs, alerts and the journal.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The plan that it carries out.
    pub fn plan(&self) -> &Arc<UpdatePlan> {
        &self.plan
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.state.phase
    }

    /// What is loaded and how traffic is shared, as confirmed so far.
    pub fn allocation(&self) -> Allocation {
        self.state.allocation
    }

    /// Stages that the canary has passed.
    pub fn stages_passed(&self) -> usize {
        self.state.stages_passed
    }

    /// The time that it was really driven.
    pub(crate) fn held(&self) -> Duration {
        self.state.held.total()
    }

    /// Why it waits for a person, if it does.
    pub fn paused(&self) -> Option<&str> {
        self.state.paused.as_deref()
    }

    /// How it ended, once it has.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.state.outcome.as_deref()
    }

    /// Everything it remembers, to be journaled.
    pub fn state(&self) -> &RolloutState {
        &self.state
    }

    /// What passes safety by on purpose.
    pub fn dangerous(&mut self) -> Dangerous<'_> {
        Dangerous(self)
    }

    /// Reacts to an input. The effects are to be carried out in their order.
    ///
    /// # Errors
    ///
    /// [`RolloutError`] for a command that does not fit; the rollout then stands as it was.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Result<Vec<Effect>, RolloutError> {
        let step = self.state.held.advance(now);
        let mut reaction = Reaction { now, effects: Vec::new() };
        match input {
            Input::Start => self.start(&mut reaction)?,
            Input::Recovered => self.recover(&mut reaction),
            Input::Tick(evaluation) => self.tick(step, evaluation, &mut reaction),
            Input::Reply { call, result } => self.reply(call, result, &mut reaction),
            Input::Drained { call } | Input::TrafficShifted { call } => self.finish_task(call, &mut reaction),
            Input::Refused { reason } => self.refused(&reason, &mut reaction),
            Input::Operator(command) => self.operate(command, &mut reaction)?,
        }
        Ok(reaction.effects)
    }

    fn start(&mut self, reaction: &mut Reaction) -> Result<(), RolloutError> {
        if self.state.phase != Phase::Planned {
            return Err(RolloutError::AlreadyStarted { phase: self.state.phase });
        }
        self.state.started_at = reaction.now;
        self.enter(Phase::Loading, reaction);
        self.go_on(reaction);
        Ok(())
    }

    fn tick(&mut self, step: Duration, evaluation: Box<Evaluation>, reaction: &mut Reaction) {
        if self.state.phase.is_final() || self.state.phase == Phase::Planned {
            return;
        }
        if self.state.phase.can_roll_back() && evaluation.rollback {
            let reason = evaluation.reasons.join("; ");
            self.state.evaluation = Some(evaluation);
            self.roll_back(reason, false, reaction);
            return;
        }
        self.tell_of_alerts(&evaluation, reaction);
        self.state.evaluation = Some(evaluation);
        self.watch_task(reaction);
        if self.state.paused.is_some() {
            self.state.phase_since += step;
            return;
        }
        match self.state.phase {
            Phase::Shadow if self.state.task.is_none() => self.judge_shadow(step, reaction),
            Phase::Stage(index) if self.state.task.is_none() => self.judge_stage(index, step, reaction),
            Phase::Baking if self.state.task.is_none() && self.in_phase() >= self.plan.bake() => self.retire(reaction),
            _ => {}
        }
    }

    /// Passes on what the evaluator wants a person to look at, once each.
    fn tell_of_alerts(&mut self, evaluation: &Evaluation, reaction: &mut Reaction) {
        for (about, sentence) in &evaluation.alerts {
            if self.state.alerted.insert(about.clone()) {
                self.alert(Severity::Warning, "something to look at", sentence.clone(), reaction);
            }
        }
    }

    pub(super) fn host_done(&mut self, what: HostCall, reply: &HostReply, reaction: &mut Reaction) {
        if self.state.departure.is_some() {
            self.departing_call_done(what, reply, reaction);
        } else if self.state.phase == Phase::Baking {
            self.way_back_call_done(what, reply, reaction);
        } else {
            self.advancing_call_done(what, reply, reaction);
        }
    }

    fn refused(&mut self, reason: &str, reaction: &mut Reaction) {
        if self.state.phase.can_roll_back() {
            self.give_up_task();
            self.roll_back(format!("the next step could not be taken: {reason}"), false, reaction);
        } else {
            self.warn(reason.to_owned(), reaction);
        }
    }

    pub(super) fn enter(&mut self, phase: Phase, reaction: &mut Reaction) {
        if self.state.phase != phase {
            if self.state.phase == Phase::Shadow {
                reaction.effects.push(Effect::EndShadow);
            }
            self.state.phase = phase;
            self.state.phase_since = self.state.held.total();
            reaction.effects.push(Effect::Progress(Progress::Phase(phase)));
        }
    }

    pub(super) fn in_phase(&self) -> Duration {
        self.state.held.total().saturating_sub(self.state.phase_since)
    }

    pub(super) fn warn(&mut self, warning: String, reaction: &mut Reaction) {
        reaction.effects.push(Effect::Progress(Progress::Warning(warning.clone())));
        if !self.state.warnings.contains(&warning) {
            self.state.warnings.push(warning);
        }
    }

    pub(super) fn alert(&self, severity: Severity, title: &str, body: String, reaction: &mut Reaction) {
        let (rollout, title, at) = (self.id.clone(), title.to_owned(), reaction.now);
        reaction.effects.push(Effect::Alert(Alert { severity, rollout, title, body, at }));
    }

    pub(super) fn stable(&self) -> &VersionId {
        self.plan.current().version()
    }

    pub(super) fn canary(&self) -> &VersionId {
        self.plan.target().version()
    }

    pub(super) fn name(&self, side: Side) -> &VersionId {
        match side {
            Side::Stable => self.stable(),
            Side::Canary => self.canary(),
        }
    }
}
