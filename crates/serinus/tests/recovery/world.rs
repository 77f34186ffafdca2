//! A service with a rollout, whose process can die and begin anew.

use std::sync::Arc;
use std::time::Duration;

use serinus::clock::{ManualClock, Timestamp};
use serinus::deploy::{DeployError, Engine, Surroundings, Work};
use serinus::evaluate::{CanaryEvaluator, SequentialEvaluator};
use serinus::host::{Answer, Generate, HostError, MemoryHost, ModelHost, Prompt};
use serinus::journal::{History, MemoryJournal};
use serinus::judge::{Judge, JudgeError, Preference, Reviewer, Score};
use serinus::model::{ModelVersion, VersionId};
use serinus::observe::Outcome as Ended;
use serinus::plan::{Fleet, RiskPlanner, UpdatePlan, UpdatePlanner};
use serinus::rollout::{Input, Phase, Rollout};
use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};

pub(crate) struct World {
    pub(crate) plan: Arc<UpdatePlan>,
    pub(crate) host: MemoryHost,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) splitter: Arc<HashSplitter>,
    reviewer: Option<Arc<Reviewer>>,
    pub(crate) engine: Engine,
    pub(crate) work: Vec<Work>,
    requests: u32,
    /// Requests in each step of ten seconds.
    pub(crate) rate: u32,
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
    pub(crate) fn new() -> Self {
        Self::with_plan(|plan| plan)
    }

    pub(crate) fn with_plan(change: impl FnOnce(UpdatePlan) -> UpdatePlan) -> Self {
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
        Self { plan, host, journal, clock, splitter, reviewer, engine, work, requests: 0, rate: 40 }
    }

    /// One step of the driver.
    pub(crate) fn step(&mut self) {
        for work in std::mem::take(&mut self.work) {
            let answer = match work {
                Work::Host { call, what } => Input::Reply { call, result: what.make(&self.host) },
                Work::Drain { call, .. } => Input::Drained { call },
                Work::Alert(_) => continue,
            };
            self.work.extend(self.engine.give(answer));
        }
        for _ in 0..self.rate {
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
    pub(crate) fn crash(&mut self, host_too: bool) {
        let serving = History::of(&*self.journal, "r").unwrap().unwrap().serving;
        if host_too {
            let replicas = self.host.replicas(&serving);
            let fleet = self.plan.fleet().clone();
            self.host = MemoryHost::new(fleet);
            let models = [self.plan.current(), self.plan.target()];
            let model = models.into_iter().find(|model| *model.version() == serving).unwrap();
            self.host.load(model, replicas.max(1)).unwrap();
        }
        let with = self.begin_on(&serving);
        self.reviewer = self.plan.shadow().map(|_| reviewer(&self.clock));
        let with = self.reviewer.iter().cloned().fold(with, Surroundings::with_reviewer);
        (self.engine, self.work) = Engine::recover(with, "r", made).unwrap();
    }

    /// The surroundings of a process that begins with all traffic on this version.
    pub(crate) fn begin_on(&mut self, version: &VersionId) -> Surroundings {
        self.splitter = Arc::new(HashSplitter::new("chat", &Weights::all(version)));
        let splitter = Arc::clone(&self.splitter) as _;
        Surroundings::new(splitter, Arc::clone(&self.clock) as _, Arc::clone(&self.journal) as _)
    }

    pub(crate) fn run_until(&mut self, done: impl Fn(Phase) -> bool) {
        for _ in 0..20_000 {
            if done(self.engine.rollout().phase()) {
                return;
            }
            self.step();
        }
        panic!("it stays in {}", self.engine.rollout().phase());
    }
}

pub(crate) fn evaluator(plan: &UpdatePlan) -> Result<Box<dyn CanaryEvaluator>, DeployError> {
    Ok(Box::new(SequentialEvaluator::for_plan(plan).build()?))
}

pub(crate) fn made(rollout: Rollout) -> Result<(Rollout, Box<dyn CanaryEvaluator>), DeployError> {
    let evaluator = evaluator(rollout.plan())?;
    Ok((rollout, evaluator))
}
