//! What becomes of good versions, of bad ones, and of their requests.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serinus::alert::{Alert, AlertError, AlertSink};
use serinus::deploy::Deployment;
use serinus::evaluate::{SequentialEvaluator, ThresholdEvaluator, Thresholds};
use serinus::host::MemoryHost;
use serinus::journal::{Journal, Record};
use serinus::observe::{BlockRule, Outcome as Ended};
use serinus::plan::{Risk, RiskPlanner, Stage, Strategy, UpdatePlanner};
use serinus::rollout::Status;
use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};

use crate::service::{Service, fleet, id, model, plan, plan_from};

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
        Ok(Box::new(ThresholdEvaluator::new(stable, canary, Thresholds::default()).unwrap()))
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
            Ok(Box::new(SequentialEvaluator::builder(stable, canary).block_rule(rule).build()?))
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
