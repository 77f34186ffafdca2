//! What a rollout on one machine spends on its journal.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use parking_lot::Mutex;
use serinus::deploy::Deployment;
use serinus::host::MemoryHost;
use serinus::journal::{Entry, Journal, JournalError, RedbJournal, Snapshot};
use serinus::model::ModelVersion;
use serinus::observe::Outcome;
use serinus::plan::{Fleet, RiskPlanner, Stage, UpdatePlanner};
use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};

/// A journal that is timed.
#[derive(Debug)]
struct Timed {
    journal: RedbJournal,
    took: Mutex<Vec<Duration>>,
}

impl Timed {
    fn time<T>(&self, work: impl FnOnce(&RedbJournal) -> T) -> T {
        let begun = Instant::now();
        let done = work(&self.journal);
        self.took.lock().push(begun.elapsed());
        done
    }
}

impl Journal for Timed {
    fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        self.time(|journal| journal.append(entry))
    }

    fn rollouts(&self) -> Result<Vec<String>, JournalError> {
        self.journal.rollouts()
    }

    fn entries(&self, rollout: &str) -> Result<Vec<Entry>, JournalError> {
        self.journal.entries(rollout)
    }

    fn keep(&self, snapshot: &Snapshot) -> Result<(), JournalError> {
        self.time(|journal| journal.keep(snapshot))
    }

    fn snapshot(&self, rollout: &str) -> Result<Option<Snapshot>, JournalError> {
        self.journal.snapshot(rollout)
    }
}

/// A canary of three stages of 10 s each, which is three thousand times shorter than planned, under a thousand requests a second.
pub(crate) fn run(directory: &Path) -> Result<()> {
    let v1 =
        ModelVersion::builder("chat", "v1").base_model("llama-8b").weight_hash("aa").gpu_memory_gb(16.0).build()?;
    let v2 = v1.to_builder().version("v2").weight_hash("bb").build()?;
    let fleet = Fleet::new(10, 40.0)?;
    let plan = RiskPlanner::default().plan(&v1, &v2, &fleet)?;
    let hold = Duration::from_secs(10);
    let stages = plan.stages().iter().map(|stage| Stage::new(stage.weight(), hold, 500, stage.allocation())).collect();
    let plan = plan.with_stages(stages)?.with_bake(hold)?;
    let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(v1.version())));
    let journal =
        Arc::new(Timed { journal: RedbJournal::open(directory.join("rollouts.redb"))?, took: Mutex::default() });
    let deployment = Deployment::builder(plan, Arc::new(MemoryHost::serving(fleet, &v1)), splitter.clone())
        .journal(journal.clone())
        .tick(Duration::from_millis(100))
        .build()?;
    let driver = std::thread::spawn(move || deployment.run());
    let begun = Instant::now();
    let mut requests = 0_u64;
    while !driver.is_finished() {
        requests += 1;
        let user = format!("user-{}", requests % 20_000);
        splitter.route(&Request::new().sticky_key(user.as_str())).finish(Outcome::ok().latency_ms(800.0).ttft_ms(90.0));
        std::thread::sleep(Duration::from_millis(1));
    }
    let outcome = driver.join().map_err(|_| anyhow::anyhow!("the driver panicked"))??;
    let mut took = journal.took.lock().clone();
    took.sort();
    let (all, sum) = (begun.elapsed(), took.iter().sum::<Duration>());
    println!("{:?} after {:.1} s and {requests} requests", outcome.status, all.as_secs_f64());
    let (median, most) =
        (took.get(took.len() / 2).copied().unwrap_or_default(), took.last().copied().unwrap_or_default());
    println!("{} writes, each synced: median {median:.2?}, greatest {most:.2?}", took.len());
    println!("in all {sum:.2?}: {:.3}% of the rollout's time", 100.0 * sum.as_secs_f64() / all.as_secs_f64());
    Ok(())
}
