//! The driver on a real splitter and threads, with a host that fails in every way: the old version serves through all of
//! it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serinus::alert::{Alert, AlertError, AlertSink};
use serinus::clock::{ManualClock, Timestamp};
use serinus::deploy::{DeployError, Deployment, DeploymentBuilder, What};
use serinus::evaluate::{SequentialEvaluator, ThresholdEvaluator, Thresholds};
use serinus::host::{Fault, HostError, MemoryHost, ModelHost, Operation};
use serinus::journal::{Entry, Journal, JournalError, MemoryJournal, Record};
use serinus::model::{Fingerprint, ModelVersion, VersionId};
use serinus::observe::{BlockRule, Outcome as Ended};
use serinus::plan::{
    Allocation, Deadlines, Fleet, OnMaxHold, Risk, RiskPlanner, Stage, Strategy, UpdatePlan, UpdatePlanner,
};
use serinus::rollout::{Effect, Outcome, Phase, Progress, RolloutError, Status};
use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};

fn model(version: &str, hash: &str) -> ModelVersion {
    let builder = ModelVersion::builder("chat", version).base_model("llama-8b").weight_hash(hash);
    builder.gpu_memory_gb(16.0).warmup_tokens(8).build().unwrap()
}

fn fleet() -> Fleet {
    Fleet::new(4, 24.0).unwrap().with_spare_replicas(4)
}

/// A canary of two short stages with an error margin that a few hundred requests can prove.
fn plan_from(from: &ModelVersion, to: &ModelVersion) -> UpdatePlan {
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

fn plan() -> UpdatePlan {
    plan_from(&model("v1", "aa"), &model("v2", "bb"))
}

/// A server in service: requests keep coming, and one version can be told to fail a third of them.
struct Service {
    fails: Arc<AtomicBool>,
    host: Arc<MemoryHost>,
    splitter: Arc<HashSplitter>,
    journal: Arc<MemoryJournal>,
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU32>,
    users: Option<thread::JoinHandle<()>>,
}

impl Service {
    fn start(failing: &'static str) -> Self {
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

    fn deployment(&self, plan: UpdatePlan) -> DeploymentBuilder<Arc<dyn ModelHost>> {
        let (host, splitter) = (Arc::clone(&self.host), Arc::clone(&self.splitter));
        let builder = Deployment::builder(plan, host, splitter).tick(Duration::from_millis(5));
        builder.journal(Arc::clone(&self.journal) as Arc<dyn Journal>)
    }

    fn run(&self) -> Outcome {
        self.deployment(plan()).build().unwrap().run().unwrap()
    }

    /// Only the old version is left, at full strength, and it serves.
    fn assert_old_version_serves(&self) {
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

fn id(name: &str) -> VersionId {
    VersionId::new(name).unwrap()
}

#[test]
fn a_good_version_goes_through_and_the_old_one_goes() {
    let service = Service::start("");
    let outcome = service.run();
    assert_eq!((outcome.status, outcome.stages_passed), (Status::Completed, 2), "{}", outcome.reason);
    assert_eq!((service.host.replicas(&id("v1")), service.host.replicas(&id("v2"))), (0, 4));
    assert_eq!(service.splitter.table().weights(), &Weights::all(&id("v2")));
    let loads = service.host.calls().into_iter().filter(|call| call.starts_with("load")).collect::<Vec<_>>();
    assert_eq!(loads, ["load v2 2", "load v2 4"], "no replica is loaded twice");
}

#[test]
fn a_bad_version_is_rolled_back_with_record_and_alert() {
    #[derive(Debug, Default)]
    struct Inbox(parking_lot::Mutex<Vec<Alert>>);
    impl AlertSink for Inbox {
        fn send(&self, alert: &Alert) -> Result<(), AlertError> {
            self.0.lock().push(alert.clone());
            Ok(())
        }
    }
    let service = Service::start("v2");
    let inbox = Arc::new(Inbox::default());
    let outcome = service.deployment(plan()).alerts(Arc::clone(&inbox) as Arc<dyn AlertSink>).build().unwrap().run();
    let outcome = outcome.unwrap();
    assert_eq!(outcome.status, Status::RolledBack);
    assert!(outcome.reason.contains("errors: "), "{}", outcome.reason);
    let record = outcome.rollback.expect("a rollback leaves a record");
    assert_eq!((record.stable.as_str(), record.canary.as_str()), ("v1", "v2"));
    assert!(record.evaluation.is_some_and(|seen| seen.rollback));
    service.assert_old_version_serves();
    let rollout = &service.journal.rollouts().unwrap()[0];
    let entries = service.journal.entries(rollout).unwrap();
    assert!(entries.iter().any(|entry| matches!(entry.what, Record::RolledBack(_))));
    assert!(matches!(entries.last().unwrap().what, Record::Finished(_)));
    let deadline = Instant::now() + Duration::from_secs(10);
    while inbox.0.lock().is_empty() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    assert!(inbox.0.lock().iter().any(|alert| alert.title == "v2 was rolled back to v1"));
}

#[test]
fn calls_that_fail_for_good_end_in_a_rollback() {
    let broken = || HostError::permanent("broken");
    for (operation, fault) in [
        (Operation::Load, Fault::Error(broken())),
        (Operation::Load, Fault::LostAnswer(broken())),
        (Operation::Load, Fault::Hang),
        (Operation::WarmUp, Fault::Error(broken())),
        (Operation::Verify, Fault::Error(broken())),
        (Operation::Verify, Fault::WrongFingerprint(Fingerprint::new("cc").unwrap())),
    ] {
        let service = Service::start("");
        service.host.inject(operation, fault.clone());
        let outcome = service.run();
        assert_eq!(outcome.status, Status::RolledBack, "{operation:?} {fault:?}: {}", outcome.reason);
        service.host.release();
        thread::sleep(Duration::from_millis(50));
        service.assert_old_version_serves();
    }
}

#[test]
fn a_call_that_fails_for_a_moment_is_tried_again() {
    let service = Service::start("");
    service.host.inject(Operation::Load, Fault::Error(HostError::transient("busy")));
    let plan = plan().with_deadlines(Deadlines::for_version(&model("v2", "bb"))).unwrap();
    let outcome = service.deployment(plan).build().unwrap().run().unwrap();
    assert_eq!(outcome.status, Status::Completed, "{}", outcome.reason);
}

#[test]
fn an_unload_that_fails_hides_neither_the_rollback_nor_its_record() {
    let service = Service::start("v2");
    service.host.inject(Operation::Unload, Fault::Error(HostError::permanent("stuck")));
    let outcome = service.run();
    assert_eq!(outcome.status, Status::RolledBack);
    assert_eq!(service.splitter.table().weights(), &Weights::all(&id("v1")));
    assert!(outcome.warnings.iter().any(|warning| warning.contains("stuck")), "{:?}", outcome.warnings);
    let record = outcome.rollback.expect("a rollback leaves a record");
    assert!(record.steps.iter().any(|step| step.problem.as_deref().is_some_and(|problem| problem.contains("stuck"))));
}

#[test]
fn a_drain_that_does_not_end_is_cancelled_and_retried_on_the_old_version() {
    let service = Service::start("v2");
    let deployment = service.deployment(plan()).build().unwrap();
    let splitter = Arc::clone(&service.splitter);
    // A request that would run for ever, on the canary.
    let endless = thread::spawn(move || {
        loop {
            let lease = splitter.route(&Request::new().force_version("v2"));
            if lease.version().as_str() == "v2" {
                assert!(lease.wait_cancelled(Duration::from_secs(60)), "nobody told it to stop");
                let lease = splitter.retry(lease);
                assert_eq!(lease.version().as_str(), "v1");
                return lease.finish(Ended::ok());
            }
            thread::sleep(Duration::from_millis(1));
        }
    });
    let outcome = deployment.run().unwrap();
    assert_eq!(outcome.status, Status::RolledBack);
    endless.join().unwrap();
    service.assert_old_version_serves();
}

#[test]
fn a_full_disk_stops_an_update_and_never_a_rollback() {
    let service = Service::start("");
    let deployment = service.deployment(plan()).build().unwrap();
    service.journal.break_with(Some(JournalError::other("no space left on device")));
    let outcome = deployment.run().unwrap();
    assert_eq!(outcome.status, Status::RolledBack);
    assert!(outcome.reason.contains("no space left"), "{}", outcome.reason);
    service.assert_old_version_serves();
    assert!(service.deployment(plan()).build().is_err(), "nothing begins that cannot be written down");
}

#[test]
fn alerts_that_fail_or_panic_hold_nothing_up() {
    #[derive(Debug)]
    struct Broken;
    impl AlertSink for Broken {
        fn send(&self, alert: &Alert) -> Result<(), AlertError> {
            assert!(alert.title.contains("nothing"), "the sink is broken");
            Err(AlertError("nobody is there".into()))
        }
    }
    let service = Service::start("v2");
    let outcome = service.deployment(plan()).alerts(Arc::new(Broken)).build().unwrap().run().unwrap();
    assert_eq!(outcome.status, Status::RolledBack);
    service.assert_old_version_serves();
}

#[test]
fn a_clock_that_stands_still_advances_nothing_and_still_rolls_back() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs_f64(1e9)));
    let service = Service::start("v2");
    let outcome = service.deployment(plan()).clock(Arc::clone(&clock) as _).build().unwrap().run().unwrap();
    assert_eq!((outcome.status, outcome.stages_passed), (Status::RolledBack, 0));
    service.assert_old_version_serves();
}

#[test]
fn a_clock_that_is_put_back_delays_and_harms_nothing() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs_f64(1e9)));
    let service = Service::start("");
    let deployment = service.deployment(plan()).clock(Arc::clone(&clock) as _).build().unwrap();
    let controls = deployment.controls();
    let running = thread::spawn(move || deployment.run().unwrap());
    clock.set(Timestamp::from_secs_f64(1e6));
    let deadline = Instant::now() + Duration::from_secs(60);
    while !controls.phase().is_final() {
        assert!(Instant::now() < deadline, "still {}", controls.phase());
        clock.advance(Duration::from_millis(5));
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(running.join().unwrap().status, Status::Completed);
}

fn wait_for(controls: &serinus::deploy::Controls, reached: impl Fn(Phase) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !reached(controls.phase()) {
        assert!(Instant::now() < deadline, "still {}", controls.phase());
        thread::sleep(Duration::from_millis(1));
    }
}

/// A plan that stays in its first stage.
fn long_plan() -> UpdatePlan {
    plan().with_holds_scaled(1e4).unwrap()
}

#[test]
fn the_next_request_after_an_abort_is_on_the_old_version() {
    let service = Service::start("");
    let deployment = service.deployment(long_plan()).build().unwrap();
    let controls = deployment.controls();
    let running = thread::spawn(move || deployment.run().unwrap());
    wait_for(&controls, |phase| phase == Phase::Stage(0));
    let key = (0..1_000).map(|n| format!("k{n}")).find(|key| service.splitter.version_for(key) == id("v2")).unwrap();
    let token = service.splitter.route(&Request::new().sticky_key(key.as_str())).session_token().to_string();
    controls.abort("a feeling").unwrap();
    for request in [
        Request::new().sticky_key(key.as_str()),
        Request::new().session_token(token.as_str()),
        Request::new().force_version("v2"),
    ] {
        assert_eq!(service.splitter.route(&request).version(), &id("v1"));
    }
    let outcome = running.join().unwrap();
    assert_eq!((outcome.status, outcome.reason.as_str()), (Status::Aborted, "a feeling"));
    assert!(matches!(controls.abort("again"), Err(RolloutError::WrongPhase { .. })));
    service.assert_old_version_serves();
}

#[test]
fn promotion_by_a_person_still_needs_proof_unless_it_is_skipped_by_name() {
    let service = Service::start("");
    let wary = long_plan().with_budgets(0.01, 1e-300).unwrap();
    let deployment = service.deployment(wary).build().unwrap();
    let controls = deployment.controls();
    let running = thread::spawn(move || deployment.run().unwrap());
    wait_for(&controls, |phase| phase == Phase::Stage(0));
    assert!(matches!(controls.promote(), Err(RolloutError::NotHealthy { .. })));
    controls.dangerous().promote_without_health_gate().unwrap();
    wait_for(&controls, |phase| phase == Phase::Baking);
    controls.end_bake().unwrap();
    assert_eq!(running.join().unwrap().status, Status::Completed);
}

#[test]
fn from_a_to_b_and_back_to_a_in_the_middle() {
    let service = Service::start("");
    let deployment = service.deployment(long_plan()).build().unwrap();
    let controls = deployment.controls();
    let running = thread::spawn(move || deployment.run().unwrap());
    wait_for(&controls, |phase| phase == Phase::Stage(0));
    controls.supersede(plan_from(&model("v2", "bb"), &model("v1", "aa"))).unwrap();
    assert_eq!(running.join().unwrap().status, Status::Aborted);
    service.assert_old_version_serves();
    assert_eq!(service.run().status, Status::Completed, "the same version can be tried again");
}

#[test]
fn from_a_to_b_and_on_to_c_in_the_middle() {
    let service = Service::start("v2");
    let deployment = service.deployment(long_plan()).build().unwrap();
    let (controls, events) = (deployment.controls(), deployment.events());
    let running = thread::spawn(move || deployment.run().unwrap());
    wait_for(&controls, |phase| phase != Phase::Planned);
    let unrelated = plan_from(&model("v7", "77"), &model("v8", "88"));
    assert!(matches!(controls.supersede(unrelated), Err(RolloutError::WrongBase { .. })));
    controls.supersede(plan_from(&model("v1", "aa"), &model("v3", "cc"))).unwrap();
    let outcome = running.join().unwrap();
    assert_eq!((outcome.status, outcome.serving.as_str()), (Status::Completed, "v3"), "{}", outcome.reason);
    let ended: Vec<Status> = events
        .filter_map(|event| if let What::Finished(outcome) = event.what { Some(outcome.status) } else { None })
        .collect();
    assert_eq!(ended, [Status::Aborted, Status::Completed]);
    let replicas = ["v1", "v2", "v3"].map(|version| service.host.replicas(&id(version)));
    assert_eq!(replicas, [0, 0, 4]);
}

#[test]
fn a_driver_that_panics_leaves_no_canary_with_traffic() {
    #[derive(Debug)]
    struct Panics;
    impl serinus::rollout::RolloutPolicy for Panics {
        fn decide(&self, _: &serinus::rollout::StageView<'_>) -> serinus::rollout::Decision {
            panic!("a bug in a policy")
        }
    }
    let service = Service::start("");
    let deployment = service.deployment(plan()).policy(Arc::new(Panics)).build().unwrap();
    assert!(thread::spawn(move || deployment.run()).join().is_err());
    assert_eq!(service.splitter.table().weights(), &Weights::all(&id("v1")));
}

#[test]
fn a_host_that_panics_is_a_host_that_fails() {
    #[derive(Debug)]
    struct Panics(MemoryHost);
    impl ModelHost for Panics {
        fn fleet(&self) -> Result<Fleet, HostError> {
            self.0.fleet()
        }
        fn load(&self, _: &ModelVersion, _: u32) -> Result<(), HostError> {
            panic!("a bug in a host")
        }
        fn warm_up(&self, version: &VersionId, tokens: u32) -> Result<(), HostError> {
            self.0.warm_up(version, tokens)
        }
        fn verify(&self, version: &VersionId) -> Result<Option<Fingerprint>, HostError> {
            self.0.verify(version)
        }
        fn cancel_in_flight(&self, version: &VersionId) -> Result<u64, HostError> {
            self.0.cancel_in_flight(version)
        }
        fn unload(&self, version: &VersionId, keep: u32) -> Result<(), HostError> {
            self.0.unload(version, keep)
        }
    }
    let host = Arc::new(Panics(MemoryHost::serving(fleet(), &model("v1", "aa"))));
    let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(&id("v1"))));
    let deployment = Deployment::builder(plan(), host, splitter).tick(Duration::from_millis(5)).build().unwrap();
    let outcome = deployment.run().unwrap();
    assert_eq!(outcome.status, Status::RolledBack);
    assert!(outcome.reason.contains("panicked"), "{}", outcome.reason);
}

#[test]
fn a_plan_from_another_base_is_refused() {
    let service = Service::start("");
    let refused = service.deployment(plan_from(&model("v7", "77"), &model("v8", "88"))).build().unwrap_err();
    assert!(refused.to_string().contains("the splitter serves v1"), "{refused}");
}

/// Waits until the rollout waits for a person, and gives the reason.
fn wait_for_pause(events: &serinus::deploy::Events) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        let event = events.next_timeout(Duration::from_secs(30)).expect("the deployment goes on");
        if let What::Progress(Progress::Paused(reason)) = event.what {
            return reason;
        }
    }
    panic!("nobody was asked");
}

#[test]
fn a_stage_that_lacks_requests_for_too_long_asks_a_person_or_rolls_back() {
    let starved = || {
        let plan = plan();
        let stages = plan.stages().iter().map(|stage| {
            Stage::new(stage.weight(), Duration::ZERO, u64::MAX, stage.allocation())
                .with_max_hold(Duration::from_millis(50))
        });
        let stages = stages.collect();
        plan.with_stages(stages).unwrap()
    };
    let service = Service::start("");
    let deployment = service.deployment(starved()).build().unwrap();
    let (controls, events) = (deployment.controls(), deployment.events());
    let running = thread::spawn(move || deployment.run().unwrap());
    let reason = wait_for_pause(&events);
    assert!(reason.contains("still lacks") && reason.contains("canary requests"), "{reason}");
    assert_eq!(controls.phase(), Phase::Stage(0), "too little data decides nothing");
    controls.abort("no traffic tonight").unwrap();
    assert_eq!(running.join().unwrap().status, Status::Aborted);

    let impatient = starved().with_on_max_hold(OnMaxHold::RollBack);
    let outcome = service.deployment(impatient).build().unwrap().run().unwrap();
    assert_eq!(outcome.status, Status::RolledBack);
    service.assert_old_version_serves();
}

#[test]
fn the_last_step_waits_for_approval_where_the_plan_asks_for_it() {
    let service = Service::start("");
    let deployment = service.deployment(plan().with_approval(true)).build().unwrap();
    let (controls, events) = (deployment.controls(), deployment.events());
    let running = thread::spawn(move || deployment.run().unwrap());
    let reason = wait_for_pause(&events);
    assert!(reason.contains("waits for approval"), "{reason}");
    assert_eq!(controls.phase(), Phase::Stage(1));
    controls.approve().unwrap();
    assert_eq!(running.join().unwrap().status, Status::Completed);
}

#[test]
fn a_pause_holds_the_rollout_and_not_the_guardrails() {
    let service = Service::start("v2");
    service.fails.store(false, Ordering::Relaxed);
    let deployment = service.deployment(plan().with_holds_scaled(33.0).unwrap()).build().unwrap();
    let controls = deployment.controls();
    let running = thread::spawn(move || deployment.run().unwrap());
    wait_for(&controls, |phase| phase == Phase::Stage(0));
    controls.pause("lunch").unwrap();
    // The stage would be over after a second, were it not paused.
    thread::sleep(Duration::from_millis(1_500));
    assert_eq!(controls.phase(), Phase::Stage(0));
    service.fails.store(true, Ordering::Relaxed);
    let outcome = running.join().unwrap();
    assert_eq!((outcome.status, outcome.stages_passed), (Status::RolledBack, 0), "a guardrail needs nobody's leave");
}

#[test]
fn a_bad_version_that_came_in_one_flip_is_rolled_back_while_it_bakes() {
    let service = Service::start("v2");
    let planner = RiskPlanner::default().with_strategy(Risk::Medium, Strategy::BlueGreen);
    let plan = planner.plan(&model("v1", "aa"), &model("v2", "bb"), &fleet()).unwrap();
    let deployment = service.deployment(plan).build().unwrap();
    // The old version is seen for a while before the flip.
    let controls = deployment.controls();
    controls.pause("to see the old version").unwrap();
    let running = thread::spawn(move || deployment.run().unwrap());
    thread::sleep(Duration::from_millis(100));
    controls.resume().unwrap();
    let outcome = running.join().unwrap();
    assert_eq!((outcome.status, outcome.stages_passed), (Status::RolledBack, 0), "{}", outcome.reason);
    service.assert_old_version_serves();
}

/// Somebody takes the old version out of the table by hand, so the canary is the last one there: it cannot be taken out,
/// and must not be unloaded under its users.
#[test]
fn a_canary_that_cannot_leave_the_table_is_not_unloaded() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs_f64(1e9)));
    let service = Service::start("");
    let deployment = service.deployment(long_plan()).clock(Arc::clone(&clock) as _).build().unwrap();
    let controls = deployment.controls();
    let running = thread::spawn(move || deployment.run().unwrap());
    wait_for(&controls, |phase| phase == Phase::Stage(0));
    service.splitter.withdraw(&id("v1")).unwrap();
    controls.abort("the wrong button").unwrap();
    thread::sleep(Duration::from_millis(100));
    assert_eq!(controls.phase(), Phase::RollingBack);
    assert!(service.splitter.table().serves(&id("v2")));
    assert!(service.host.replicas(&id("v2")) > 0, "it was unloaded under its users");

    service.splitter.admit(&id("v1"));
    let deadline = Instant::now() + Duration::from_secs(30);
    while !controls.phase().is_final() {
        assert!(Instant::now() < deadline, "still {}", controls.phase());
        clock.advance(Duration::from_secs(1));
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(running.join().unwrap().status, Status::Aborted);
    service.assert_old_version_serves();
}

#[test]
fn a_deployment_that_is_dropped_before_it_ran_leaves_nothing_behind() {
    let service = Service::start("");
    let deployment = service.deployment(plan()).build().unwrap();
    let events = deployment.events();
    drop(deployment);
    let reader = thread::spawn(move || events.count());
    let deadline = Instant::now() + Duration::from_secs(10);
    while !reader.is_finished() {
        assert!(Instant::now() < deadline, "a subscriber waits for ever");
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(service.run().status, Status::Completed, "the plan can still be carried out");
}

/// A disk that takes its time with every write, and looks at the traffic before it begins with a rollback's.
#[derive(Debug)]
struct SlowJournal {
    journal: MemoryJournal,
    splitter: Arc<HashSplitter>,
    traffic_went_first: AtomicBool,
}

impl SlowJournal {
    fn new(service: &Service) -> Arc<Self> {
        let (journal, splitter) = (MemoryJournal::default(), Arc::clone(&service.splitter));
        Arc::new(Self { journal, splitter, traffic_went_first: AtomicBool::new(false) })
    }
}

impl Journal for SlowJournal {
    fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        if let Record::Decided { effects, .. } = &entry.what
            && effects.iter().any(|effect| matches!(effect, Effect::RollBackTraffic { .. }))
        {
            self.traffic_went_first.store(!self.splitter.table().serves(&id("v2")), Ordering::Relaxed);
        }
        thread::sleep(Duration::from_millis(150));
        self.journal.append(entry)
    }

    fn rollouts(&self) -> Result<Vec<String>, JournalError> {
        self.journal.rollouts()
    }

    fn entries(&self, rollout: &str) -> Result<Vec<Entry>, JournalError> {
        self.journal.entries(rollout)
    }
}

#[test]
fn a_slow_disk_delays_an_update_and_no_way_back() {
    let service = Service::start("");
    let good = service.deployment(plan()).journal(SlowJournal::new(&service)).build().unwrap();
    assert_eq!(good.run().unwrap().status, Status::Completed);

    let service = Service::start("v2");
    let journal = SlowJournal::new(&service);
    let bad = service.deployment(plan()).journal(journal.clone()).build().unwrap();
    assert_eq!(bad.run().unwrap().status, Status::RolledBack);
    assert!(journal.traffic_went_first.load(Ordering::Relaxed), "traffic waited for the disk");
    service.assert_old_version_serves();
}

/// As where the process must go: nobody waits for the rollout's end, and no user meets a canary that nobody watches.
#[test]
fn a_driver_that_is_stopped_leaves_traffic_on_the_old_version_and_the_rollout_in_the_journal() {
    let service = Service::start("");
    let journal = Arc::new(MemoryJournal::default());
    let deployment = service.deployment(plan()).journal(journal.clone()).build().unwrap();
    let controls = deployment.controls();
    let running = thread::spawn(move || deployment.run());
    wait_for(&controls, |phase| phase == Phase::Stage(0));
    controls.stop();
    assert!(matches!(running.join().unwrap(), Err(DeployError::Stopped)));
    assert_eq!(controls.events().next(), None, "nothing more will happen");
    assert!(service.splitter.table().weights().iter().all(|(version, weight)| *version == id("v1") || weight == 0.0));
    let rollout = journal.rollouts().unwrap().remove(0);
    assert_eq!(rollout, controls.rollout());
    let entries = journal.entries(&rollout).unwrap();
    assert!(!entries.iter().any(|entry| matches!(entry.what, Record::Finished(_))), "it has not ended");
}

#[test]
fn a_pause_before_the_start_keeps_everything_as_it_is() {
    let service = Service::start("");
    let deployment = service.deployment(plan()).build().unwrap();
    let controls = deployment.controls();
    controls.pause("not yet").unwrap();
    let running = thread::spawn(move || deployment.run().unwrap());
    thread::sleep(Duration::from_millis(50));
    assert!(service.host.calls().is_empty(), "{:?}", service.host.calls());
    controls.resume().unwrap();
    assert_eq!(running.join().unwrap().status, Status::Completed);
}

/// Its windows hold 1,000 requests; what a stage has judged is counted over all of it.
#[test]
fn the_threshold_rule_can_pass_stages_that_need_more_than_its_window() {
    let service = Service::start("");
    let (plan, stages) = (plan(), plan());
    let stages =
        stages.stages().iter().map(|stage| Stage::new(stage.weight(), Duration::ZERO, 4_000, stage.allocation()));
    let plan = plan.with_stages(stages.collect()).unwrap();
    let deployment = service.deployment(plan).evaluator(|plan| {
        // Errors only: the service's latencies are constant, its scores unknown.
        let (stable, canary) = (plan.current().version().clone(), plan.target().version().clone());
        Box::new(ThresholdEvaluator::new(stable, canary, Thresholds::default()).unwrap())
    });
    let deployment = deployment.build().unwrap();
    let controls = deployment.controls();
    let running = thread::spawn(move || deployment.run().unwrap());
    let deadline = Instant::now() + Duration::from_secs(30);
    while !controls.phase().is_final() {
        assert!(Instant::now() < deadline, "still {}: {:?}", controls.phase(), controls.evaluation().reasons);
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(running.join().unwrap().status, Status::Completed);
}

/// A canary that hangs has no failure to show: its requests become failures of their block when their time is up.
#[test]
fn a_canary_that_never_answers_is_rolled_back() {
    let (v1, v2) = (model("v1", "aa"), model("v2", "bb"));
    let host = Arc::new(MemoryHost::serving(fleet(), &v1));
    let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(v1.version())));
    let deployment = Deployment::builder(plan_from(&v1, &v2), host, Arc::clone(&splitter) as _)
        .tick(Duration::from_millis(5))
        .evaluator(|plan| {
            let (stable, canary) = (plan.current().version().clone(), plan.target().version().clone());
            let rule = BlockRule { request_timeout: Duration::from_millis(100), ..BlockRule::default() };
            Box::new(SequentialEvaluator::builder(stable, canary).block_rule(rule).build().unwrap())
        })
        .build()
        .unwrap();
    let controls = deployment.controls();
    let running = thread::spawn(move || deployment.run().unwrap());
    let deadline = Instant::now() + Duration::from_secs(30);
    let (mut hanging, mut n) = (Vec::new(), 0u32);
    while !controls.phase().is_final() {
        assert!(Instant::now() < deadline, "still {}: {:?}", controls.phase(), controls.evaluation().reasons);
        for _ in 0..20 {
            n += 1;
            let key = format!("user-{}", n.wrapping_mul(2_654_435_761));
            let lease = splitter.route(&Request::new().sticky_key(key.as_str()));
            if lease.version() == v2.version() { hanging.push(lease) } else { lease.finish(Ended::ok()) }
        }
        // What is told to stop goes on elsewhere.
        for lease in hanging.extract_if(.., |lease| lease.is_cancelled()) {
            splitter.retry(lease).finish(Ended::ok());
        }
        thread::sleep(Duration::from_millis(1));
    }
    let outcome = running.join().unwrap();
    assert_eq!((outcome.status, outcome.stages_passed), (Status::RolledBack, 0));
    assert!(outcome.reason.contains("errors: 100.0% of"), "{}", outcome.reason);
    assert!(hanging.is_empty(), "{} requests were never told", hanging.len());
}
