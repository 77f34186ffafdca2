//! The two updates, one after the other.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Parser;
use serinus::deploy::Deployment;
use serinus::judge::{ReviewStats, Reviewer, Sampling};
use serinus::model::VersionId;
use serinus::plan::{Fleet, Margins, RiskPlanner, Shadow, UpdatePlan, UpdatePlanner};
use serinus::rollout::{Outcome, Status};
use serinus::route::{HashSplitter, TrafficSplitter, Weights};
use serinus_judge::{OpenAiJudge, Rubric, Spent, StandardChecks};
use tokio::net::TcpListener;

use super::screen::Screen;
use super::table::Table;
use super::timeline::Timeline;
use crate::engine::{Engine, EngineOptions};
use crate::host::EngineHost;
use crate::judge::JudgeServer;
use crate::load::{Load, LoadOptions};
use crate::server::{MODEL, Server};
use crate::task::Task;

/// Replicas that serve; one more slot is spare, for the canary.
const REPLICAS: u32 = 2;
/// The increase of latency that is a regression: thirtyfold, where a user has +20%.
const LATENCY_MARGIN: f64 = 30.0;
const TICK: Duration = Duration::from_millis(100);
/// A user's budget of judged answers is 60 a minute, and hours have them add up; here an hour lasts ten seconds.
const SAMPLING: Sampling =
    Sampling { per_minute: 12_000.0, replays_per_second: 100.0, max_held: 1_000, deadline: Duration::from_secs(20) };

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
    /// No version is tried in the shadow: the bad one meets users.
    #[arg(long)]
    pub no_shadow: bool,
    /// The probability that the judge takes a right answer for a wrong one, or a wrong one for a right one.
    #[arg(long, default_value_t = 0.02)]
    pub judge_mistakes: f64,
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

    let show = Show { options: &options, screen: &screen, load: &load };
    let good = stage.update("v1", "v2", !options.no_shadow, &show).await?;
    let shadowed = if options.no_shadow { None } else { Some(stage.update("v2", "v3-bad", true, &show).await?) };
    let bad = stage.update("v2", "v3-bad", false, &show).await?;

    let report = load.stop().await;
    let table = Table::new(&report, &good, shadowed.as_ref(), &bad, &stage.judgements());
    screen.title(&table.to_string());
    if report.failed > 0 {
        bail!("{} of {} requests failed: {}", report.failed, report.requests(), report.failure.unwrap_or_default());
    }
    expect(&good, Status::Completed)?;
    if let Some(shadowed) = &shadowed {
        expect(shadowed, Status::RolledBack)?;
        if shadowed.met > 0 {
            bail!("{} requests met {} although it was in the shadow", shadowed.met, shadowed.target);
        }
    }
    expect(&bad, Status::RolledBack)
}

/// What all updates of one run of the demo share.
struct Show<'a> {
    options: &'a Options,
    screen: &'a Screen,
    load: &'a Load,
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
    reviewer: Arc<Reviewer>,
    judge: Arc<OpenAiJudge>,
    address: SocketAddr,
}

/// What judging came to.
pub(super) struct Judgements {
    pub(super) stats: ReviewStats,
    pub(super) spent: Spent,
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
        let task = Arc::new(Task::capitals());
        let judge = Arc::new(judge(&task, options.judge_mistakes).await?);
        let reviewer = Arc::new(
            Reviewer::builder()
                .judge(Arc::clone(&judge) as _)
                .checks(Arc::new(StandardChecks::default()))
                .replays(Arc::clone(&host) as _)
                .sampling(SAMPLING)
                .build()?,
        );
        let server =
            Server { engine, splitter, reviewer: Some(Arc::clone(&reviewer)), task, allow_force_version: false };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(server.clone().serve(listener, std::future::pending()));
        if !(options.rate > 0.0 && options.hold_scale > 0.0) {
            bail!("--rate and --hold-scale must be above 0, got {} and {}", options.rate, options.hold_scale);
        }
        Ok(Self { server, host, reviewer, judge, address })
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

    fn judgements(&self) -> Judgements {
        Judgements { stats: self.reviewer.stats(), spent: self.judge.spent() }
    }

    fn met(&self, version: &VersionId) -> u64 {
        self.server.splitter.stats().versions.get(version).map_or(0, |version| version.count)
    }

    async fn update(&self, from: &str, to: &str, in_shadow: bool, show: &Show<'_>) -> Result<Update> {
        let Show { options, screen, load } = show;
        let target = VersionId::new(to)?;
        let met_before = self.met(&target);
        let shadow = in_shadow.then(Shadow::default);
        let plan = self.plan(from, to, options)?.with_shadow(shadow)?;
        screen.title(&plan.explain());
        let stages = plan.stages().to_vec();
        let splitter = Arc::clone(&self.server.splitter);
        let deployment = Deployment::builder(plan, Arc::clone(&self.host) as _, Arc::clone(&splitter) as _)
            .reviewer(Arc::clone(&self.reviewer))
            .no_default_shadow()
            .tick(TICK)
            .build()?;
        let mut events = deployment.events();
        let running = tokio::task::spawn_blocking(move || deployment.run());

        let mut timeline = Timeline::new(target.clone(), stages, Arc::clone(&splitter));
        while let Some(event) = events.next_async().await {
            timeline.note(&event.what, Instant::now());
            screen.follow(&event.what);
        }
        let outcome = running.await??;
        let met = self.met(&target) - met_before;
        if let Some(bad) = load.report().versions.get(to) {
            timeline.first_wrong = bad.first_wrong;
        }
        Ok(Update { name: format!("{from} -> {to}"), target: to.to_owned(), outcome, met, timeline })
    }
}

/// Starts the endpoint that judges, and makes the judge that asks it over HTTP.
async fn judge(task: &Arc<Task>, mistakes: f64) -> Result<OpenAiJudge> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(JudgeServer::new(Arc::clone(task), mistakes).serve(listener));
    Ok(OpenAiJudge::builder(format!("http://{address}/v1"), "knows-capitals")
        .rubric(Rubric::hallucination())
        .build()?)
}
