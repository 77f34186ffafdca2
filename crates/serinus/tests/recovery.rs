//! A driver that dies, and another that goes on from the journal.

use std::sync::Arc;
use std::time::Duration;

use serinus::clock::{ManualClock, Timestamp};
use serinus::deploy::{DeployError, Engine, Surroundings, Work};
use serinus::evaluate::{CanaryEvaluator, SequentialEvaluator};
use serinus::host::{Answer, Generate, HostError, MemoryHost, ModelHost, Prompt};
use serinus::journal::{Journal, MemoryJournal};
use serinus::judge::{Judge, JudgeError, Preference, Reviewer, Score};
use serinus::model::{ModelVersion, VersionId};
use serinus::observe::Outcome as Ended;
use serinus::plan::{Fleet, RiskPlanner, Shadow, UpdatePlan, UpdatePlanner};
use serinus::rollout::{Command, Decision, Input, Phase, Rollout, RolloutPolicy, StageView, Status};
use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};

struct World {
    plan: Arc<UpdatePlan>,
    host: MemoryHost,
    journal: Arc<MemoryJournal>,
    clock: Arc<ManualClock>,
    splitter: Arc<HashSplitter>,
    reviewer: Option<Arc<Reviewer>>,
    engine: Engine,
    work: Vec<Work>,
    requests: u32,
}

/// Tells nothing apart.
#[derive(Debug)]
struct Shrugs;

impl Judge for Shrugs {
    fn score(&self, _: &Prompt, _: &Answer) -> Result<Score, JudgeError> {
        Ok(Score { quality: 0.5, passed: Some(true) })
    }
    fn prefer(&self, _: &Prompt, _: &Answer, _: &Answer) -> Result<Preference, JudgeError> {
        Ok(Preference::Neither)
    }
}

impl Generate for Shrugs {
    fn generate(&self, version: &VersionId, _: &Prompt) -> Result<Answer, HostError> {
        Ok(Answer::new(format!("{version} speaking")))
    }
}

/// A reviewer of a process that has just begun.
fn reviewer(clock: &Arc<ManualClock>) -> Arc<Reviewer> {
    let builder = Reviewer::builder().judge(Arc::new(Shrugs)).replays(Arc::new(Shrugs)).workers(0);
    Arc::new(builder.clock(Arc::clone(clock) as _).build().unwrap())
}

impl World {
    fn new() -> Self {
        Self::with_plan(|plan| plan)
    }

    fn with_plan(change: impl FnOnce(UpdatePlan) -> UpdatePlan) -> Self {
        let model = ModelVersion::builder("chat", "v1").base_model("llama-8b").weight_hash("aa").gpu_memory_gb(16.0);
        let v1 = model.build().unwrap();
        let v2 = v1.to_builder().version("v2").weight_hash("bb").build().unwrap();
        let fleet = Fleet::new(4, 24.0).unwrap().with_spare_replicas(4);
        let plan = RiskPlanner::default().plan(&v1, &v2, &fleet).unwrap();
        let (journal, clock) = (Arc::new(MemoryJournal::default()), Arc::new(ManualClock::new(Timestamp::ZERO)));
        let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(v1.version())));
        let with = Surroundings::new(Arc::clone(&splitter) as _, Arc::clone(&clock) as _, Arc::clone(&journal) as _);
        let plan = Arc::new(change(plan));
        let reviewer = plan.shadow().map(|_| reviewer(&clock));
        let with = reviewer.iter().cloned().fold(with, Surroundings::with_reviewer);
        let rollout = Rollout::new("r", Arc::clone(&plan));
        let mut engine = Engine::begin(with, rollout, evaluator(&plan).unwrap()).unwrap();
        let work = engine.give(Input::Start);
        let host = MemoryHost::serving(fleet, &v1);
        Self { plan, host, journal, clock, splitter, reviewer, engine, work, requests: 0 }
    }

    /// One step of the driver.
    fn step(&mut self) {
        for work in std::mem::take(&mut self.work) {
            let answer = match work {
                Work::Host { call, what } => Input::Reply { call, result: what.make(&self.host) },
                Work::Drain { call, .. } => Input::Drained { call },
                Work::Alert(_) => continue,
            };
            self.work.extend(self.engine.give(answer));
        }
        for _ in 0..40 {
            self.requests += 1;
            let key = format!("user-{}", self.requests);
            let lease = self.splitter.route(&Request::new().sticky_key(key.as_str()));
            let loaded = self.host.replicas(lease.version());
            assert!(loaded > 0, "{} is routed to and not loaded in {}", lease.version(), self.engine.rollout().phase());
            let ticket = self.reviewer.as_ref().and_then(|reviewer| reviewer.ticket(&lease, &key));
            let answer = Answer::new(lease.version().as_str());
            lease.finish(Ended::ok().latency_ms(800.0).passed(!self.requests.is_multiple_of(50)));
            if let Some(ticket) = ticket {
                ticket.submit(Prompt::new("Who is there?"), answer);
            }
        }
        if let Some(reviewer) = &self.reviewer {
            reviewer.work_off();
        }
        self.clock.advance(Duration::from_secs(10));
        let work = self.engine.tick();
        self.work.extend(work);
    }

    /// The process dies with its router and its open calls, and begins anew; its host dies with it or not.
    fn crash(&mut self, host_too: bool) {
        if host_too {
            let replicas = self.host.replicas(self.plan.current().version());
            let fleet = self.plan.fleet().clone();
            self.host = MemoryHost::new(fleet);
            self.host.load(self.plan.current(), replicas.max(1)).unwrap();
        }
        self.splitter = Arc::new(HashSplitter::new("chat", &Weights::all(self.plan.current().version())));
        let splitter = Arc::clone(&self.splitter) as _;
        let with = Surroundings::new(splitter, Arc::clone(&self.clock) as _, Arc::clone(&self.journal) as _);
        self.reviewer = self.plan.shadow().map(|_| reviewer(&self.clock));
        let with = self.reviewer.iter().cloned().fold(with, Surroundings::with_reviewer);
        (self.engine, self.work) = Engine::recover(with, "r", made).unwrap();
    }

    fn run_until(&mut self, done: impl Fn(Phase) -> bool) {
        for _ in 0..20_000 {
            if done(self.engine.rollout().phase()) {
                return;
            }
            self.step();
        }
        panic!("it stays in {}", self.engine.rollout().phase());
    }
}

fn evaluator(plan: &UpdatePlan) -> Result<Box<dyn CanaryEvaluator>, DeployError> {
    Ok(Box::new(SequentialEvaluator::for_plan(plan).build()?))
}

fn made(rollout: Rollout) -> Result<(Rollout, Box<dyn CanaryEvaluator>), DeployError> {
    let evaluator = evaluator(rollout.plan())?;
    Ok((rollout, evaluator))
}

#[test]
fn a_policy_of_ones_own_is_kept_over_a_crash() {
    #[derive(Debug)]
    struct Never;
    impl RolloutPolicy for Never {
        fn decide(&self, _: &StageView<'_>) -> Decision {
            Decision::Pause { reason: "never".into() }
        }
    }
    let mut world = World::new();
    world.run_until(|now| now == Phase::Stage(0));
    let with = Surroundings::new(
        Arc::clone(&world.splitter) as _,
        Arc::clone(&world.clock) as _,
        Arc::clone(&world.journal) as _,
    );
    let with_policy = |rollout: Rollout| made(rollout.with_policy(Arc::new(Never)));
    (world.engine, world.work) = Engine::recover(with, "r", with_policy).unwrap();
    world.run_until(|now| now == Phase::Stage(0));
    world.step();
    assert_eq!(world.engine.rollout().paused(), Some("never"));
}

#[test]
fn a_crash_in_any_phase_ends_as_the_rollout_would_have() {
    let phases = [Phase::Loading, Phase::Stage(0), Phase::Stage(2), Phase::Baking];
    for (phase, host_too) in phases.into_iter().flat_map(|phase| [(phase, false), (phase, true)]) {
        if phase == Phase::Baking && host_too {
            continue; // then nothing serves at all: not for a rollout to mend
        }
        let mut world = World::new();
        world.run_until(|now| now == phase);
        world.step();
        world.crash(host_too);
        assert!(world.engine.outcome().is_none());
        world.run_until(Phase::is_final);
        let outcome = world.engine.outcome().unwrap().clone();
        assert_eq!(outcome.status, Status::Completed, "{phase} {host_too}: {}", outcome.reason);
        assert_eq!(world.splitter.table().weights(), &Weights::all(world.plan.target().version()));
    }
}

#[test]
fn a_crash_on_the_way_out_is_taken_up_again() {
    for phase in [Phase::RollingBack, Phase::Retiring] {
        let mut world = World::new();
        if phase == Phase::RollingBack {
            world.run_until(|now| now == Phase::Stage(1));
            world.step();
            world.work = world.engine.command(Command::Abort { reason: "enough".into() }).unwrap();
        } else {
            world.run_until(|now| now == Phase::Baking);
            world.work = world.engine.command(Command::EndBake).unwrap();
        }
        assert_eq!(world.engine.rollout().phase(), phase);
        world.crash(false);
        world.run_until(Phase::is_final);
        let (expected, stays) = match phase {
            Phase::RollingBack => (Status::Aborted, world.plan.current()),
            _ => (Status::Completed, world.plan.target()),
        };
        assert_eq!(world.engine.outcome().unwrap().status, expected);
        assert_eq!(world.splitter.table().weights(), &Weights::all(stays.version()));
        let gone = if phase == Phase::RollingBack { world.plan.target() } else { world.plan.current() };
        assert_eq!(world.host.replicas(gone.version()), 0);
    }
}

#[test]
fn the_journal_goes_on_where_it_stopped_and_an_unknown_rollout_is_an_error() {
    let mut world = World::new();
    world.run_until(|now| now == Phase::Stage(0));
    let before = world.journal.entries("r").unwrap().len() as u64;
    world.crash(false);
    let entries = world.journal.entries("r").unwrap();
    assert!(entries.len() as u64 > before);
    assert!(entries.iter().enumerate().all(|(place, entry)| entry.sequence == place as u64));
    let with = Surroundings::new(Arc::clone(&world.splitter) as _, world.clock, world.journal);
    let unknown = Engine::recover(with, "another", made).unwrap_err();
    assert!(unknown.to_string().contains("another"), "{unknown}");
}

#[test]
fn a_crash_in_the_shadow_begins_the_shadow_again() {
    let shadow = Shadow::new(Duration::from_secs(600), 100);
    for host_too in [false, true] {
        let mut world = World::with_plan(|plan| plan.with_shadow(Some(shadow)).unwrap());
        world.run_until(|now| now == Phase::Shadow);
        for _ in 0..10 {
            world.step();
        }
        assert!(world.engine.evaluation().pairs > 0);
        world.crash(host_too);
        world.run_until(|now| now == Phase::Shadow);
        let met = world.splitter.stats().versions.get(world.plan.target().version()).map_or(0, |version| version.count);
        assert_eq!(met, 0, "nobody has met it");
        world.run_until(|now| now == Phase::Stage(0));
        assert!(world.engine.evaluation().pairs >= 100, "the evidence of the process that died is not in the journal");
        world.run_until(Phase::is_final);
        assert_eq!(world.engine.outcome().unwrap().status, Status::Completed);
    }
}
