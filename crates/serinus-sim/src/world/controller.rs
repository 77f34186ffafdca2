//! The controller: the engine being driven, its work being done, its process dying and coming back.

use std::sync::Arc;

use serinus::deploy::{DeployError, Engine, Surroundings, Work};
use serinus::evaluate::CanaryEvaluator;
use serinus::host::{HostCall, HostError, HostReply};
use serinus::journal::History;
use serinus::model::VersionId;
use serinus::rollout::{CallId, Input, Rollout};
use serinus::route::{Lease, RoutingTable, TrafficSplitter};

use super::{World, reviewer, routers, timestamp};
use crate::agenda::Due;
use crate::faults::Mishap;
use crate::simulation::SimulationError;

/// Seconds that the controller is gone after a crash.
const DOWN: f64 = 30.0;

impl World<'_> {
    /// Lets the engine do something, and begins the work that comes of it.
    pub(super) fn drive(&mut self, step: impl FnOnce(&mut Engine) -> Vec<Work>) {
        let Some(engine) = &mut self.engine else { return };
        self.clock.set(timestamp(self.now + self.off));
        let work = step(engine);
        for work in work {
            self.begin(work);
        }
        self.note();
        self.spread_table();
    }

    pub(super) fn begin(&mut self, work: Work) {
        match work {
            Work::Host { call, what } => self.call_host(call, what),
            Work::Drain { call, version, .. } => self.drains.push((call, version)),
            Work::Alert(_) => {}
        }
    }

    pub(super) fn call_host(&mut self, call: CallId, what: HostCall) {
        let host = &self.of.host;
        let (seconds, result) = match &what {
            HostCall::Load { version, replicas } => {
                let arm = self.arm(version.version());
                let missing = replicas.saturating_sub(self.replicas[arm]);
                let slots = self.of.plan.slots();
                let total = self.replicas[0] + self.replicas[1] + missing;
                let result = match self.mishaps.pop_front().unwrap_or(Mishap::None) {
                    Mishap::Hangs => return,
                    Mishap::Transient => Err(HostError::transient("the disk is busy")),
                    Mishap::Permanent => Err(HostError::permanent("the checkpoint is damaged")),
                    Mishap::None if total > slots && !self.of.plan.colocated() => {
                        Err(HostError::permanent(format!("out of GPU memory: {total} replicas on {slots} slots")))
                    }
                    Mishap::None => Ok(HostReply::Done),
                };
                (if missing > 0 { host.load_seconds } else { 0.0 }, result)
            }
            HostCall::WarmUp { .. } => (host.warm_up_seconds, Ok(HostReply::Done)),
            HostCall::Verify { version } => {
                let plan = &self.of.plan;
                let models = [plan.current(), plan.target()];
                let model = models.into_iter().find(|model| model.version() == version);
                (0.0, Ok(HostReply::Verified(model.map(|model| model.expected_fingerprint().clone()))))
            }
            HostCall::CancelInFlight { .. } => {
                let cancelled = self.cancel_hung();
                (0.0, Ok(HostReply::Cancelled(cancelled)))
            }
            HostCall::Unload { .. } => (1.0, Ok(HostReply::Done)),
        };
        self.agenda.plan(self.now + seconds, Due::Answer { call, what, result });
    }

    pub(super) fn arm(&self, version: &VersionId) -> usize {
        usize::from(version == self.of.plan.target().version())
    }

    /// Requests that never end by themselves hear that they are cancelled, and begin again elsewhere.
    pub(super) fn cancel_hung(&mut self) -> u64 {
        let (cancelled, left) = std::mem::take(&mut self.hung).into_iter().partition::<Vec<_>, _>(Lease::is_cancelled);
        self.hung = left;
        let count = cancelled.len() as u64;
        for lease in cancelled {
            self.retry(lease);
        }
        count
    }

    pub(super) fn look_at_drains(&mut self) {
        let (done, waiting) = std::mem::take(&mut self.drains)
            .into_iter()
            .partition::<Vec<_>, _>(|(_, version)| self.routers.in_flight(version) == 0);
        self.drains = waiting;
        for (call, _) in done {
            self.drive(|engine| engine.give(Input::Drained { call }));
        }
    }

    pub(super) fn keep_books(&mut self, what: &HostCall) {
        match what {
            HostCall::Load { version, replicas } => {
                let arm = self.arm(version.version());
                self.replicas[arm] = self.replicas[arm].max(*replicas);
            }
            HostCall::Unload { version, keep } => {
                let arm = self.arm(version);
                self.replicas[arm] = self.replicas[arm].min(*keep);
            }
            HostCall::WarmUp { .. } | HostCall::Verify { .. } | HostCall::CancelInFlight { .. } => {}
        }
    }

    /// The controller's process dies, with its router, all that is in flight, and all calls that are open.
    pub(super) fn crash(&mut self) {
        if self.engine.take().is_none() {
            return; // it is down already
        }
        self.seen.died += self.flights.len() + self.hung.len() as u64;
        self.flights.clear();
        self.hung.clear();
        self.drains.clear();
        self.agenda.forget_answers();
        self.agenda.plan(self.now + DOWN, Due::Recovery);
    }

    pub(super) fn recover(&mut self) -> Result<(), SimulationError> {
        let of = self.of;
        let left = History::of(&*self.journal, "simulated").map_err(|error| SimulationError::refused(&error))?;
        let serving = left.map_or_else(|| of.plan.current().version().clone(), |left| left.serving);
        self.routers = routers(of, self.seed, &serving);
        self.heard_of = 0;
        self.evaluator = self.evaluator.restarted(of)?;
        self.reviewer = reviewer(of, self.seed, &self.clock)?;
        self.clock.set(timestamp(self.now + self.off));
        let (splitter, clock) = (Arc::clone(&self.routers) as _, Arc::clone(&self.clock) as _);
        let with = Surroundings::new(splitter, clock, Arc::clone(&self.journal) as _);
        let with = self.reviewer.iter().cloned().fold(with, Surroundings::with_reviewer);
        let evaluator = self.evaluator.clone();
        let made = |rollout: Rollout| Ok::<_, DeployError>((rollout, Box::new(evaluator) as Box<dyn CanaryEvaluator>));
        let (engine, work) =
            Engine::recover(with, "simulated", made).map_err(|error| SimulationError::refused(&error))?;
        self.engine = Some(engine);
        for work in work {
            self.begin(work);
        }
        self.spread_table();
        Ok(())
    }

    /// The other routers hear of a new table after a while.
    pub(super) fn spread_table(&mut self) {
        let (lagging, after) = self.of.faults.lagging_routers;
        if lagging == 0 {
            return;
        }
        let table = self.routers.table();
        if table.revision() != self.heard_of {
            self.heard_of = table.revision();
            self.agenda.plan(self.now + after, Due::Table(Box::new(RoutingTable::clone(&table))));
        }
    }
}
