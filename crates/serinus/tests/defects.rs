//! Defects that rollout tools are known for, one test each. Those of the evaluators (5, 6, 8) stand with their code, in
//! `src/evaluate/tests`; here are those of routing, rollback, rollout and pipeline.

use std::sync::Arc;
use std::time::Duration;

use serinus::deploy::Deployment;
use serinus::host::{Fault, HostError, MemoryHost, Operation};
use serinus::journal::{Journal, MemoryJournal, Record};
use serinus::model::{ModelVersion, VersionId};
use serinus::observe::Outcome;
use serinus::plan::{Fleet, RiskPlanner, Strategy, UpdatePlan, UpdatePlanner};
use serinus::rollout::{Phase, Rollout, Status};
use serinus::route::{HashSplitter, Reason, Request, RoutingError, TokenKey, TrafficSplitter, Weights};

fn id(name: &str) -> VersionId {
    VersionId::new(name).unwrap()
}

fn model(version: &str, hash: &str) -> ModelVersion {
    let builder = ModelVersion::builder("chat", version).base_model("llama-8b").weight_hash(hash);
    builder.gpu_memory_gb(16.0).build().unwrap()
}

fn fleet() -> Fleet {
    Fleet::new(4, 24.0).unwrap().with_spare_replicas(4)
}

/// One replica of five can go while the others serve everything.
fn rolling_fleet() -> Fleet {
    Fleet::new(5, 24.0).unwrap()
}

fn splitter(canary_weight: f64) -> HashSplitter {
    let splitter = HashSplitter::new("chat", &Weights::all(&id("v1")));
    splitter.admit(&id("v2"));
    splitter.set_weights(&Weights::split(&id("v1"), &id("v2"), canary_weight).unwrap()).unwrap();
    splitter
}

fn deploy(plan: UpdatePlan, host: &Arc<MemoryHost>, journal: &Arc<MemoryJournal>) -> serinus::rollout::Outcome {
    let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(plan.current().version())));
    let builder = Deployment::builder(plan, Arc::clone(host) as _, splitter).tick(Duration::from_millis(2));
    builder.journal(Arc::clone(journal) as Arc<dyn Journal>).build().unwrap().run().unwrap()
}

/// Sticky maps grow without bound and are not shared.
#[test]
fn defect_01_two_routers_agree_and_keep_nothing_per_user() {
    let first = splitter(0.3);
    let second = HashSplitter::from_table(first.table().as_ref().clone(), TokenKey::random());
    let size = |splitter: &HashSplitter| serde_json::to_string(splitter.table().as_ref()).unwrap().len();
    let before = size(&first);
    for user in 0..50_000 {
        let user = format!("user-{user}");
        let lease = first.route(&Request::new().sticky_key(user.as_str()));
        assert_eq!(lease.version(), &second.version_for(&user));
        lease.finish(Outcome::ok());
    }
    assert_eq!(size(&first), before, "the table is all there is, and it has not grown");
}

/// Known users never move as a ramp grows, so the canary gets less than its share.
#[test]
fn defect_02_the_share_of_known_users_follows_the_ramp() {
    let splitter = splitter(0.02);
    let users: Vec<String> = (0..20_000).map(|user| format!("user-{user}")).collect();
    for weight in [0.02, 0.05, 0.10, 0.25, 0.50, 1.00] {
        splitter.set_weights(&Weights::split(&id("v1"), &id("v2"), weight).unwrap()).unwrap();
        let on_canary = users.iter().filter(|user| splitter.version_for(user) == id("v2")).count() as f64;
        let error = (weight * (1.0 - weight) / users.len() as f64).sqrt();
        assert!((on_canary / users.len() as f64 - weight).abs() <= 4.0 * error, "{on_canary} users at {weight}");
    }
}

/// At 100% sticky users stay on the old version, which is then unloaded under them.
#[test]
fn defect_03_at_100_percent_nobody_is_sticky_on_the_old_version() {
    let splitter = splitter(0.5);
    let pinned = splitter.route(&Request::new().sticky_key("u1")).session_token().to_string();
    splitter.set_weights(&Weights::all(&id("v2"))).unwrap();
    for user in 0..5_000 {
        assert_eq!(splitter.version_for(&format!("user-{user}")), id("v2"));
    }
    splitter.withdraw(&id("v1")).unwrap();
    let again = splitter.route(&Request::new().session_token(pinned.as_str()));
    assert_eq!(again.version(), &id("v2"), "a pin to a version that is gone no longer counts");
}

/// Forced requests are not counted, overrides name unloaded versions, and NaN passes the sum check.
#[test]
fn defect_04_forces_are_counted_and_bad_weights_and_overrides_refused() {
    let splitter = splitter(0.1);
    splitter.route(&Request::new().force_version("v2")).finish(Outcome::ok());
    splitter.route(&Request::new().force_version("v9").sticky_key("u1")).finish(Outcome::ok());
    let stats = splitter.stats();
    assert_eq!(stats.versions[&id("v2")].by_reason.get(&Reason::Forced), Some(&1));
    assert_eq!(stats.ignored_forces, 1);
    assert!(matches!(splitter.set_category_override("coding", &id("v9")), Err(RoutingError::NotServing { .. })));
    for bad in [f64::NAN, -0.5, f64::INFINITY] {
        assert!(Weights::new([(id("v1"), 1.0 - bad), (id("v2"), bad)]).is_err(), "{bad}");
    }
    assert!(splitter.set_weights(&Weights::all(&id("v9"))).is_err());
    assert_eq!(splitter.table().weights().of(&id("v2")), 0.1, "what was refused has changed nothing");
}

/// The record is written only if the unload succeeds, and nobody is told.
#[test]
fn defect_09_a_failed_unload_hides_neither_record_nor_alert() {
    let host = Arc::new(MemoryHost::serving(fleet(), &model("v1", "aa")));
    host.inject(Operation::WarmUp, Fault::Error(HostError::permanent("cold")));
    host.inject(Operation::Unload, Fault::Error(HostError::permanent("stuck")));
    let journal = Arc::new(MemoryJournal::default());
    let plan = RiskPlanner::default().plan(&model("v1", "aa"), &model("v2", "bb"), &fleet()).unwrap();
    let outcome = deploy(plan, &host, &journal);
    assert_eq!(outcome.status, Status::RolledBack);
    let entries = journal.entries(&journal.rollouts().unwrap()[0]).unwrap();
    assert!(entries.iter().any(|entry| matches!(&entry.what, Record::RolledBack(record) if record.steps.len() >= 3)));
    let alerted = entries.iter().any(|entry| match &entry.what {
        Record::Decided { effects, .. } => effects
            .iter()
            .any(|effect| matches!(effect, serinus::rollout::Effect::Alert(alert) if alert.body.contains("stuck"))),
        _ => false,
    });
    assert!(alerted);
}

/// Holds and minimum requests are ignored, and "rolling" still canaries.
#[test]
fn defect_10_the_plan_is_what_is_carried_out() {
    let plan = RiskPlanner::default().plan(&model("v1", "aa"), &model("v2", "aa"), &rolling_fleet()).unwrap();
    assert_eq!(plan.strategy(), Strategy::Rolling);
    let host = Arc::new(MemoryHost::serving(rolling_fleet(), &model("v1", "aa")));
    let outcome = deploy(plan, &host, &Arc::default());
    assert_eq!((outcome.status, outcome.stages_passed), (Status::Completed, 4));
    let changes: Vec<String> =
        host.calls().into_iter().filter(|call| call.starts_with("load") || call.starts_with("unload")).collect();
    let replica_by_replica = [
        "unload v1 4",
        "load v2 1",
        "unload v1 3",
        "load v2 2",
        "unload v1 2",
        "load v2 3",
        "unload v1 1",
        "load v2 4",
        "unload v1 0",
        "load v2 5",
    ];
    assert_eq!(changes, replica_by_replica);
    // Holds and minimum requests of a canary: see `tests/invariants.rs` and the unit tests of `StagedPolicy`.
}

/// A load that fails leaves an exception and a mess.
#[test]
fn defect_11_a_failed_load_is_cleaned_up() {
    let host = Arc::new(MemoryHost::serving(fleet(), &model("v1", "aa")));
    host.inject(Operation::Load, Fault::LostAnswer(HostError::permanent("out of memory")));
    let plan = RiskPlanner::default().plan(&model("v1", "aa"), &model("v2", "bb"), &fleet()).unwrap();
    let outcome = deploy(plan, &host, &Arc::default());
    assert_eq!(outcome.status, Status::RolledBack);
    assert!(outcome.reason.contains("out of memory"), "{}", outcome.reason);
    assert_eq!((host.replicas(&id("v1")), host.replicas(&id("v2"))), (4, 0));
}

/// Everything is lost if the process dies. Here: the journal holds the whole state before each effect.
#[test]
fn defect_12_every_state_is_written_down_before_its_effects() {
    let journal = Arc::new(MemoryJournal::default());
    let host = Arc::new(MemoryHost::serving(rolling_fleet(), &model("v1", "aa")));
    let plan = RiskPlanner::default().plan(&model("v1", "aa"), &model("v2", "aa"), &rolling_fleet()).unwrap();
    deploy(plan.clone(), &host, &journal);
    let entries = journal.entries(&journal.rollouts().unwrap()[0]).unwrap();
    let text = serde_json::to_string(&entries).unwrap();
    assert_eq!(serde_json::from_str::<Vec<serinus::journal::Entry>>(&text).unwrap(), entries);
    let Record::Begun(begun) = &entries[0].what else { panic!("the plan comes first") };
    assert_eq!(**begun, plan);
    let calls: usize = entries
        .iter()
        .map(|entry| match &entry.what {
            Record::Decided { effects, .. } => {
                effects.iter().filter(|effect| matches!(effect, serinus::rollout::Effect::Host { .. })).count()
            }
            _ => 0,
        })
        .sum();
    assert_eq!(calls, host.calls().len(), "no call was made that is not in the journal");
    assert_eq!(Rollout::new("x", Arc::new(plan)).phase(), Phase::Planned);
}
