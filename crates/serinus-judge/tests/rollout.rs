//! Whole rollouts whose answers are judged over HTTP: the endpoint goes down, its budget runs out, secrets are asked for.

mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serinus::alert::{Alert, AlertError, AlertSink};
use serinus::deploy::{Controls, Deployment};
use serinus::host::{Answer, Generate, HostError, MemoryHost, Prompt};
use serinus::judge::{Redactor, Reviewer, ReviewerBuilder, Sampling};
use serinus::model::{ModelVersion, VersionId};
use serinus::observe::Outcome as Ended;
use serinus::plan::{Allocation, Fleet, RiskPlanner, Shadow, Stage, UpdatePlan, UpdatePlanner};
use serinus::rollout::{Outcome, Phase, Status};
use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};
use serinus_judge::{Budget, OpenAiJudge, OpenAiJudgeBuilder, Rubric};
use server::{Asked, Reply, Server};

/// A judge that knows what is right: an answer that ends in "is city 7" to a question of country 7.
fn knows(asked: &Asked) -> Reply {
    let data = |name: &str| {
        let line = asked.user().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.and_then(|line| serde_json::from_str::<String>(line).ok()).unwrap_or_default()
    };
    let prompt = data("prompt");
    let number = prompt.split(' ').nth(3).unwrap_or_default().trim_end_matches('?').to_owned();
    let is_right = |answer: String| answer.ends_with(&format!("is city {number}"));
    if asked.user().contains("answer_A") {
        return Reply::better(match (is_right(data("answer_A")), is_right(data("answer_B"))) {
            (true, false) => "A",
            (false, true) => "B",
            _ => "neither",
        });
    }
    Reply::score(if is_right(data("answer")) { 5 } else { 1 })
}

/// A version's answer, worded anew each time, and wrong in three of a hundred.
fn answer(number: u64, draw: u64) -> Answer {
    let wrong = draw.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 < 128_849_018;
    let city = if wrong { "Atlantis".to_owned() } else { format!("city {number}") };
    Answer::new(format!("Answer {draw}: it is {city}"))
}

#[derive(Debug, Default)]
struct Replays(AtomicU64);

impl Generate for Replays {
    fn generate(&self, _: &VersionId, prompt: &Prompt) -> Result<Answer, HostError> {
        let number = prompt.text.split(' ').nth(3).and_then(|number| number.trim_end_matches('?').parse().ok());
        Ok(answer(number.unwrap_or(0), self.0.fetch_add(1, Ordering::Relaxed) + (1 << 40)))
    }
}

#[derive(Debug, Default)]
struct Told(Mutex<Vec<Alert>>);

impl Told {
    fn of(&self, what: &str) -> bool {
        let alerts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        alerts.iter().any(|alert| alert.body.contains(what))
    }
}

impl AlertSink for Told {
    fn send(&self, alert: &Alert) -> Result<(), AlertError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(alert.clone());
        Ok(())
    }
}

fn model(version: &str, hash: &str) -> ModelVersion {
    let builder = ModelVersion::builder("chat", version).base_model("llama-8b").weight_hash(hash);
    builder.gpu_memory_gb(16.0).build().unwrap()
}

fn fleet() -> Fleet {
    Fleet::new(4, 24.0).unwrap().with_spare_replicas(4)
}

fn plan(pairs: u64) -> UpdatePlan {
    let stages = [0.2, 0.5].map(|weight| {
        let replicas = Allocation { stable: 4, canary: 2, weight };
        Stage::new(weight, Duration::from_millis(30), 200, replicas)
    });
    let plan = RiskPlanner::default().plan(&model("v1", "aa"), &model("v2", "bb"), &fleet()).unwrap();
    let plan = plan.with_stages(stages.to_vec()).unwrap().with_bake(Duration::from_millis(20)).unwrap();
    plan.with_shadow(Some(Shadow::new(Duration::ZERO, pairs))).unwrap()
}

/// A rollout under way, with users.
struct Service {
    server: Server,
    judge: Arc<OpenAiJudge>,
    reviewer: Arc<Reviewer>,
    told: Arc<Told>,
    controls: Controls,
    running: Option<thread::JoinHandle<Outcome>>,
    stop: Arc<AtomicBool>,
    users: Option<thread::JoinHandle<()>>,
}

impl Service {
    fn start(
        server: Server,
        pairs: u64,
        with_judge: impl FnOnce(OpenAiJudgeBuilder) -> OpenAiJudgeBuilder,
        with_reviewer: impl FnOnce(ReviewerBuilder) -> ReviewerBuilder,
    ) -> Self {
        let judge = OpenAiJudge::builder(server.url(), "knows").rubric(Rubric::helpfulness()).retries(0);
        let judge = Arc::new(with_judge(judge).build().unwrap());
        let sampling = Sampling { per_minute: 60_000.0, replays_per_second: 1_000.0, ..Sampling::default() };
        let reviewer = Reviewer::builder().judge(Arc::clone(&judge) as _).replays(Arc::new(Replays::default()));
        let reviewer = Arc::new(with_reviewer(reviewer.sampling(sampling)).build().unwrap());
        let v1 = VersionId::new("v1").unwrap();
        let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(&v1)));
        let stop = Arc::new(AtomicBool::new(false));
        let users = {
            let (splitter, reviewer, stop) = (Arc::clone(&splitter), Arc::clone(&reviewer), Arc::clone(&stop));
            thread::spawn(move || {
                let mut n = 0u64;
                while !stop.load(Ordering::Relaxed) {
                    n += 1;
                    let lease = splitter.route(&Request::new());
                    let ticket = reviewer.ticket(&lease, &format!("request-{n}"));
                    lease.finish(Ended::ok().latency_ms(10.0));
                    if let Some(ticket) = ticket {
                        ticket.submit(Prompt::new(format!("capital of country {n}? My PIN is S3CRET.")), answer(n, n));
                    }
                    thread::sleep(Duration::from_micros(200));
                }
            })
        };
        let told = Arc::new(Told::default());
        let host = Arc::new(MemoryHost::serving(fleet(), &model("v1", "aa")));
        let deployment = Deployment::builder(plan(pairs), host, splitter)
            .reviewer(Arc::clone(&reviewer))
            .alerts(Arc::clone(&told) as _)
            .tick(Duration::from_millis(5))
            .build()
            .unwrap();
        let controls = deployment.controls();
        let running = thread::spawn(move || deployment.run().unwrap());
        Self { server, judge, reviewer, told, controls, running: Some(running), stop, users: Some(users) }
    }

    fn outcome(&mut self) -> Outcome {
        self.running.take().expect("it is asked for once").join().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(users) = self.users.take() {
            assert!(users.join().is_ok() || thread::panicking());
        }
    }
}

fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "still no {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn an_endpoint_that_goes_down_in_mid_rollout_decides_nothing() {
    let is_down = Arc::new(AtomicBool::new(false));
    let down = Arc::clone(&is_down);
    let server =
        Server::start(move |asked, _| if down.load(Ordering::SeqCst) { Reply::status(503) } else { knows(asked) });
    let mut service = Service::start(server, 100, |judge| judge, |reviewer| reviewer);
    wait_for("first stage", || matches!(service.controls.phase(), Phase::Stage(_)));
    is_down.store(true, Ordering::SeqCst);
    wait_for("alert", || service.told.of("times in a row"));
    wait_for("failures", || service.reviewer.stats().judge_unavailable > 20);
    thread::sleep(Duration::from_millis(200));
    assert!(matches!(service.controls.phase(), Phase::Stage(_)), "{}", service.controls.phase());
    is_down.store(false, Ordering::SeqCst);
    let outcome = service.outcome();
    assert_eq!(outcome.status, Status::Completed, "{}", outcome.reason);
}

#[test]
fn a_budget_used_up_stops_judging_and_nothing_else() {
    let budget = Budget { calls: Some(60), ..Budget::default() };
    let server = Server::start(|asked, _| knows(asked));
    let mut service = Service::start(server, 100, |judge| judge.budget(budget), |reviewer| reviewer);
    wait_for("alert", || service.told.of("budget is used up"));
    wait_for("answers that are not judged", || service.reviewer.stats().judge_out_of_budget > 20);
    assert_eq!(service.server.count(), 60, "no call beyond it");
    assert_eq!(service.controls.phase(), Phase::Shadow, "nobody meets it, and nobody rolled it back");
    service.judge.set_budget(Budget::default()).unwrap();
    let outcome = service.outcome();
    assert_eq!(outcome.status, Status::Completed, "{}", outcome.reason);
}

#[derive(Debug)]
struct NoPin;

impl Redactor for NoPin {
    fn redact(&self, mut prompt: Prompt, answer: Answer) -> Option<(Prompt, Answer)> {
        prompt.text = prompt.text.replace("S3CRET", "****");
        Some((prompt, answer))
    }
}

#[test]
fn the_endpoint_sees_nothing_that_was_redacted() {
    let server = Server::start(|asked, _| knows(asked));
    let redact = |reviewer: ReviewerBuilder| reviewer.redactor(Arc::new(NoPin));
    let mut service = Service::start(server, 60, |judge| judge, redact);
    let outcome = service.outcome();
    assert_eq!(outcome.status, Status::Completed, "{}", outcome.reason);
    let asked = service.server.asked();
    let (pairs, alone) = asked.iter().partition::<Vec<_>, _>(|asked| asked.user().contains("answer_A"));
    assert!(pairs.len() >= 100 && alone.len() >= 100, "{} and {}", pairs.len(), alone.len());
    assert!(asked.iter().all(|asked| asked.user().contains("My PIN is ****") && !asked.user().contains("S3CRET")));
    assert!(asked.iter().all(|asked| !asked.body.to_string().contains("v1") && !asked.body.to_string().contains("v2")));
}
