//! A host that fails, hangs, panics or lies.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serinus::deploy::Deployment;
use serinus::host::{Fault, HostError, MemoryHost, ModelHost, Operation};
use serinus::model::{Fingerprint, ModelVersion, VersionId};
use serinus::plan::{Deadlines, Fleet};
use serinus::rollout::Status;
use serinus::route::{HashSplitter, TrafficSplitter, Weights};

use crate::service::{Service, fleet, id, model, plan};

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
