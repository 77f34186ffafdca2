//! Drivers that go before the end, clocks that mislead them, and alerts that nobody takes.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serinus::alert::{Alert, AlertError, AlertSink};
use serinus::clock::{ManualClock, Timestamp};
use serinus::deploy::DeployError;
use serinus::host::{Fault, Operation};
use serinus::journal::{Journal, MemoryJournal, Record};
use serinus::rollout::{Decision, Phase, RolloutError, RolloutPolicy, StageView, Status};
use serinus::route::{TrafficSplitter, Weights};

use crate::service::{Service, id, model, plan, plan_from, wait_for, wait_until};

#[test]
fn a_plan_from_another_base_is_refused() {
    let service = Service::start("");
    let refused = service.deployment(plan_from(&model("v7", "77"), &model("v8", "88"))).build().unwrap_err();
    assert!(refused.to_string().contains("the splitter serves v1"), "{refused}");
}

#[test]
fn a_deployment_that_is_dropped_before_it_ran_leaves_nothing_behind() {
    let service = Service::start("");
    let deployment = service.deployment(plan()).build().unwrap();
    let events = deployment.events();
    drop(deployment);
    let reader = thread::spawn(move || events.count());
    wait_until("tell a subscriber that it has ended", || reader.is_finished());
    assert_eq!(service.run().status, Status::Completed, "the plan can still be carried out");
}

#[test]
fn a_driver_that_panics_leaves_no_canary_with_traffic() {
    #[derive(Debug)]
    struct Panics;
    impl RolloutPolicy for Panics {
        fn decide(&self, _: &StageView<'_>) -> Decision {
            panic!("a bug in a policy")
        }
    }
    let service = Service::start("");
    let deployment = service.deployment(plan()).policy(Arc::new(Panics)).build().unwrap();
    assert!(thread::spawn(move || deployment.run()).join().is_err());
    assert_eq!(service.splitter.table().weights(), &Weights::all(&id("v1")));
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
    assert_eq!(service.splitter.table().weights().of(&id("v2")), 0.0);
    let rollout = journal.rollouts().unwrap().remove(0);
    assert_eq!(rollout, controls.rollout());
    let entries = journal.entries(&rollout).unwrap();
    assert!(!entries.iter().any(|entry| matches!(entry.what, Record::Finished(_))), "it has not ended");
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

/// A host's answer comes when it comes, also to a driver that has gone.
#[test]
fn what_the_host_answers_after_the_driver_has_gone_changes_nothing() {
    let service = Service::start("");
    service.host.inject(Operation::Load, Fault::Hang);
    let deployment = service.deployment(plan()).build().unwrap();
    let controls = deployment.controls();
    let running = thread::spawn(move || deployment.run());
    wait_until("load", || !service.host.calls().is_empty());
    controls.stop();
    assert!(matches!(running.join().unwrap(), Err(DeployError::Stopped)));
    let before = service.journal.entries(&controls.rollout()).unwrap();
    service.host.release();
    wait_until("come to the load's end", || service.host.replicas(&id("v2")) > 0);
    // A warm-up would follow the answer at once.
    thread::sleep(Duration::from_millis(100));
    assert_eq!(service.journal.entries(&controls.rollout()).unwrap(), before);
    assert_eq!(service.host.calls().len(), 1, "{:?}", service.host.calls());
    assert!(!service.splitter.table().serves(&id("v2")));
    let refused = controls.resume().unwrap_err();
    assert_eq!(refused, RolloutError::NoDriver { phase: Phase::Loading });
    assert!(refused.to_string().contains("recover"), "{refused}");
}

#[test]
fn a_driver_that_is_stopped_before_it_ran_asks_nothing_of_the_host() {
    let service = Service::start("");
    let deployment = service.deployment(plan()).build().unwrap();
    deployment.controls().stop();
    assert!(matches!(deployment.run(), Err(DeployError::Stopped)));
    assert!(service.host.calls().is_empty(), "{:?}", service.host.calls());
}

/// However long a driver sleeps, and whenever it falls asleep.
#[test]
fn a_stop_wakes_the_driver() {
    let service = Service::start("");
    for round in 0..30 {
        service.host.inject(Operation::Load, Fault::Hang);
        let deployment = service.deployment(plan()).tick(Duration::from_secs(3_600)).build().unwrap();
        let controls = deployment.controls();
        let running = thread::spawn(move || deployment.run());
        wait_until("load", || service.host.calls().len() > round);
        controls.stop();
        wait_until("go", || running.is_finished());
        assert!(matches!(running.join().unwrap(), Err(DeployError::Stopped)));
        service.host.release();
    }
}
