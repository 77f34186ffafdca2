//! Calls to the host: one at a time, with a deadline, repeated when they fail for a moment.

use std::time::Duration;

use super::Phase;
use super::effect::{CallId, Effect, Progress};
use super::machine::{Reaction, Rollout};
use super::state::{Side, Task, TaskKind};
use crate::alert::Severity;
use crate::host::{HostCall, HostError, HostReply};
use crate::rollback::RollbackStep;

/// How often a call that failed for a passing reason is tried.
const ATTEMPTS: u32 = 4;
/// The pause before the second try; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

impl Rollout {
    /// Gives up on a call that is past its deadline, and repeats one that failed once its pause is over.
    pub(super) fn watch_task(&mut self, reaction: &mut Reaction) {
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

    pub(super) fn reply(&mut self, call: CallId, result: Result<HostReply, HostError>, reaction: &mut Reaction) {
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
                let (what, error) = (task.kind.to_string(), error.to_string());
                reaction.effects.push(Effect::Progress(Progress::Retrying { what, error }));
            }
            Err(error) => {
                let problem = format!("{} failed: {error}", task.kind);
                self.state.task = None;
                self.task_failed(problem, reaction);
            }
        }
    }

    /// A call that nobody waits for any more has come back. If it undid what a rollback has done since, that is done
    /// again: a canary that came up late is taken down, a stable replica that went late is brought back.
    pub(super) fn done_late(&mut self, late: &HostCall, reaction: &mut Reaction) {
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
    pub(super) fn failed_late(&mut self, late: &HostCall, error: &HostError, reaction: &mut Reaction) {
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

    pub(super) fn finish_task(&mut self, call: CallId, reaction: &mut Reaction) {
        if self.state.task.as_ref().is_some_and(|task| task.id == call) {
            self.state.task = None;
            self.step_taken(None, reaction);
        }
    }

    pub(super) fn task_failed(&mut self, problem: String, reaction: &mut Reaction) {
        if self.state.departure.is_some() {
            self.step_taken(Some(&problem), reaction);
        } else if self.state.phase == Phase::Baking {
            self.no_way_back(&problem, reaction);
        } else {
            self.roll_back(problem, false, reaction);
        }
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

    pub(super) fn next_call(&mut self) -> CallId {
        self.state.last_call += 1;
        CallId(self.state.last_call)
    }
}
