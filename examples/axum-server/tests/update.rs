//! Updates of the running server, under a real load.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum_server::engine::{Engine, EngineOptions};
use axum_server::host::EngineHost;
use axum_server::load::{Load, LoadOptions};
use axum_server::server::{MODEL, Server};
use axum_server::task::Task;
use serinus::deploy::{Deployment, What};
use serinus::host::conformance;
use serinus::model::VersionId;
use serinus::plan::{Fleet, Margins, RiskPlanner, UpdatePlan, UpdatePlanner};
use serinus::rollback::{RollbackOrchestrator, RollbackStep, StepTaken};
use serinus::rollout::{Phase, Progress, Status};
use serinus::route::{HashSplitter, Reason, TrafficSplitter, Weights};
use tokio::net::TcpListener;

const REPLICAS: u32 = 2;

fn id(version: &str) -> VersionId {
    VersionId::new(version).unwrap()
}

fn host() -> (Engine, EngineHost) {
    let engine = Engine::new(EngineOptions { slots: REPLICAS + 1, ..EngineOptions::default() });
    let checkpoints = Path::new(env!("CARGO_MANIFEST_DIR")).join("checkpoints");
    (engine.clone(), EngineHost::new(engine, checkpoints, REPLICAS))
}

fn plan(host: &EngineHost) -> UpdatePlan {
    let fleet = Fleet::new(REPLICAS, EngineOptions::default().slot_memory_gb).unwrap().with_spare_replicas(1);
    let describe = |version| host.describe(&id(version)).unwrap();
    // With every queue full, how long an answer takes says nothing of its version.
    let margins = Margins { p99_latency_increase: 30.0, ..Margins::default() };
    RiskPlanner::default().with_margins(margins).plan(&describe("v1"), &describe("v2"), &fleet).unwrap()
}

#[test]
fn the_engine_is_a_host_as_the_contract_asks() {
    let (_, host) = host();
    let describe = |version| host.describe(&id(version)).unwrap();
    conformance::check(&host, &describe("v1"), &describe("v2")).unwrap();
}

/// Leaves without waiting for anybody.
#[derive(Debug)]
struct CutOff;

impl RollbackOrchestrator for CutOff {
    fn next_step(&self, taken: &[StepTaken]) -> Option<RollbackStep> {
        let grace = Duration::from_secs(30);
        let steps =
            [RollbackStep::ShiftTraffic, RollbackStep::Cancel { grace }, RollbackStep::Unload, RollbackStep::Restore];
        steps.get(taken.len()).copied()
    }
}

/// The canary is pushed to all the traffic, so that every request is on it, and called off at once. So many connections
/// keep its queue full: there is always somebody to cut off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_that_cuts_every_request_off_fails_none() {
    let (engine, host) = host();
    engine.load("v1", &host.checkpoint(&id("v1")), REPLICAS).unwrap();
    let splitter = Arc::new(HashSplitter::new(MODEL, &Weights::all(&id("v1"))));
    let task = Arc::new(Task::capitals());
    let server = Server { engine, splitter: Arc::clone(&splitter), reviewer: None, task, allow_force_version: false };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(server.clone().serve(listener, std::future::pending()));
    let options = LoadOptions { address, connections: 128, users: 1_000, rate: None, stream: true, seed: 3 };
    let load = Load::start(options, &server.task);

    let deployment = Deployment::builder(plan(&host), Arc::new(host), Arc::clone(&splitter) as _)
        .tick(Duration::from_millis(10))
        .rollback(Arc::new(CutOff))
        .build()
        .unwrap();
    let (mut events, controls) = (deployment.events(), deployment.controls());
    let running = tokio::task::spawn_blocking(move || deployment.run());
    while let Some(event) = events.next_async().await {
        match event.what {
            What::Progress(Progress::Phase(Phase::Stage(0))) => {
                controls.dangerous().promote_without_health_gate().unwrap();
            }
            What::Progress(Progress::Phase(Phase::Baking)) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                controls.abort("a drill").unwrap();
            }
            _ => {}
        }
    }
    let outcome = running.await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let report = load.stop().await;

    assert_eq!((outcome.status, &outcome.serving), (Status::Aborted, &id("v1")));
    let steps = outcome.rollback.unwrap().steps;
    assert!(steps.iter().all(|taken| taken.problem.is_none()), "{steps:?}");
    let stats = splitter.stats();
    assert!(stats.versions[&id("v1")].by_reason.contains_key(&Reason::Retried), "{stats:?}");
    assert!(stats.versions.values().all(|version| version.in_flight == 0), "{stats:?}");
    assert_eq!(report.failed, 0, "{:?}", report.failure);
    assert!(report.versions["v1"].last > report.versions["v2"].last, "v1 serves again");
    let loaded = server.engine.memory().replicas;
    assert_eq!(loaded.into_iter().collect::<Vec<_>>(), [("v1".to_owned(), REPLICAS)]);
}
