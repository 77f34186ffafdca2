//! The way out, of the canary by a rollback or of the old version by retirement: traffic, drain, cancel, unload.

use std::time::Duration;

use super::effect::Effect;
use super::machine::{Reaction, Rollout};
use super::outcome::{Outcome, Status};
use super::state::{Departure, Side, TaskKind};
use super::{Phase, Progress};
use crate::alert::Severity;
use crate::host::{HostCall, HostReply};
use crate::plan::Allocation;
use crate::rollback::{
    DrainingRollback, RollbackOrchestrator, RollbackRecord, RollbackStep, RollbackTiming, StepTaken,
};

/// How long the publication of a table may take; it is a store in memory, or a write to a fleet's table.
const SHIFT_DEADLINE: Duration = Duration::from_secs(30);

impl Rollout {
    /// Takes the canary out: all traffic first.
    pub(super) fn roll_back(&mut self, reason: String, aborted: bool, reaction: &mut Reaction) {
        self.give_up_task();
        self.state.paused = None;
        self.depart(Side::Canary, reason, aborted, reaction);
    }

    /// Takes the old version out; the new one has all the traffic.
    pub(super) fn retire(&mut self, reaction: &mut Reaction) {
        self.give_up_task();
        self.depart(Side::Stable, "the new version serves alone".into(), false, reaction);
    }

    fn depart(&mut self, leaving: Side, reason: String, aborted: bool, reaction: &mut Reaction) {
        let phase = match leaving {
            Side::Canary => Phase::RollingBack,
            Side::Stable => Phase::Retiring,
        };
        self.state.departure = Some(Departure {
            leaving,
            reason,
            aborted,
            decided_at: reaction.now,
            evaluation: self.state.evaluation.clone(),
            taken: Vec::new(),
            current: None,
        });
        self.take(RollbackStep::ShiftTraffic, reaction);
        self.enter(phase, reaction);
    }

    pub(super) fn take(&mut self, step: RollbackStep, reaction: &mut Reaction) {
        let now = self.state.held.total();
        let Some(departure) = &mut self.state.departure else { return };
        departure.current = Some((step, now));
        let leaving = departure.leaving;
        let version = self.name(leaving).clone();
        match step {
            RollbackStep::ShiftTraffic => {
                let call = self.begin_task(TaskKind::TrafficShift, SHIFT_DEADLINE);
                match leaving {
                    Side::Canary => {
                        self.state.allocation.weight = 0.0;
                        reaction.effects.push(Effect::RollBackTraffic { call, version });
                        reaction.effects.push(Effect::Progress(Progress::Weight(0.0)));
                    }
                    Side::Stable => reaction.effects.push(Effect::Withdraw { call, version }),
                }
            }
            RollbackStep::Drain { timeout } => {
                let call = self.begin_task(TaskKind::Drain, timeout);
                reaction.effects.push(Effect::AwaitDrain { call, version });
            }
            RollbackStep::Cancel { grace } => {
                reaction.effects.push(Effect::CancelLeases(version.clone()));
                self.call_and_forget(HostCall::CancelInFlight { version: version.clone() }, reaction);
                let call = self.begin_task(TaskKind::Drain, grace);
                reaction.effects.push(Effect::AwaitDrain { call, version });
            }
            RollbackStep::Unload => self.call_host(HostCall::Unload { version, keep: 0 }, reaction),
            RollbackStep::Restore => self.restore(leaving, reaction),
        }
    }

    /// Brings the version that stays to the replicas that the fleet had before the update, as far as there is room.
    fn restore(&mut self, leaving: Side, reaction: &mut Reaction) {
        let Allocation { stable, canary, .. } = self.state.allocation;
        let (version, have, left) = match leaving {
            Side::Canary => (self.plan.current(), stable, canary),
            Side::Stable => (self.plan.target(), canary, stable),
        };
        let wanted = self.plan.fleet().replicas();
        let room = if self.plan.colocated() { wanted } else { wanted.min(self.plan.slots().saturating_sub(left)) };
        if have < room {
            let version = Box::new(version.clone());
            return self.call_host(HostCall::Load { version, replicas: room }, reaction);
        }
        let problem = (have < wanted).then(|| format!("there is room for {have} of {wanted} replicas only"));
        self.step_taken(problem.as_deref(), reaction);
    }

    pub(super) fn departing_call_done(&mut self, what: HostCall, reply: &HostReply, reaction: &mut Reaction) {
        match (what, reply) {
            (HostCall::Load { version, replicas }, _) => {
                match self.state.departure.as_ref().map(|departure| departure.leaving) {
                    Some(Side::Stable) => self.state.allocation.canary = replicas,
                    Some(Side::Canary) | None => self.state.allocation.stable = replicas,
                }
                let (version, tokens) = (version.version().clone(), version.warmup_tokens());
                self.call_host(HostCall::WarmUp { version, tokens }, reaction);
            }
            (HostCall::WarmUp { version, .. }, _) => self.call_host(HostCall::Verify { version }, reaction),
            (HostCall::Verify { version }, HostReply::Verified(Some(found))) => {
                let stays =
                    [self.plan.current(), self.plan.target()].into_iter().find(|model| *model.version() == version);
                let expected = stays.map(|model| model.expected_fingerprint().clone());
                let problem = expected.filter(|expected| expected != found).map(|expected| {
                    format!("{version} came back as something else: expected {expected}, the host has {found}")
                });
                self.step_taken(problem.as_deref(), reaction);
            }
            _ => self.step_taken(None, reaction),
        }
    }

    /// Books the current step and takes the next one.
    pub(super) fn step_taken(&mut self, problem: Option<&str>, reaction: &mut Reaction) {
        let now = self.state.held.total();
        let Some(departure) = &mut self.state.departure else { return };
        let Some((step, since)) = departure.current.take() else { return };
        let leaving = departure.leaving;
        departure.taken.push(StepTaken { step, took: now.saturating_sub(since), problem: problem.map(str::to_owned) });
        let taken = departure.taken.clone();
        match (problem, step) {
            (None, RollbackStep::Unload) => match leaving {
                Side::Canary => self.state.allocation.canary = 0,
                Side::Stable => self.state.allocation.stable = 0,
            },
            // A drain that ends by cancelling is part of the plan.
            (Some(_), RollbackStep::Drain { .. }) | (None, _) => {}
            (Some(problem), _) => self.warn(format!("{step} {}: {problem}", self.name(leaving)), reaction),
        }
        if problem.is_some() && step == RollbackStep::ShiftTraffic {
            // Nothing else may happen while requests still reach the version.
            if taken.len() == 1 {
                let body = format!("{} is the only version in the table; admit another one", self.name(leaving));
                self.alert(Severity::Critical, "a version cannot leave the routing table", body, reaction);
            }
            return self.take(step, reaction);
        }
        let next = match leaving {
            Side::Canary => self.way_back.next_step(&taken),
            Side::Stable => self.retirement().next_step(&taken),
        };
        match next {
            Some(step) => self.take(step, reaction),
            None => self.end(reaction),
        }
    }

    fn retirement(&self) -> DrainingRollback {
        DrainingRollback { drain_timeout: self.plan.drain_timeout(), ..DrainingRollback::default() }
    }

    fn end(&mut self, reaction: &mut Reaction) {
        let Some(departure) = self.state.departure.clone() else { return };
        match departure.leaving {
            Side::Canary => self.end_rollback(departure, reaction),
            Side::Stable => {
                let title = "the update is complete";
                self.alert(Severity::Info, title, self.with_warnings(&departure.reason), reaction);
                self.finish(Phase::Completed, Status::Completed, departure.reason, None, reaction);
            }
        }
    }

    fn end_rollback(&mut self, departure: Departure, reaction: &mut Reaction) {
        let record = RollbackRecord {
            at: departure.decided_at,
            stable: self.stable().clone(),
            canary: self.canary().clone(),
            reason: departure.reason.clone(),
            evaluation: departure.evaluation.map(|seen| *seen),
            timing: RollbackTiming::of(&departure.taken),
            steps: departure.taken,
        };
        reaction.effects.push(Effect::Record(Box::new(record.clone())));
        let short = self.state.allocation.stable < self.plan.fleet().replicas();
        let (phase, status, severity) = match (short, departure.aborted) {
            (true, _) => (Phase::Failed, Status::Failed, Severity::Critical),
            (false, true) => (Phase::RolledBack, Status::Aborted, Severity::Info),
            (false, false) => (Phase::RolledBack, Status::RolledBack, Severity::Critical),
        };
        let mut reason = departure.reason;
        if short {
            let (have, want) = (self.state.allocation.stable, self.plan.fleet().replicas());
            let advice = format!("{} runs on {have} of {want} replicas: load the others by hand", self.stable());
            reason = format!("{reason}; {advice}");
        }
        let title = format!("{} was rolled back to {}", self.canary(), self.stable());
        self.alert(severity, &title, self.with_warnings(&reason), reaction);
        self.finish(phase, status, reason, Some(record), reaction);
    }

    fn with_warnings(&self, reason: &str) -> String {
        let mut lines = vec![reason.to_owned()];
        lines.extend(self.state.warnings.iter().cloned());
        lines.join("\n")
    }

    fn finish(
        &mut self,
        phase: Phase,
        status: Status,
        reason: String,
        rollback: Option<RollbackRecord>,
        reaction: &mut Reaction,
    ) {
        self.enter(phase, reaction);
        let serving = if phase == Phase::Completed { self.canary() } else { self.stable() };
        let outcome = Outcome {
            status,
            reason,
            serving: serving.clone(),
            stages_passed: self.state.stages_passed,
            rollback,
            warnings: self.state.warnings.clone(),
            started_at: self.state.started_at,
            finished_at: reaction.now,
        };
        self.state.outcome = Some(Box::new(outcome.clone()));
        reaction.effects.push(Effect::Finish(Box::new(outcome)));
    }
}
