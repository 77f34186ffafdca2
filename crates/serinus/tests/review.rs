//! Judged answers in a rollout: on a real splitter, threads and deployment, with a judge that knows what is right.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serinus::alert::{Alert, AlertError, AlertSink};
use serinus::deploy::{DeployError, Deployment, DeploymentBuilder, What};
use serinus::evaluate::{SequentialEvaluator, StandardGuardrail, Verdict};
use serinus::host::{Answer, Generate, HostError, MemoryHost, ModelHost, Prompt};
use serinus::judge::{
    Feedback, FeedbackError, Judge, JudgeError, Preference, Redactor, Reviewer, ReviewerBuilder, Sampling, Score,
    TextChecks,
};
use serinus::model::{ModelVersion, VersionId};
use serinus::observe::{Check, Checks, Outcome as Ended};
use serinus::plan::{Allocation, Fleet, RiskPlanner, Shadow, Stage, Strategy, UpdatePlan, UpdatePlanner};
use serinus::rollout::{Outcome, Phase, Progress, Status};
use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};

/// How the two versions answer.
#[derive(Debug, Clone, Copy)]
enum Canary {
    Good,
    /// Wrong in 14% of answers, where the old version is in 3%.
    Hallucinates,
    /// Says nothing in 14% of answers.
    FallsSilent,
}

impl Canary {
    /// The answer to question `n`, drawn anew each time it is asked.
    fn answer(self, version: &str, n: u64, draw: u64) -> Answer {
        let bad = draw.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let below = |share: f64| (bad as f64) < share * 4_294_967_296.0;
        match (self, version) {
            (Self::Hallucinates, "v2") if below(0.14) => Answer::new("Atlantis"),
            (Self::FallsSilent, "v2") if below(0.14) => Answer::new(""),
            (Self::FallsSilent, _) => Answer::new(format!("city {n}")),
            _ if below(0.03) => Answer::new("Atlantis"),
            _ => Answer::new(format!("city {n}")),
        }
    }
}

/// Knows the right answers, and can be taken away.
#[derive(Debug, Default)]
struct Oracle {
    is_down: AtomicBool,
    panics: AtomicBool,
    seen: Mutex<Vec<String>>,
}

impl Oracle {
    fn right(&self, prompt: &Prompt, answer: &Answer) -> Result<bool, JudgeError> {
        assert!(!self.panics.load(Ordering::Relaxed), "a judge with a bug");
        if self.is_down.load(Ordering::Relaxed) {
            return Err(JudgeError::Unavailable("connection refused".into()));
        }
        self.seen.lock().push(format!("{} {}", prompt.text, answer.text));
        Ok(prompt.reference.as_ref() == Some(&answer.text))
    }
}

impl Judge for Oracle {
    fn score(&self, prompt: &Prompt, answer: &Answer) -> Result<Score, JudgeError> {
        let right = self.right(prompt, answer)?;
        Ok(Score { quality: f64::from(u8::from(right)), passed: Some(right) })
    }

    fn prefer(&self, prompt: &Prompt, first: &Answer, second: &Answer) -> Result<Preference, JudgeError> {
        Ok(match (self.right(prompt, first)?, self.right(prompt, second)?) {
            (true, false) => Preference::First,
            (false, true) => Preference::Second,
            _ => Preference::Neither,
        })
    }
}

#[derive(Debug)]
struct NotEmpty;

impl TextChecks for NotEmpty {
    fn check(&self, _: &Prompt, answer: &Answer) -> Checks {
        Checks::none().with(Check::Empty, !answer.text.is_empty())
    }
}

/// The host's way of answering on a version of one's choosing.
#[derive(Debug)]
struct Replays {
    canary: Canary,
    host: Arc<MemoryHost>,
    draws: AtomicU64,
}

impl Generate for Replays {
    fn generate(&self, version: &VersionId, prompt: &Prompt) -> Result<Answer, HostError> {
        if self.host.replicas(version) == 0 {
            return Err(HostError::permanent("not loaded"));
        }
        let n = prompt.text.trim_start_matches("capital of country ").split('?').next().and_then(|n| n.parse().ok());
        let draw = self.draws.fetch_add(1, Ordering::Relaxed);
        Ok(self.canary.answer(version.as_str(), n.unwrap_or(0), draw ^ 0xabcd_ef01))
    }
}

#[derive(Debug, Default)]
struct Told(Mutex<Vec<Alert>>);

impl AlertSink for Told {
    fn send(&self, alert: &Alert) -> Result<(), AlertError> {
        self.0.lock().push(alert.clone());
        Ok(())
    }
}

fn model(version: &str, hash: &str) -> ModelVersion {
    let builder = ModelVersion::builder("chat", version).base_model("llama-8b").weight_hash(hash);
    builder.gpu_memory_gb(16.0).warmup_tokens(8).build().unwrap()
}

fn id(name: &str) -> VersionId {
    VersionId::new(name).unwrap()
}

fn plan() -> UpdatePlan {
    let fleet = Fleet::new(4, 24.0).unwrap().with_spare_replicas(4);
    let stages = [0.2, 0.5].map(|weight| {
        let replicas = Allocation { stable: 4, canary: 2, weight };
        Stage::new(weight, Duration::from_millis(30), 200, replicas)
    });
    let plan = RiskPlanner::default().plan(&model("v1", "aa"), &model("v2", "bb"), &fleet).unwrap();
    plan.with_stages(stages.to_vec()).unwrap().with_bake(Duration::from_millis(50)).unwrap()
}

/// A server in service, with a reviewer.
struct Service {
    splitter: Arc<HashSplitter>,
    host: Arc<MemoryHost>,
    judge: Arc<Oracle>,
    reviewer: Arc<Reviewer>,
    told: Arc<Told>,
    stop: Arc<AtomicBool>,
    users: Option<thread::JoinHandle<()>>,
}

impl Service {
    fn start(canary: Canary, add: impl FnOnce(ReviewerBuilder) -> ReviewerBuilder) -> Self {
        let v1 = model("v1", "aa");
        let host = Arc::new(MemoryHost::serving(Fleet::new(4, 24.0).unwrap().with_spare_replicas(4), &v1));
        let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(v1.version())));
        let judge = Arc::new(Oracle::default());
        let sampling = Sampling { per_minute: 1e6, replays_per_second: 1e5, ..Sampling::default() };
        let replays = Replays { canary, host: Arc::clone(&host), draws: AtomicU64::new(0) };
        let builder = Reviewer::builder().judge(Arc::clone(&judge) as _).replays(Arc::new(replays)).sampling(sampling);
        let reviewer = Arc::new(add(builder).build().unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let users = {
            let (splitter, reviewer, stop) = (Arc::clone(&splitter), Arc::clone(&reviewer), Arc::clone(&stop));
            thread::spawn(move || {
                let mut n = 0u64;
                while !stop.load(Ordering::Relaxed) {
                    for _ in 0..20 {
                        n += 1;
                        let key = format!("user-{}", n.wrapping_mul(2_654_435_761));
                        let request_id = format!("request-{n}");
                        let lease = splitter.route(&Request::new().sticky_key(key.as_str()));
                        let ticket = reviewer.ticket(&lease, &request_id);
                        let answer = canary.answer(lease.version().as_str(), n, n);
                        lease.finish(Ended::ok().latency_ms(10.0));
                        if let Some(ticket) = ticket {
                            let prompt = Prompt::new(format!("capital of country {n}? my PIN is 1234"));
                            ticket.submit(prompt.reference(format!("city {n}")), answer);
                        }
                    }
                    thread::sleep(Duration::from_micros(500));
                }
            })
        };
        Self { splitter, host, judge, reviewer, told: Arc::default(), stop, users: Some(users) }
    }

    fn deployment(&self, plan: UpdatePlan) -> DeploymentBuilder<Arc<dyn ModelHost>> {
        let (host, splitter) = (Arc::clone(&self.host), Arc::clone(&self.splitter));
        let builder = Deployment::builder(plan, host, splitter).tick(Duration::from_millis(5));
        builder.reviewer(Arc::clone(&self.reviewer)).alerts(Arc::clone(&self.told) as _)
    }

    fn run(&self, plan: UpdatePlan) -> (Outcome, u64) {
        let outcome = self.deployment(plan).build().unwrap().run().unwrap();
        (outcome, self.met())
    }

    /// Requests that were routed to the new version.
    fn met(&self) -> u64 {
        self.splitter.stats().versions.get(&id("v2")).map_or(0, |version| version.count)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(users) = self.users.take() {
            assert!(users.join().is_ok() || thread::panicking(), "a request failed");
        }
    }
}

fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "still no {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_version_that_hallucinates_is_stopped_in_the_shadow_and_no_user_meets_it() {
    let service = Service::start(Canary::Hallucinates, |builder| builder);
    let (outcome, met) = service.run(plan());
    assert_eq!((outcome.status, outcome.stages_passed, met), (Status::RolledBack, 0, 0), "{}", outcome.reason);
    assert!(outcome.reason.contains("the canary's was the worse one in"), "{}", outcome.reason);
    assert_eq!((service.host.replicas(&id("v1")), service.host.replicas(&id("v2"))), (4, 0));
}

#[test]
fn without_a_shadow_it_is_stopped_by_what_is_judged_of_the_first_stage() {
    let service = Service::start(Canary::Hallucinates, |builder| builder);
    let deployment = service.deployment(plan()).no_default_shadow().build().unwrap();
    let outcome = deployment.run().unwrap();
    assert_eq!((outcome.status, outcome.stages_passed), (Status::RolledBack, 0), "{}", outcome.reason);
    assert!(outcome.reason.starts_with("judged failures: "), "{}", outcome.reason);
    assert!(service.met() > 0);
    let stats = service.reviewer.stats();
    assert!(stats.canary.reviewed >= 20 && stats.pairs == 0, "{stats:?}");
}

#[test]
fn a_good_version_passes_the_shadow_and_goes_on() {
    let service = Service::start(Canary::Good, |builder| builder);
    let plan = plan().with_shadow(Some(Shadow::new(Duration::ZERO, 200))).unwrap();
    let deployment = service.deployment(plan).build().unwrap();
    let events = deployment.events();
    let outcome = deployment.run().unwrap();
    assert_eq!((outcome.status, outcome.stages_passed), (Status::Completed, 2), "{}", outcome.reason);
    let phases: Vec<_> = events
        .filter_map(|event| match event.what {
            What::Progress(Progress::Phase(phase @ (Phase::Shadow | Phase::Stage(_)))) => Some(phase),
            _ => None,
        })
        .collect();
    assert_eq!(phases.first(), Some(&Phase::Shadow), "{phases:?}");
    assert!(service.reviewer.stats().pairs >= 200);
}

#[test]
fn a_version_that_falls_silent_is_stopped_by_the_checks_of_its_texts() {
    let service = Service::start(Canary::FallsSilent, |builder| builder.checks(Arc::new(NotEmpty)));
    // Without a judge there are no pairs; what a reviewer without one finds in the first stage is enough.
    service.judge.is_down.store(true, Ordering::Relaxed);
    let deployment = service.deployment(plan()).no_default_shadow().build().unwrap();
    let outcome = deployment.run().unwrap();
    assert_eq!((outcome.status, outcome.stages_passed), (Status::RolledBack, 0), "{}", outcome.reason);
    assert!(outcome.reason.starts_with("empty answers: "), "{}", outcome.reason);
}

#[test]
fn a_judge_that_goes_down_in_mid_rollout_decides_nothing_and_is_alerted() {
    let service = Service::start(Canary::Good, |builder| builder);
    let plan = plan().with_shadow(Some(Shadow::new(Duration::ZERO, 200))).unwrap();
    let deployment = service.deployment(plan).build().unwrap();
    let controls = deployment.controls();
    let running = thread::spawn(move || deployment.run().unwrap());
    wait_for("first stage", || controls.phase() == Phase::Stage(0));
    service.judge.is_down.store(true, Ordering::Relaxed);
    wait_for("alert", || service.told.0.lock().iter().any(|alert| alert.body.contains("connection refused")));
    wait_for("failed calls", || service.reviewer.stats().judge_unavailable >= 50);
    let before = controls.phase();
    thread::sleep(Duration::from_millis(200));
    assert!(matches!(before, Phase::Stage(_)) && matches!(controls.phase(), Phase::Stage(_)), "{}", controls.phase());
    assert_ne!(controls.evaluation().verdict, Verdict::Degraded);
    service.judge.is_down.store(false, Ordering::Relaxed);
    let outcome = running.join().unwrap();
    assert_eq!(outcome.status, Status::Completed, "{}", outcome.reason);
}

#[test]
fn a_judge_that_says_nothing_from_the_first_stage_on_ends_no_stage_and_nobody_can_promote_past_it() {
    let service = Service::start(Canary::Good, |builder| builder);
    service.judge.is_down.store(true, Ordering::Relaxed);
    let deployment = service.deployment(plan()).no_default_shadow().build().unwrap();
    let controls = deployment.controls();
    let running = thread::spawn(move || deployment.run().unwrap());
    // All else is proven: there are requests enough, and as good as the old version's.
    wait_for("healthy verdict of what is measured", || controls.evaluation().verdict == Verdict::Healthy);
    thread::sleep(Duration::from_millis(100));
    assert_eq!(controls.phase(), Phase::Stage(0));
    let refused = controls.promote().unwrap_err().to_string();
    assert!(refused.contains("judged answers of both versions in this stage (0 of"), "{refused}");
    service.judge.is_down.store(false, Ordering::Relaxed);
    assert_eq!(running.join().unwrap().status, Status::Completed);
}

#[test]
fn an_update_that_is_not_judged_waits_for_no_judge() {
    let service = Service::start(Canary::Good, |builder| builder);
    service.judge.is_down.store(true, Ordering::Relaxed);
    let fleet = Fleet::new(4, 24.0).unwrap().with_spare_replicas(1);
    let setting = model("v1", "aa").to_builder().version("v2").config_hash("c2").build().unwrap();
    let rolling = RiskPlanner::default().plan(&model("v1", "aa"), &setting, &fleet).unwrap();
    assert_eq!(rolling.strategy(), Strategy::Rolling);
    let deployment = service.deployment(rolling).build().unwrap();
    let controls = deployment.controls();
    let running = thread::spawn(move || deployment.run().unwrap());
    wait_for("end without a judge", || controls.phase().is_final());
    let outcome = running.join().unwrap();
    assert_eq!(outcome.status, Status::Completed, "{}", outcome.reason);
}

#[test]
fn a_judge_that_panics_costs_a_judgement_and_no_more() {
    let service = Service::start(Canary::Good, |builder| builder);
    service.judge.panics.store(true, Ordering::Relaxed);
    let deployment = service.deployment(plan()).build().unwrap();
    let controls = deployment.controls();
    let running = thread::spawn(move || deployment.run().unwrap());
    wait_for("panics", || service.reviewer.stats().judge_unavailable >= 20);
    service.judge.panics.store(false, Ordering::Relaxed);
    wait_for("pairs", || service.reviewer.stats().pairs >= 20);
    controls.abort("enough").unwrap();
    assert_eq!(running.join().unwrap().status, Status::Aborted);
}

/// Takes the PIN out, and keeps back what speaks of country 7.
#[derive(Debug)]
struct NoSecrets;

impl Redactor for NoSecrets {
    fn redact(&self, mut prompt: Prompt, answer: Answer) -> Option<(Prompt, Answer)> {
        prompt.text = prompt.text.replace("1234", "####");
        (!prompt.text.starts_with("capital of country 7")).then_some((prompt, answer))
    }
}

#[test]
fn the_judge_sees_nothing_that_was_redacted() {
    let service = Service::start(Canary::Good, |builder| builder.redactor(Arc::new(NoSecrets)));
    let plan = plan().with_shadow(Some(Shadow::new(Duration::ZERO, 100))).unwrap();
    let deployment = service.deployment(plan).build().unwrap();
    let controls = deployment.controls();
    let running = thread::spawn(move || deployment.run().unwrap());
    wait_for("judged answers of both", || {
        let stats = service.reviewer.stats();
        stats.pairs >= 100 && stats.canary.reviewed > stats.pairs + 20 && stats.stable.kept_back > 0
    });
    controls.abort("enough").unwrap();
    running.join().unwrap();
    let seen = service.judge.seen.lock();
    assert!(seen.len() > 100);
    let leaked = seen.iter().find(|text| text.contains("1234") || text.contains("country 7"));
    assert_eq!(leaked, None);
    assert!(!format!("{:?}", service.reviewer).contains("capital"));
}

#[test]
fn a_plan_with_a_shadow_and_nobody_to_cast_it_does_not_begin() {
    let plan = plan().with_shadow(Some(Shadow::default())).unwrap();
    let host = Arc::new(MemoryHost::serving(Fleet::new(4, 24.0).unwrap(), &model("v1", "aa")));
    let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(&id("v1"))));
    let refused = Deployment::builder(plan, host, splitter).build().unwrap_err();
    assert!(matches!(refused, DeployError::NoShadow), "{refused}");
}

#[test]
fn what_users_say_later_finds_its_request_once() {
    let feedback = Feedback { window: Duration::from_secs(60), remembered: 5_000 };
    let service = Service::start(Canary::Good, |builder| builder.feedback(feedback));
    assert_eq!(service.reviewer.feedback("request-1", 1.0), Err(FeedbackError::Unknown), "nothing is compared yet");
    let make = |plan: &UpdatePlan| {
        let unhappy = Arc::new(StandardGuardrail::unhappy_rate(0.5).unwrap());
        Ok(Box::new(SequentialEvaluator::for_plan(plan).alert_on(unhappy).build()?) as _)
    };
    let deployment = service.deployment(plan()).no_default_shadow().evaluator(make).build().unwrap();
    let controls = deployment.controls();
    let running = thread::spawn(move || deployment.run().unwrap());
    wait_for("users who meet it", || service.met() > 500);
    assert_eq!(service.reviewer.feedback("never asked", 1.0), Err(FeedbackError::Unknown));
    assert_eq!(
        service.reviewer.feedback("request-2", f64::NAN).map_err(|error| error.to_string()).unwrap_err(),
        "expected a score from 0 to 1, got NaN"
    );
    // Somebody says something of one of the latest requests, once.
    let said = (0..200_000).rev().map(|n| format!("request-{n}")).find(|id| service.reviewer.feedback(id, 0.0).is_ok());
    let said = said.expect("one of them is remembered");
    assert_eq!(service.reviewer.feedback(&said, 1.0), Err(FeedbackError::Unknown), "said already");
    let stats = service.reviewer.stats();
    assert_eq!(stats.feedback, 1);
    assert!(stats.feedback_unknown >= 3, "{stats:?}");
    controls.abort("enough").unwrap();
    running.join().unwrap();
}
