//! One run: everything around the real parts, and the loop of events.

mod controller;
mod notes;
mod requests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use serinus::clock::{ManualClock, Timestamp};
use serinus::deploy::{Engine, Surroundings};
use serinus::journal::MemoryJournal;
use serinus::judge::Reviewer;
use serinus::model::VersionId;
use serinus::rollout::{CallId, Input, Rollout};
use serinus::route::{Lease, Weights};

use self::notes::Seen;
use crate::agenda::{Agenda, Due, Flight};
use crate::evaluator::Shared;
use crate::faults::Mishap;
use crate::queue::Queue;
use crate::report::Run;
use crate::routers::Routers;
use crate::simulation::{Simulation, SimulationError};
use crate::trace::{Moment, Trace};
use crate::users::Crowd;

/// Where virtual time begins, so that a clock may be put back.
const EPOCH: f64 = 1e6;
/// Seconds that a dead replica is gone.
const REPLACED: f64 = 600.0;

pub(crate) struct World<'a> {
    of: &'a Simulation,
    seed: u64,
    rng: Xoshiro256PlusPlus,
    crowd: Crowd,
    now: f64,
    clock: Arc<ManualClock>,
    /// How far the clock is off.
    off: f64,
    routers: Arc<Routers>,
    journal: Arc<MemoryJournal>,
    evaluator: Shared,
    reviewer: Option<Arc<Reviewer>>,
    /// Absent while the controller is down.
    engine: Option<Engine>,
    agenda: Agenda<Due>,
    flights: Agenda<Flight>,
    hung: Vec<Lease>,
    drains: Vec<(CallId, VersionId)>,
    mishaps: VecDeque<Mishap>,
    /// Of the stable version and of the canary.
    replicas: [u32; 2],
    dead: u32,
    queues: [Queue; 2],
    heard_of: u64,
    seen: Seen,
    /// What is kept of each tick, if somebody wants it.
    moments: Option<Vec<Moment>>,
    /// Somebody does not want the rest.
    stop: Arc<AtomicBool>,
}

impl<'a> World<'a> {
    pub(crate) fn new(of: &'a Simulation, seed: u64, stop: Arc<AtomicBool>) -> Result<Self, SimulationError> {
        let routers = routers(of, seed, of.plan.current().version());
        let (journal, clock) = (Arc::new(MemoryJournal::default()), Arc::new(ManualClock::new(timestamp(0.0))));
        let evaluator = Shared::new(of)?;
        let reviewer = reviewer(of, seed, &clock)?;
        let rollout = Rollout::new("simulated", Arc::clone(&of.plan));
        let with = Surroundings::new(Arc::clone(&routers) as _, Arc::clone(&clock) as _, Arc::clone(&journal) as _);
        let with = reviewer.iter().cloned().fold(with, Surroundings::with_reviewer);
        let engine = Engine::begin(with, rollout, Box::new(evaluator.clone()))
            .map_err(|error| SimulationError::refused(&error))?;
        let mut world = Self {
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            crowd: Crowd::new(&of.traffic.users, seed),
            now: 0.0,
            clock,
            off: 0.0,
            routers,
            journal,
            evaluator,
            reviewer,
            engine: Some(engine),
            agenda: Agenda::new(),
            flights: Agenda::new(),
            hung: Vec::new(),
            drains: Vec::new(),
            mishaps: of.faults.loads.iter().copied().collect(),
            replicas: [of.plan.fleet().replicas(), 0],
            dead: 0,
            queues: [Queue::default(); 2],
            heard_of: 0,
            seen: Seen::default(),
            moments: None,
            stop,
            of,
            seed,
        };
        world.plan_faults();
        Ok(world)
    }

    fn plan_faults(&mut self) {
        let of = self.of;
        of.faults.replica_dies.iter().for_each(|at| self.agenda.plan(*at, Due::ReplicaDies));
        of.faults.clock_jumps.iter().for_each(|(at, by)| self.agenda.plan(*at, Due::Jump(*by)));
        of.faults.crashes.iter().for_each(|at| self.agenda.plan(*at, Due::Crash));
    }

    pub(crate) fn run(mut self) -> Result<Run, SimulationError> {
        self.go()?;
        Ok(self.report())
    }

    pub(crate) fn trace(mut self) -> Result<Trace, SimulationError> {
        self.moments = Some(Vec::new());
        self.go()?;
        let moments = self.moments.take().unwrap_or_default();
        Ok(Trace { run: self.report(), moments })
    }

    fn go(&mut self) -> Result<(), SimulationError> {
        self.drive(|engine| engine.give(Input::Start));
        let longest = self.of.hours * 3_600.0;
        let mut next_tick = self.of.tick;
        let mut next_arrival = self.gap();
        while self.now < longest && !self.stop.load(Ordering::Relaxed) {
            let due = self.agenda.next_at();
            let end = self.flights.next_at();
            let next = next_tick.min(next_arrival).min(due).min(end);
            self.now = next;
            if next == end {
                self.end_flight();
            } else if next == next_arrival {
                self.arrive();
                next_arrival = self.now + self.gap();
            } else if next == due {
                self.happen()?;
            } else {
                self.tick();
                next_tick = self.now + self.of.tick;
                if self.has_ended() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn tick(&mut self) {
        if let Some(reviewer) = &self.reviewer {
            reviewer.work_off();
        }
        self.drive(Engine::tick);
        self.look_at_drains();
        self.keep_moment();
    }

    /// The next item of the agenda.
    fn happen(&mut self) -> Result<(), SimulationError> {
        let Some(due) = self.agenda.pop() else { return Ok(()) };
        match due {
            Due::Answer { call, what, result } => {
                if result.is_ok() {
                    self.keep_books(&what);
                }
                self.drive(|engine| engine.give(Input::Reply { call, result }));
            }
            Due::Table(table) => self.routers.deliver(&table),
            Due::Crash => self.crash(),
            Due::Recovery => self.recover()?,
            Due::Jump(by) => self.off = (self.off + by).max(-EPOCH),
            Due::ReplicaDies => {
                self.dead += 1;
                self.agenda.plan(self.now + REPLACED, Due::ReplicaIsBack);
            }
            Due::ReplicaIsBack => self.dead = self.dead.saturating_sub(1),
        }
        Ok(())
    }

    fn has_ended(&self) -> bool {
        let Some(engine) = &self.engine else { return false };
        engine.outcome().is_some() || engine.rollout().paused().is_some()
    }
}

/// Routers of a process that has just begun: all traffic goes to the old version.
fn routers(of: &Simulation, seed: u64, serving: &VersionId) -> Arc<Routers> {
    Arc::new(Routers::new(&format!("simulation-{seed}"), &Weights::all(serving), of.faults.lagging_routers.0))
}

fn reviewer(of: &Simulation, seed: u64, clock: &Arc<ManualClock>) -> Result<Option<Arc<Reviewer>>, SimulationError> {
    of.judge.map(|judge| judge.reviewer(of, seed, Arc::clone(clock) as _)).transpose()
}

fn timestamp(seconds: f64) -> Timestamp {
    Timestamp::from(Duration::from_secs_f64((EPOCH + seconds).max(0.0)))
}
