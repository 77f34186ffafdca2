//! The rollout as a pure state machine: inputs in, effects out; no I/O, no clock, no thread.

use std::sync::Arc;
use std::time::Duration;

use super::effect::{CallId, Effect, Progress};
use super::held::Held;
use super::input::{Command, Input};
use super::outcome::Outcome;
use super::policy::{Decision, RolloutPolicy, StageView, StagedPolicy};
use super::state::{Goal, RolloutState, Side, StageProgress, Task, TaskKind};
use super::{Phase, RolloutError};
use crate::alert::{Alert, Severity};
use crate::clock::Timestamp;
use crate::evaluate::{Evaluation, Verdict};
use crate::host::{HostCall, HostError, HostReply};
use crate::model::VersionId;
use crate::plan::{Allocation, OnMaxHold, UpdatePlan};
use crate::rollback::{DrainingRollback, RollbackOrchestrator, RollbackStep};

/// How often a call that failed for a passing reason is tried.
const ATTEMPTS: u32 = 4;
/// The pause before the second try; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

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
            goal: if plan.stages().is_empty() { Goal::Promotion } else { Goal::Stage(0) },
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
        self.pursue(reaction);
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
        self.state.evaluation = Some(evaluation);
        self.watch_task(reaction);
        if self.state.paused.is_some() {
            self.state.phase_since += step;
            return;
        }
        match self.state.phase {
            Phase::Stage(index) if self.state.task.is_none() => self.judge_stage(index, step, reaction),
            Phase::Baking if self.in_phase() >= self.plan.bake() => self.retire(reaction),
            _ => {}
        }
    }

    /// Gives up on a call that is past its deadline, and repeats one that failed once its pause is over.
    fn watch_task(&mut self, reaction: &mut Reaction) {
        let now = self.state.held.total();
        let Some(task) = &mut self.state.task else { return };
        if now.saturating_sub(task.since) >= task.deadline {
            let problem = match &task.kind {
                TaskKind::Host(call) => format!("{call} took longer than {:.0} s", task.deadline.as_secs_f64()),
                TaskKind::Drain => format!("requests were still in flight after {:.0} s", task.deadline.as_secs_f64()),
                TaskKind::TrafficShift => "the routing table did not change".into(),
            };
            self.give_up_task();
            self.task_failed(problem, reaction);
        } else if task.again_at.is_some_and(|at| now >= at) {
            task.again_at = None;
            if let TaskKind::Host(what) = task.kind.clone() {
                reaction.effects.push(Effect::Host { call: task.id, what });
            }
        }
    }

    fn judge_stage(&mut self, index: usize, step: Duration, reaction: &mut Reaction) {
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
            Decision::Hold { missing } => self.hold(index, requests, missing, reaction),
        }
    }

    fn hold(&mut self, index: usize, requests: u64, missing: String, reaction: &mut Reaction) {
        let longest = self.plan.stages().get(index).map_or(Duration::MAX, crate::plan::Stage::max_hold);
        let progress = self.state.stage;
        if progress.held.saturating_sub(progress.counted_from) < longest {
            let held_seconds = progress.held.as_secs_f64();
            reaction.effects.push(Effect::Progress(Progress::Holding {
                stage: index,
                held_seconds,
                requests,
                missing,
            }));
            return;
        }
        let reason =
            format!("stage {index} has been held for {:.0} s and still lacks {missing}", longest.as_secs_f64());
        match self.plan.on_max_hold() {
            OnMaxHold::Pause => self.pause(reason, reaction),
            OnMaxHold::RollBack => self.roll_back(reason, false, reaction),
        }
    }

    /// The last stage is over: to 100%, if the canary is proven healthy and a person has said yes where one must.
    fn leave_last_stage(&mut self, reaction: &mut Reaction) {
        if self.gate_is_shut() {
            let (stage, requests) = (self.plan.stages().len() - 1, self.requests_in_stage());
            self.hold(stage, requests, "proof that the canary is healthy".into(), reaction);
        } else if self.plan.require_approval() && !self.state.approved {
            self.pause("the canary is ready for 100% and waits for approval".into(), reaction);
        } else {
            self.head_for_promotion(reaction);
        }
    }

    fn requests_in_stage(&self) -> u64 {
        let judged = self.state.evaluation.as_ref().map_or(0, |evaluation| evaluation.canary_requests);
        judged.saturating_sub(self.state.stage.requests_before)
    }

    fn gate_is_shut(&self) -> bool {
        let healthy = self.state.evaluation.as_ref().is_some_and(|seen| seen.verdict == Verdict::Healthy);
        self.plan.health_gate() && !self.state.gate_skipped && !healthy
    }

    fn head_for_promotion(&mut self, reaction: &mut Reaction) {
        if let Phase::Stage(index) = self.state.phase {
            self.state.stages_passed = index + 1;
        }
        self.state.goal = Goal::Promotion;
        self.state.paused = None;
        if self.state.task.is_none() {
            self.pursue(reaction);
        }
    }

    fn pause(&mut self, reason: String, reaction: &mut Reaction) {
        reaction.effects.push(Effect::Progress(Progress::Paused(reason.clone())));
        self.alert(Severity::Warning, "the rollout waits for a person", reason.clone(), reaction);
        self.state.paused = Some(reason);
    }

    fn operate(&mut self, command: Command, reaction: &mut Reaction) -> Result<(), RolloutError> {
        let phase = self.state.phase;
        let wrong = |command, possible| RolloutError::WrongPhase { command, phase, possible };
        match command {
            Command::Pause { .. } | Command::Resume | Command::Approve if phase.is_final() => {
                return Err(wrong("pause, resume or approve", "until it has ended"));
            }
            Command::Pause { reason } => {
                reaction.effects.push(Effect::Progress(Progress::Paused(reason.clone())));
                self.state.paused = Some(reason);
            }
            Command::Resume => self.resume(reaction),
            Command::Approve => {
                self.state.approved = true;
                self.resume(reaction);
            }
            Command::Abort { reason } => {
                if !phase.can_roll_back() {
                    return Err(wrong("abort", "while the old version is still there"));
                }
                self.roll_back(reason, true, reaction);
            }
            Command::Promote => self.promote(reaction)?,
            Command::EndBake => {
                if phase != Phase::Baking {
                    return Err(wrong("end the bake", "while the new version bakes"));
                }
                self.state.paused = None;
                self.retire(reaction);
            }
        }
        Ok(())
    }

    fn resume(&mut self, reaction: &mut Reaction) {
        if self.state.paused.take().is_some() {
            self.state.stage.counted_from = self.state.stage.held;
            reaction.effects.push(Effect::Progress(Progress::Resumed));
            self.pursue_if_idle(reaction);
        }
    }

    fn promote(&mut self, reaction: &mut Reaction) -> Result<(), RolloutError> {
        let phase = self.state.phase;
        if !phase.can_roll_back() || matches!(phase, Phase::Planned | Phase::Promoted | Phase::Baking) {
            let possible = "from the first load until it has all the traffic";
            return Err(RolloutError::WrongPhase { command: "promote", phase, possible });
        }
        if self.gate_is_shut() {
            let reasons = self
                .state
                .evaluation
                .as_ref()
                .map_or_else(|| "nothing has been judged yet".to_owned(), |seen| seen.reasons.join("; "));
            return Err(RolloutError::NotHealthy { reasons });
        }
        self.state.approved = true;
        self.head_for_promotion(reaction);
        Ok(())
    }

    fn reply(&mut self, call: CallId, result: Result<HostReply, HostError>, reaction: &mut Reaction) {
        if let Some(late) = self.state.given_up.remove(&call) {
            match result {
                Ok(_) => self.done_late(&late, reaction),
                Err(error) => self.failed_late(&late, &error, reaction),
            }
            return;
        }
        let Some(task) = self.state.task.as_mut().filter(|task| task.id == call) else { return };
        match result {
            Ok(reply) => {
                let task = self.state.task.take();
                if let Some(TaskKind::Host(what)) = task.map(|task| task.kind) {
                    self.host_done(what, &reply, reaction);
                }
            }
            Err(error) if error.is_transient() && task.attempts < ATTEMPTS => {
                let pause = FIRST_PAUSE * 2u32.saturating_pow(task.attempts - 1);
                task.attempts += 1;
                task.again_at = Some(self.state.held.total() + pause);
                let what = match &task.kind {
                    TaskKind::Host(call) => call.to_string(),
                    TaskKind::Drain | TaskKind::TrafficShift => String::new(),
                };
                reaction.effects.push(Effect::Progress(Progress::Retrying { what, error: error.to_string() }));
            }
            Err(error) => {
                let task = self.state.task.take();
                let what = task.map_or_else(String::new, |task| match task.kind {
                    TaskKind::Host(call) => format!("{call} failed: "),
                    TaskKind::Drain | TaskKind::TrafficShift => String::new(),
                });
                self.task_failed(format!("{what}{error}"), reaction);
            }
        }
    }

    /// A call that nobody waits for any more has come back. If it undid what a rollback has done since, that is done
    /// again: a canary that came up late is taken down, a stable replica that went late is brought back.
    fn done_late(&mut self, late: &HostCall, reaction: &mut Reaction) {
        let Some(departure) = self.state.departure.as_ref().filter(|departure| departure.leaving == Side::Canary)
        else {
            return;
        };
        let again = match late {
            HostCall::Load { version, .. } if version.version() == self.canary() => {
                let what = HostCall::Unload { version: self.canary().clone(), keep: 0 };
                departure.has_come_to(RollbackStep::Unload).then_some(what)
            }
            HostCall::Unload { version, .. } if version == self.stable() => {
                let version = Box::new(self.plan.current().clone());
                let what = HostCall::Load { version, replicas: self.state.allocation.stable };
                departure.has_come_to(RollbackStep::Restore).then_some(what)
            }
            _ => None,
        };
        if let Some(what) = again {
            self.call_and_forget(what, reaction);
        }
    }

    /// Nobody waits for the call, so somebody must know that it has not been done.
    fn failed_late(&mut self, late: &HostCall, error: &HostError, reaction: &mut Reaction) {
        let matters = match late {
            HostCall::Load { version, .. } => version.version() == self.stable(),
            HostCall::Unload { version, keep } => version == self.canary() && *keep == 0,
            HostCall::WarmUp { .. } | HostCall::Verify { .. } | HostCall::CancelInFlight { .. } => false,
        };
        if matters {
            let body = format!("{late} failed: {error}; look at the host's replicas and do it by hand");
            self.alert(Severity::Critical, "a rollback has left something behind", body, reaction);
        }
    }

    fn host_done(&mut self, what: HostCall, reply: &HostReply, reaction: &mut Reaction) {
        if self.state.departure.is_some() {
            self.departing_call_done(what, reply, reaction);
        } else {
            self.advancing_call_done(what, reply, reaction);
        }
    }

    fn finish_task(&mut self, call: CallId, reaction: &mut Reaction) {
        if self.state.task.as_ref().is_some_and(|task| task.id == call) {
            self.state.task = None;
            self.step_taken(None, reaction);
        }
    }

    fn task_failed(&mut self, problem: String, reaction: &mut Reaction) {
        if self.state.departure.is_some() {
            self.step_taken(Some(&problem), reaction);
        } else {
            self.roll_back(problem, false, reaction);
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
            self.state.phase = phase;
            self.state.phase_since = self.state.held.total();
            reaction.effects.push(Effect::Progress(Progress::Phase(phase)));
        }
    }

    pub(super) fn in_phase(&self) -> Duration {
        self.state.held.total().saturating_sub(self.state.phase_since)
    }

    /// Makes a call the current task.
    pub(super) fn call_host(&mut self, what: HostCall, reaction: &mut Reaction) {
        let deadlines = self.plan.deadlines();
        let deadline = match what {
            HostCall::Load { .. } => deadlines.load,
            HostCall::WarmUp { .. } => deadlines.warm_up,
            HostCall::Verify { .. } => deadlines.verify,
            HostCall::CancelInFlight { .. } | HostCall::Unload { .. } => deadlines.unload,
        };
        let call = self.begin_task(TaskKind::Host(what.clone()), deadline);
        reaction.effects.push(Effect::Host { call, what });
    }

    /// Makes a call whose answer changes nothing.
    pub(super) fn call_and_forget(&mut self, what: HostCall, reaction: &mut Reaction) {
        let call = self.next_call();
        self.state.given_up.insert(call, what.clone());
        reaction.effects.push(Effect::Host { call, what });
    }

    pub(super) fn begin_task(&mut self, kind: TaskKind, deadline: Duration) -> CallId {
        let id = self.next_call();
        let since = self.state.held.total();
        self.state.task = Some(Task { id, kind, since, deadline, attempts: 1, again_at: None });
        id
    }

    pub(super) fn give_up_task(&mut self) {
        if let Some(Task { id, kind: TaskKind::Host(call), again_at: None, .. }) = self.state.task.take() {
            self.state.given_up.insert(id, call);
        }
    }

    fn next_call(&mut self) -> CallId {
        self.state.last_call += 1;
        CallId(self.state.last_call)
    }

    pub(super) fn warn(&mut self, warning: String, reaction: &mut Reaction) {
        reaction.effects.push(Effect::Progress(Progress::Warning(warning.clone())));
        self.state.warnings.push(warning);
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

/// What passes safety by on purpose; see [`Rollout::dangerous`].
#[derive(Debug)]
pub struct Dangerous<'a>(&'a mut Rollout);

impl Dangerous<'_> {
    /// Goes to 100% although the canary has not been proven healthy. A canary that is proven *degraded* is still
    /// rolled back.
    ///
    /// # Errors
    ///
    /// [`RolloutError::WrongPhase`] before the first load and once it has all the traffic.
    pub fn promote_without_health_gate(self, now: Timestamp) -> Result<Vec<Effect>, RolloutError> {
        let skipped_before = std::mem::replace(&mut self.0.state.gate_skipped, true);
        let result = self.0.handle(now, Input::Operator(Command::Promote));
        if result.is_err() {
            self.0.state.gate_skipped = skipped_before;
        }
        result
    }
}
