//! The driver on tokio.
#![cfg(feature = "tokio")]

use std::sync::Arc;
use std::time::Duration;

use serinus::deploy::{AsyncDeployment, AsyncModelHost, HostFuture};
use serinus::host::{Fault, HostError, MemoryHost, ModelHost, Operation};
use serinus::model::{Fingerprint, ModelVersion, VersionId};
use serinus::plan::{Fleet, RiskPlanner, UpdatePlan, UpdatePlanner};
use serinus::rollout::{Phase, Status};
use serinus::route::{HashSplitter, TrafficSplitter, Weights};

#[derive(Debug)]
struct Host(MemoryHost);

impl AsyncModelHost for Host {
    fn fleet(&self) -> HostFuture<'_, Fleet> {
        Box::pin(async { self.0.fleet() })
    }
    fn load<'a>(&'a self, version: &'a ModelVersion, replicas: u32) -> HostFuture<'a, ()> {
        Box::pin(async move { self.0.load(version, replicas) })
    }
    fn warm_up<'a>(&'a self, version: &'a VersionId, tokens: u32) -> HostFuture<'a, ()> {
        Box::pin(async move { self.0.warm_up(version, tokens) })
    }
    fn verify<'a>(&'a self, version: &'a VersionId) -> HostFuture<'a, Option<Fingerprint>> {
        Box::pin(async move { self.0.verify(version) })
    }
    fn cancel_in_flight<'a>(&'a self, version: &'a VersionId) -> HostFuture<'a, u64> {
        Box::pin(async move { self.0.cancel_in_flight(version) })
    }
    fn unload<'a>(&'a self, version: &'a VersionId, keep: u32) -> HostFuture<'a, ()> {
        Box::pin(async move { self.0.unload(version, keep) })
    }
}

fn model(version: &str, hash: &str) -> ModelVersion {
    let builder = ModelVersion::builder("chat", version).base_model("llama-8b").weight_hash(hash);
    builder.gpu_memory_gb(16.0).build().unwrap()
}

fn setting(hash: &str) -> (UpdatePlan, Arc<Host>, Arc<HashSplitter>) {
    let fleet = Fleet::new(5, 24.0).unwrap();
    let (v1, v2) = (model("v1", "aa"), model("v2", hash));
    let plan = RiskPlanner::default().plan(&v1, &v2, &fleet).unwrap();
    let host = Arc::new(Host(MemoryHost::serving(fleet, &v1)));
    (plan, host, Arc::new(HashSplitter::new("chat", &Weights::all(v1.version()))))
}

fn build(plan: UpdatePlan, host: &Arc<Host>, splitter: &Arc<HashSplitter>) -> AsyncDeployment {
    let builder = AsyncDeployment::builder(plan, Arc::clone(host) as _, Arc::clone(splitter) as _);
    builder.tick(Duration::from_millis(2)).build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_update_goes_through() {
    let (plan, host, splitter) = setting("aa");
    let deployment = build(plan, &host, &splitter);
    let mut events = deployment.events();
    let outcome = deployment.run().await.unwrap();
    assert_eq!((outcome.status, outcome.serving.as_str()), (Status::Completed, "v2"));
    let mut seen = 0;
    while events.next_async().await.is_some() {
        seen += 1;
    }
    assert!(seen > 5, "{seen} events");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_fails_is_rolled_back() {
    let (plan, host, splitter) = setting("bb");
    host.0.inject(Operation::Load, Fault::Error(HostError::permanent("broken")));
    let outcome = build(plan, &host, &splitter).run().await.unwrap();
    assert_eq!((outcome.status, outcome.serving.as_str()), (Status::RolledBack, "v1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_future_leaves_no_canary_with_traffic() {
    let (plan, host, splitter) = setting("bb");
    let deployment = build(plan, &host, &splitter);
    let controls = deployment.controls();
    let running = tokio::spawn(deployment.run());
    let reached = async {
        while controls.phase() != Phase::Stage(0) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reached).await.expect("the first stage is reached");
    let canary = VersionId::new("v2").unwrap();
    assert!(splitter.table().weights().of(&canary) > 0.0);
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert_eq!(splitter.table().weights().of(&canary), 0.0);
}
