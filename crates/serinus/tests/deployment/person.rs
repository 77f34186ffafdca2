//! What a person says to a rollout under way, and is asked by it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use serinus::clock::{ManualClock, Timestamp};
use serinus::deploy::{Events, What};
use serinus::plan::{OnMaxHold, Stage};
use serinus::rollout::{Phase, Progress, RolloutError, Status};
use serinus::route::{Request, TrafficSplitter};

use crate::service::{Service, id, long_plan, model, plan, plan_from, wait_for};

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

/// Waits until the rollout waits for a person, and gives the reason.
fn wait_for_pause(events: &Events) -> String {
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
