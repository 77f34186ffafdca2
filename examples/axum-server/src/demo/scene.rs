//! The two updates, one after the other.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Parser;
use serinus::deploy::Deployment;
use serinus::model::VersionId;
use serinus::plan::{Fleet, Margins, RiskPlanner, UpdatePlan, UpdatePlanner};
use serinus::rollout::{Outcome, Status};
use serinus::route::{HashSplitter, TrafficSplitter, Weights};
use tokio::net::TcpListener;

use super::screen::Screen;
use super::timeline::Timeline;
use crate::engine::{Engine, EngineOptions};
use crate::host::EngineHost;
use crate::load::{Load, LoadOptions};
use crate::server::{MODEL, Server};
use crate::task::Task;

/// Replicas that serve; one more slot is spare, for the canary.
const REPLICAS: u32 = 2;
/// The increase of latency that is a regression: thirtyfold, where a user has +20%.
const LATENCY_MARGIN: f64 = 30.0;
const TICK: Duration = Duration::from_millis(100);

/// How the demo runs.
#[derive(Debug, Clone, Parser)]
pub struct Options {
    /// Holds and bakes last this part of what they last for a user: 360 makes an hour ten seconds. Budgets, margins and
    /// minimum requests are what a user gets.
    #[arg(long, default_value_t = 360.0)]
    pub hold_scale: f64,
    /// Requests a second.
    #[arg(long, default_value_t = 1_500.0)]
    pub rate: f64,
    /// Connections that ask at the same time.
    #[arg(long, default_value_t = 16)]
    pub connections: u32,
    /// Users who take turns on them.
    #[arg(long, default_value_t = 20_000)]
    pub users: u32,
}

/// Runs the demo and prints its table.
///
/// # Errors
///
/// If a request failed, the good version was not promoted, or the bad one was not rolled back; and if the machine lacks
/// something.
pub async fn run(options: Options) -> Result<()> {
    let stage = Stage::set(&options).await?;
    let screen = Screen::new();
    screen.title(&format!(
        "serving v1 over HTTP to {} users, {:.0} streamed requests/s; holds last 1/{:.0} of their time (--hold-scale), \
         budgets, minimum requests and all margins but that of latency are a user's own",
        options.users, options.rate, options.hold_scale
    ));
    let load = stage.load(&options);

    let good = stage.update("v1", "v2", &options, &screen, &load).await?;
    let bad = stage.update("v2", "v3-bad", &options, &screen, &load).await?;

    let report = load.stop().await;
    screen.table(&report, &good, &bad);
    if report.failed > 0 {
        bail!("{} of {} requests failed: {}", report.failed, report.requests(), report.failure.unwrap_or_default());
    }
    expect(&good, Status::Completed)?;
    expect(&bad, Status::RolledBack)
}

fn expect(update: &Update, status: Status) -> Result<()> {
    if update.outcome.status != status {
        bail!("{} ended as {:?}, expected {status:?}: {}", update.name, update.outcome.status, update.outcome.reason);
    }
    Ok(())
}

/// One update, done.
pub(super) struct Update {
    pub(super) name: String,
    pub(super) target: String,
    pub(super) outcome: Outcome,
    /// Requests that were routed to the new version.
    pub(super) met: u64,
    pub(super) timeline: Timeline,
}

/// The server and what is around it.
struct Stage {
    server: Server,
    host: Arc<EngineHost>,
    address: std::net::SocketAddr,
}

impl Stage {
    async fn set(options: &Options) -> Result<Self> {
        let engine = Engine::new(EngineOptions { slots: REPLICAS + 1, ..EngineOptions::default() });
        let checkpoints = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("checkpoints");
        let host = Arc::new(EngineHost::new(engine.clone(), checkpoints, REPLICAS));
        let v1 = VersionId::new("v1")?;
        engine.load("v1", &host.checkpoint(&v1), REPLICAS)?;
        engine.warm_up("v1", 64)?;
        let splitter = Arc::new(HashSplitter::new(MODEL, &Weights::all(&v1)));
        let server =
            Server { engine, splitter, reviewer: None, task: Arc::new(Task::capitals()), allow_force_version: false };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(server.clone().serve(listener, std::future::pending()));
        if !(options.rate > 0.0 && options.hold_scale > 0.0) {
            bail!("--rate and --hold-scale must be above 0, got {} and {}", options.rate, options.hold_scale);
        }
        Ok(Self { server, host, address })
    }

    fn load(&self, options: &Options) -> Load {
        let load = LoadOptions {
            address: self.address,
            connections: options.connections,
            users: options.users,
            rate: Some(options.rate),
            stream: true,
            seed: 7,
        };
        Load::start(load, &self.server.task)
    }

    fn plan(&self, from: &str, to: &str, options: &Options) -> Result<UpdatePlan> {
        let fleet = Fleet::new(REPLICAS, EngineOptions::default().slot_memory_gb)?.with_spare_replicas(1);
        let describe = |version| self.host.describe(&VersionId::new(version)?);
        // Answers take a millisecond or two here: what else runs on the machine decides how long, not the version.
        let margins = Margins { p99_latency_increase: LATENCY_MARGIN, ..Margins::default() };
        let planner = RiskPlanner::default().with_margins(margins);
        let plan = planner.plan(&describe(from)?, &describe(to)?, &fleet)?;
        Ok(plan.with_holds_scaled(1.0 / options.hold_scale)?)
    }

    async fn update(&self, from: &str, to: &str, options: &Options, screen: &Screen, load: &Load) -> Result<Update> {
        let plan = self.plan(from, to, options)?;
        screen.title(&plan.explain());
        let stages = plan.stages().to_vec();
        let splitter = Arc::clone(&self.server.splitter);
        let deployment = Deployment::builder(plan, Arc::clone(&self.host) as _, Arc::clone(&splitter) as _).tick(TICK);
        let deployment = deployment.build()?;
        let mut events = deployment.events();
        let running = tokio::task::spawn_blocking(move || deployment.run());

        let mut timeline = Timeline::new(VersionId::new(to)?, stages, Arc::clone(&splitter));
        while let Some(event) = events.next_async().await {
            timeline.note(&event.what, Instant::now());
            screen.follow(&event.what);
        }
        let outcome = running.await??;
        let met = splitter.stats().versions.get(&VersionId::new(to)?).map_or(0, |version| version.count);
        if let Some(bad) = load.report().versions.get(to) {
            timeline.first_wrong = bad.first_wrong;
        }
        Ok(Update { name: format!("{from} -> {to}"), target: to.to_owned(), outcome, met, timeline })
    }
}
