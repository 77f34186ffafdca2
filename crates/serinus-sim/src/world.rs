//! One run: everything around the real parts, and the loop of events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rand::{Rng, RngExt, SeedableRng};
use rand_distr::Exp1;
use rand_xoshiro::Xoshiro256PlusPlus;
use serinus::clock::{ManualClock, Timestamp};
use serinus::deploy::{DeployError, Engine, Surroundings, Work};
use serinus::evaluate::{CanaryEvaluator, GuardrailReport, Verdict};
use serinus::host::{HostCall, HostError, HostReply};
use serinus::journal::MemoryJournal;
use serinus::model::VersionId;
use serinus::observe::Outcome;
use serinus::plan::{Stage, UpdatePlan};
use serinus::rollout::{CallId, Input, Phase, Rollout, Status};
use serinus::route::{Lease, Request, RoutingTable, TrafficSplitter, Weights};

use crate::agenda::{Agenda, Due};
use crate::evaluator::Shared;
use crate::faults::Mishap;
use crate::flights::{Flight, Flights};
use crate::queue::Queue;
use crate::report::{Ending, Run};
use crate::routers::Routers;
use crate::simulation::{Simulation, SimulationError};
use crate::traffic::PromptKind;
use crate::users::Crowd;

/// Where virtual time begins, so that a clock may be put back.
const EPOCH: f64 = 1e6;
/// Seconds that the controller is gone after a crash.
const DOWN: f64 = 30.0;
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
    judge: Shared,
    /// Absent while the controller is down.
    engine: Option<Engine>,
    agenda: Agenda,
    flights: Flights,
    hung: Vec<Lease>,
    drains: Vec<(CallId, VersionId)>,
    mishaps: VecDeque<Mishap>,
    /// Of the stable version and of the canary.
    replicas: [u32; 2],
    dead: u32,
    queues: [Queue; 2],
    heard_of: u64,
    seen: Seen,
}

/// What is noted on the way.
#[derive(Debug, Default)]
struct Seen {
    began: Option<f64>,
    decided: Option<Decided>,
    exposed: u64,
    bad: u64,
    requests: u64,
    misrouted: u64,
    retried: u64,
    died: u64,
}

/// When it was decided, and how things stood.
#[derive(Clone, Debug)]
struct Decided {
    at: f64,
    exposed: u64,
    bad: u64,
    share: f64,
    canary_requests: u64,
    guardrail: Option<String>,
}

impl<'a> World<'a> {
    pub(crate) fn new(of: &'a Simulation, seed: u64) -> Result<Self, SimulationError> {
        let stable = of.plan.current().version();
        let salt = format!("simulation-{seed}");
        let routers = Arc::new(Routers::new(&salt, &Weights::all(stable), of.faults.lagging_routers.0));
        let (journal, clock) = (Arc::new(MemoryJournal::default()), Arc::new(ManualClock::new(timestamp(0.0))));
        let judge = Shared::new(of)?;
        let rollout = Rollout::new("simulated", Arc::clone(&of.plan));
        let with = Surroundings::new(Arc::clone(&routers) as _, Arc::clone(&clock) as _, Arc::clone(&journal) as _);
        let engine =
            Engine::begin(with, rollout, Box::new(judge.clone())).map_err(|error| SimulationError::refused(&error))?;
        let mut world = Self {
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            crowd: Crowd::new(&of.traffic.users, seed),
            now: 0.0,
            clock,
            off: 0.0,
            routers,
            journal,
            judge,
            engine: Some(engine),
            agenda: Agenda::default(),
            flights: Flights::default(),
            hung: Vec::new(),
            drains: Vec::new(),
            mishaps: of.faults.loads.iter().copied().collect(),
            replicas: [of.plan.fleet().replicas(), 0],
            dead: 0,
            queues: [Queue::default(); 2],
            heard_of: 0,
            seen: Seen::default(),
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
        self.drive(|engine| engine.give(Input::Start));
        let longest = self.of.longest().as_secs_f64();
        let mut next_tick = self.of.tick;
        let mut next_arrival = self.gap();
        while self.now < longest {
            let due = self.agenda.next_at();
            let end = self.flights.next_end();
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
        Ok(self.report())
    }

    /// Until the next request: exponential at the peak's rate, thinned to the hour's.
    fn gap(&mut self) -> f64 {
        let mut gap = 0.0;
        loop {
            let exponential: f64 = self.rng.sample(Exp1);
            gap += exponential / self.of.traffic.peak();
            let share = self.of.traffic.share_of_peak(self.now + gap);
            if share >= 1.0 || self.rng.random::<f64>() < share {
                return gap;
            }
        }
    }

    fn arrive(&mut self) {
        self.seen.requests += 1;
        if self.engine.is_none() {
            self.seen.died += 1;
            return;
        }
        let (name, user) = self.crowd.next(&mut self.rng);
        let lease = self.routers.route(&Request::new().sticky_key(name));
        self.serve(lease, user);
    }

    /// Runs a request on the version that it was sent to.
    fn serve(&mut self, lease: Lease, user: f64) {
        let is_canary = lease.version() == self.of.plan.target().version();
        let arm = usize::from(is_canary);
        if self.replicas[arm] == 0 {
            self.seen.misrouted += 1;
        }
        let behaviour = if is_canary { &self.of.canary } else { &self.of.stable };
        let (kind, factors) = kind(self.of, is_canary, &mut self.rng);
        let (flips, is_judged) = (self.rng.random::<f64>(), self.rng.random::<f64>() < self.of.traffic.judged);
        let answer = behaviour.answer(&mut self.rng, self.now, factors, user, is_judged);
        if is_canary {
            self.seen.exposed += 1;
            self.seen.bad += u64::from(answer.error || answer.failed == Some(true));
        }
        if answer.hangs {
            self.hung.push(lease);
            return;
        }
        let capacity = if is_canary { self.of.host.canary } else { self.of.host.stable };
        let alive = if is_canary { self.replicas[1].saturating_sub(self.dead) } else { self.replicas[0] };
        let wait_ms = 1_000.0 * self.queues[arm].join(self.now, answer.service_ms / 1_000.0, alive, capacity);
        let latency_ms = wait_ms + answer.service_ms;
        let mut outcome = Outcome { error: answer.error, ..Outcome::ok() }.latency_ms(latency_ms).tokens(answer.tokens);
        outcome.ttft_ms = answer.ttft_ms.map(|ttft_ms| wait_ms + ttft_ms);
        outcome.quality = answer.score;
        let says_failed = |failed: bool| failed != (flips < self.of.traffic.judge_error);
        outcome.passed = answer.failed.filter(|_| is_judged).map(|failed| !says_failed(failed));
        outcome.stratum = kind.filter(|_| self.of.traffic.labelled);
        let mut ends = self.now + latency_ms / 1_000.0;
        if answer.abandoned {
            // Somebody leaves somewhere on the way.
            let part: f64 = self.rng.random();
            ends = self.now + part * latency_ms / 1_000.0;
            let so_far = Outcome::ok().latency_ms(part * latency_ms);
            outcome = Outcome { ttft_ms: outcome.ttft_ms.filter(|ttft| *ttft <= part * latency_ms), ..so_far };
        }
        self.flights.push(ends, Flight { lease, outcome, abandoned: answer.abandoned });
    }

    fn end_flight(&mut self) {
        let Some(Flight { lease, outcome, abandoned }) = self.flights.pop() else { return };
        if lease.is_cancelled() {
            self.retry(lease);
        } else if abandoned {
            lease.abandon(outcome);
        } else {
            lease.finish(outcome);
        }
        if !self.drains.is_empty() {
            self.look_at_drains();
        }
    }

    fn retry(&mut self, lease: Lease) {
        self.seen.retried += 1;
        let again = self.routers.retry(lease);
        self.serve(again, 1.0);
    }

    fn tick(&mut self) {
        self.set_clock();
        self.drive(Engine::tick);
        self.look_at_drains();
    }

    /// Lets the engine do something, and begins the work that comes of it.
    fn drive(&mut self, step: impl FnOnce(&mut Engine) -> Vec<Work>) {
        let Some(engine) = &mut self.engine else { return };
        self.clock.set(timestamp(self.now + self.off));
        let work = step(engine);
        for work in work {
            self.begin(work);
        }
        self.note();
        self.spread_table();
    }

    fn begin(&mut self, work: Work) {
        match work {
            Work::Host { call, what } => self.call_host(call, what),
            Work::Drain { call, version, .. } => self.drains.push((call, version)),
            Work::Alert(_) => {}
        }
    }

    fn call_host(&mut self, call: CallId, what: HostCall) {
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

    fn arm(&self, version: &VersionId) -> usize {
        usize::from(version == self.of.plan.target().version())
    }

    /// Requests that never end by themselves hear that they are cancelled, and begin again elsewhere.
    fn cancel_hung(&mut self) -> u64 {
        let (cancelled, left) = std::mem::take(&mut self.hung).into_iter().partition::<Vec<_>, _>(Lease::is_cancelled);
        self.hung = left;
        let count = cancelled.len() as u64;
        for lease in cancelled {
            self.retry(lease);
        }
        count
    }

    fn look_at_drains(&mut self) {
        let (done, waiting) = std::mem::take(&mut self.drains)
            .into_iter()
            .partition::<Vec<_>, _>(|(_, version)| self.routers.in_flight(version) == 0);
        self.drains = waiting;
        for (call, _) in done {
            self.drive(|engine| engine.give(Input::Drained { call }));
        }
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

    fn keep_books(&mut self, what: &HostCall) {
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
    fn crash(&mut self) {
        self.engine = None;
        let in_flight = std::mem::take(&mut self.flights);
        self.seen.died += in_flight.len() + self.hung.len() as u64;
        self.hung.clear();
        self.drains.clear();
        self.agenda.forget_answers();
        self.agenda.plan(self.now + DOWN, Due::Recovery);
    }

    fn recover(&mut self) -> Result<(), SimulationError> {
        let of = self.of;
        let salt = format!("simulation-{}", self.seed);
        let weights = Weights::all(of.plan.current().version());
        self.routers = Arc::new(Routers::new(&salt, &weights, of.faults.lagging_routers.0));
        self.heard_of = 0;
        self.judge = self.judge.restarted(of)?;
        self.clock.set(timestamp(self.now + self.off));
        let (splitter, clock) = (Arc::clone(&self.routers) as _, Arc::clone(&self.clock) as _);
        let with = Surroundings::new(splitter, clock, Arc::clone(&self.journal) as _);
        let judge = self.judge.clone();
        let made = |_: &UpdatePlan| Ok::<_, DeployError>(Box::new(judge) as Box<dyn CanaryEvaluator>);
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
    fn spread_table(&mut self) {
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

    fn set_clock(&self) {
        self.clock.set(timestamp(self.now + self.off));
    }

    /// Notes when things happen that are reported.
    fn note(&mut self) {
        let Some(engine) = &self.engine else { return };
        let phase = engine.rollout().phase();
        if self.seen.began.is_none() && engine.rollout().allocation().weight > 0.0 {
            self.seen.began = Some(self.now);
        }
        let decided = matches!(phase, Phase::RollingBack | Phase::Promoted | Phase::Baking) || phase.is_final();
        if phase == Phase::RollingBack && self.seen.decided.as_ref().is_some_and(|decided| decided.share >= 1.0) {
            // It was promoted, and is rolled back while it bakes.
            self.seen.decided = None;
        }
        if decided && self.seen.decided.is_none() {
            let evaluation = engine.evaluation();
            let degraded =
                |(_, report): &(&String, &GuardrailReport)| report.verdict == Verdict::Degraded && !report.alerts_only;
            let share = match phase {
                Phase::RollingBack => self.last_share(),
                _ => 1.0,
            };
            self.seen.decided = Some(Decided {
                at: self.now,
                exposed: self.seen.exposed,
                bad: self.seen.bad,
                share,
                canary_requests: evaluation.canary_requests,
                guardrail: evaluation.guardrails.iter().find(degraded).map(|(name, _)| name.clone()),
            });
        }
    }

    /// The share that the canary had before it was rolled back: of the furthest stage.
    fn last_share(&self) -> f64 {
        let passed = self.engine.as_ref().map_or(0, |engine| engine.rollout().stages_passed());
        self.of.plan.stages().get(passed).map_or(1.0, Stage::weight)
    }

    fn has_ended(&self) -> bool {
        let Some(engine) = &self.engine else { return false };
        engine.outcome().is_some() || engine.rollout().paused().is_some()
    }

    fn report(self) -> Run {
        let outcome = self.engine.as_ref().and_then(Engine::outcome);
        let paused = self.engine.as_ref().and_then(|engine| engine.rollout().paused());
        let ending = match (outcome.map(|outcome| outcome.status), paused) {
            (Some(Status::Completed), _) => Ending::Promoted,
            (Some(Status::RolledBack | Status::Aborted), _) => Ending::RolledBack,
            (Some(Status::Failed), _) => Ending::Failed,
            (None, Some(_)) => Ending::Waiting,
            (None, None) => Ending::Unfinished,
        };
        let reason = outcome.map(|outcome| outcome.reason.clone()).or(paused.map(str::to_owned)).unwrap_or_default();
        let decided = self.seen.decided.unwrap_or_else(|| Decided {
            at: self.now,
            exposed: self.seen.exposed,
            bad: self.seen.bad,
            share: 0.0,
            canary_requests: self.engine.as_ref().map_or(0, |engine| engine.evaluation().canary_requests),
            guardrail: None,
        });
        Run {
            ending,
            reason,
            guardrail: decided.guardrail,
            canary_requests: decided.canary_requests,
            seconds: decided.at - self.seen.began.unwrap_or(decided.at),
            share: decided.share,
            exposed: decided.exposed,
            bad: decided.bad,
            requests: self.seen.requests,
            misrouted: self.seen.misrouted,
            retried: self.seen.retried,
            died_in_crashes: self.seen.died,
        }
    }
}

/// The kind of a prompt, and what its times and its failures are multiplied by.
fn kind(of: &Simulation, is_canary: bool, rng: &mut impl Rng) -> (Option<u8>, (f64, f64)) {
    let kinds = &of.traffic.kinds;
    if kinds.is_empty() {
        return (None, (1.0, 1.0));
    }
    let share = |kind: &PromptKind| if is_canary { kind.canary_share } else { kind.share };
    let mut left = rng.random::<f64>() * kinds.iter().map(share).sum::<f64>();
    for (label, kind) in (0u8..).zip(kinds) {
        left -= share(kind);
        if left < 0.0 {
            return (Some(label), (kind.slower, kind.fails_more));
        }
    }
    (None, (1.0, 1.0))
}

fn timestamp(seconds: f64) -> Timestamp {
    Timestamp::from(Duration::from_secs_f64((EPOCH + seconds).max(0.0)))
}
