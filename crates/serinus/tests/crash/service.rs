//! The process that dies: a service with a rollout, begun or gone on with.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serinus::clock::{ManualClock, Timestamp};
use serinus::deploy::{DeployError, Engine, Surroundings, Work};
use serinus::evaluate::{CanaryEvaluator, SequentialEvaluator};
use serinus::journal::{Entry, History, Journal, JournalError, RedbJournal, Snapshot};
use serinus::model::ModelVersion;
use serinus::observe::Outcome as Ended;
use serinus::plan::{Fleet, RiskPlanner, Stage, UpdatePlan, UpdatePlanner};
use serinus::rollout::{Input, Rollout};
use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};

use crate::host::FileHost;

/// What a process is to do, and when it is to die.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Orders {
    pub(crate) folder: PathBuf,
    /// Whether the new version fails a third of its requests.
    pub(crate) bad: bool,
    /// The write of the journal, counted from 1, at which it dies; 0: never.
    pub(crate) dies_at: usize,
    /// Whether it dies before that write or after it.
    pub(crate) before: bool,
}

pub(crate) fn fleet() -> Fleet {
    Fleet::new(4, 24.0).unwrap().with_spare_replicas(2)
}

pub(crate) fn models() -> (ModelVersion, ModelVersion) {
    let v1 = ModelVersion::builder("chat", "v1").base_model("llama-8b").weight_hash("aa").gpu_memory_gb(16.0);
    let v1 = v1.warmup_tokens(8).build().unwrap();
    let v2 = v1.to_builder().version("v2").weight_hash("bb").build().unwrap();
    (v1, v2)
}

/// A canary of three stages in two minutes each, with replicas exchanged on the way.
pub(crate) fn plan() -> UpdatePlan {
    let (v1, v2) = models();
    let plan = RiskPlanner::default().plan(&v1, &v2, &fleet()).unwrap();
    let short = |stage: &Stage| Stage::new(stage.weight(), Duration::from_secs(120), 150, stage.allocation());
    let stages = plan.stages().iter().map(short).collect();
    plan.with_stages(stages).unwrap().with_bake(Duration::from_secs(150)).unwrap()
}

pub(crate) fn journal_at(folder: &Path) -> PathBuf {
    folder.join("journal")
}

pub(crate) fn host_at(folder: &Path) -> FileHost {
    FileHost::at(folder.join("host"), fleet(), &models().0)
}

/// A journal at one of whose writes the process dies.
struct Deadly {
    journal: RedbJournal,
    orders: Orders,
    writes: AtomicUsize,
}

impl Deadly {
    fn around<T>(&self, write: impl FnOnce(&RedbJournal) -> T) -> T {
        let dies = self.writes.fetch_add(1, Ordering::SeqCst) + 1 == self.orders.dies_at;
        if dies && self.orders.before {
            process::abort();
        }
        let written = write(&self.journal);
        if dies {
            process::abort();
        }
        written
    }
}

impl fmt::Debug for Deadly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.journal.fmt(f)
    }
}

impl Journal for Deadly {
    fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        self.around(|journal| journal.append(entry))
    }
    fn rollouts(&self) -> Result<Vec<String>, JournalError> {
        self.journal.rollouts()
    }
    fn entries(&self, rollout: &str) -> Result<Vec<Entry>, JournalError> {
        self.journal.entries(rollout)
    }
    fn keep(&self, snapshot: &Snapshot) -> Result<(), JournalError> {
        self.around(|journal| journal.keep(snapshot))
    }
    fn snapshot(&self, rollout: &str) -> Result<Option<Snapshot>, JournalError> {
        self.journal.snapshot(rollout)
    }
}

fn evaluator(plan: &UpdatePlan) -> Result<Box<dyn CanaryEvaluator>, DeployError> {
    Ok(Box::new(SequentialEvaluator::for_plan(plan).build()?))
}

/// Runs the service in virtual time until its rollout has ended, or the process has.
pub(crate) fn serve(orders: Orders) {
    let (v1, v2) = models();
    let host = host_at(&orders.folder);
    let bad = orders.bad;
    let journal = RedbJournal::open(journal_at(&orders.folder)).unwrap();
    let last = History::last(&journal).unwrap();
    let serving = last.as_ref().map_or(v1.version(), |last| &last.serving);
    assert!(host.books().of(serving) > 0, "{serving} is not loaded");
    let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(serving)));
    let begins = last.as_ref().map_or(1_000_000, |last| last.last_entry_at.as_nanos() / 1_000_000_000 + 1_000);
    let clock = Arc::new(ManualClock::new(Timestamp::from(Duration::from_secs(begins))));
    let journal = Arc::new(Deadly { journal, orders, writes: AtomicUsize::new(0) });
    let with = Surroundings::new(Arc::clone(&splitter) as _, Arc::clone(&clock) as _, journal);
    let (mut engine, mut work) = match last {
        Some(last) if last.is_unfinished() => {
            let made = |rollout: Rollout| evaluator(rollout.plan()).map(|evaluator| (rollout, evaluator));
            Engine::recover(with, &last.rollout, made).unwrap()
        }
        Some(_) => return,
        None => {
            let plan = Arc::new(plan());
            let evaluator = evaluator(&plan).unwrap();
            let mut engine = Engine::begin(with, Rollout::new("r", plan), evaluator).unwrap();
            let work = engine.give(Input::Start);
            (engine, work)
        }
    };
    // Users of another time are other users.
    let mut requests = begins * 20;
    while engine.outcome().is_none() {
        for next in std::mem::take(&mut work) {
            let answer = match next {
                Work::Host { call, what } => Input::Reply { call, result: what.make(&host) },
                Work::Drain { call, .. } => Input::Drained { call },
                Work::Alert(_) => continue,
            };
            work.extend(engine.give(answer));
        }
        let books = host.books();
        for _ in 0..200 {
            requests += 1;
            let key = format!("user-{requests}");
            let lease = splitter.route(&Request::new().sticky_key(key.as_str()));
            assert!(books.of(lease.version()) > 0, "{} is routed to and not loaded", lease.version());
            let fails =
                requests.is_multiple_of(50) || bad && lease.version() == v2.version() && requests.is_multiple_of(3);
            lease.finish(if fails { Ended::error() } else { Ended::ok().latency_ms(800.0) });
        }
        clock.advance(Duration::from_secs(10));
        work.extend(engine.tick());
    }
}
