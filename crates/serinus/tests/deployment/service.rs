//! A server in service, with a plan for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serinus::deploy::{Controls, Deployment, DeploymentBuilder};
use serinus::host::{MemoryHost, ModelHost};
use serinus::journal::{Journal, MemoryJournal};
use serinus::model::{ModelVersion, VersionId};
use serinus::observe::Outcome as Ended;
use serinus::plan::{Allocation, Deadlines, Fleet, RiskPlanner, Stage, UpdatePlan, UpdatePlanner};
use serinus::rollout::{Outcome, Phase};
use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};

pub(crate) fn model(version: &str, hash: &str) -> ModelVersion {
    let builder = ModelVersion::builder("chat", version).base_model("llama-8b").weight_hash(hash);
    builder.gpu_memory_gb(16.0).warmup_tokens(8).build().unwrap()
}

pub(crate) fn fleet() -> Fleet {
    Fleet::new(4, 24.0).unwrap().with_spare_replicas(4)
}

/// A canary of two short stages with an error margin that a few hundred requests can prove.
pub(crate) fn plan_from(from: &ModelVersion, to: &ModelVersion) -> UpdatePlan {
    let stages = [0.2, 0.5].map(|weight| {
        let replicas = Allocation { stable: 4, canary: 2, weight };
        Stage::new(weight, Duration::from_millis(30), 200, replicas)
    });
    let patience = Duration::from_secs(3);
    let deadlines = Deadlines { load: patience, warm_up: patience, verify: patience, unload: patience };
    let plan = RiskPlanner::default().plan(from, to, &fleet()).unwrap();
    let plan = plan.with_stages(stages.to_vec()).unwrap().with_bake(Duration::from_millis(50)).unwrap();
    plan.with_deadlines(deadlines).unwrap().with_drain_timeout(Duration::from_millis(100))
}

pub(crate) fn plan() -> UpdatePlan {
    plan_from(&model("v1", "aa"), &model("v2", "bb"))
}

/// A plan that stays in its first stage.
pub(crate) fn long_plan() -> UpdatePlan {
    plan().with_holds_scaled(1e4).unwrap()
}

/// A server in service: requests keep coming, and one version can be told to fail a third of them.
pub(crate) struct Service {
    pub(crate) fails: Arc<AtomicBool>,
    pub(crate) host: Arc<MemoryHost>,
    pub(crate) splitter: Arc<HashSplitter>,
    pub(crate) journal: Arc<MemoryJournal>,
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU32>,
    users: Option<thread::JoinHandle<()>>,
}

impl Service {
    pub(crate) fn start(failing: &'static str) -> Self {
        let v1 = model("v1", "aa");
        let host = Arc::new(MemoryHost::serving(fleet(), &v1));
        let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(v1.version())));
        let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let fails = Arc::new(AtomicBool::new(true));
        let users = {
            let (host, splitter) = (Arc::clone(&host), Arc::clone(&splitter));
            let (stop, served, fails) = (Arc::clone(&stop), Arc::clone(&served), Arc::clone(&fails));
            thread::spawn(move || {
                let mut n = 0u32;
                while !stop.load(Ordering::Relaxed) {
                    for _ in 0..20 {
                        n += 1;
                        let key = format!("user-{}", n.wrapping_mul(2_654_435_761));
                        let lease = splitter.route(&Request::new().sticky_key(key.as_str()));
                        assert!(host.replicas(lease.version()) > 0, "{} is routed to, not loaded", lease.version());
                        let is_bad = lease.version().as_str() == failing && fails.load(Ordering::Relaxed);
                        lease.finish(if is_bad && n.is_multiple_of(3) {
                            Ended::error()
                        } else {
                            Ended::ok().latency_ms(10.0)
                        });
                        served.fetch_add(1, Ordering::Relaxed);
                    }
                    thread::sleep(Duration::from_micros(500));
                }
            })
        };
        Self { fails, host, splitter, journal: Arc::default(), stop, served, users: Some(users) }
    }

    pub(crate) fn deployment(&self, plan: UpdatePlan) -> DeploymentBuilder<Arc<dyn ModelHost>> {
        let (host, splitter) = (Arc::clone(&self.host), Arc::clone(&self.splitter));
        let builder = Deployment::builder(plan, host, splitter).tick(Duration::from_millis(5));
        builder.journal(Arc::clone(&self.journal) as Arc<dyn Journal>)
    }

    pub(crate) fn run(&self) -> Outcome {
        self.deployment(plan()).build().unwrap().run().unwrap()
    }

    /// Only the old version is left, at full strength, and it serves.
    pub(crate) fn assert_old_version_serves(&self) {
        let (v1, v2) = (id("v1"), id("v2"));
        assert_eq!(self.splitter.table().weights(), &Weights::all(&v1));
        assert!(!self.splitter.table().serves(&v2));
        assert_eq!((self.host.replicas(&v1), self.host.replicas(&v2)), (4, 0), "{:?}", self.host.calls());
        let before = self.served.load(Ordering::Relaxed);
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.served.load(Ordering::Relaxed) <= before {
            assert!(Instant::now() < deadline, "nobody is served any more");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(users) = self.users.take() {
            let served = users.join();
            assert!(served.is_ok() || thread::panicking(), "a request failed");
        }
    }
}

pub(crate) fn id(name: &str) -> VersionId {
    VersionId::new(name).unwrap()
}

pub(crate) fn wait_for(controls: &Controls, reached: impl Fn(Phase) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !reached(controls.phase()) {
        assert!(Instant::now() < deadline, "still {}", controls.phase());
        thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn wait_until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "it did not {what}");
        thread::sleep(Duration::from_millis(1));
    }
}
