//! What a plan refuses, and what holds for every plan that there is.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::Strategy as _;
use serinus::model::{Adapter, Fingerprint, ModelVersion, ModelVersionBuilder};
use serinus::plan::{
    Allocation, Fleet, PlanError, Risk, RiskPlanner, Stage, Step, Strategy, UpdatePlan, UpdatePlanner,
};

fn llama(version: &str, hash: &str) -> ModelVersionBuilder {
    let builder = ModelVersion::builder("llama-70b-chat", version).base_model("llama-70b").weight_hash(hash);
    builder.gpu_memory_gb(140.0).load_time(Duration::from_secs(55))
}

fn plan_on(fleet: &Fleet, target: ModelVersionBuilder) -> Result<UpdatePlan, PlanError> {
    RiskPlanner::default().plan(&llama("v1", "aa").build().unwrap(), &target.build().unwrap(), fleet)
}

fn plan() -> UpdatePlan {
    plan_on(&Fleet::new(10, 160.0).unwrap().with_spare_replicas(1), llama("v2", "bb")).unwrap()
}

fn stage(hold: Duration) -> Stage {
    Stage::new(0.25, hold, 1, plan().stages()[1].allocation())
}

/// From today's fleet through all stages to the bake: what is loaded holds and serves what is routed at every step.
fn walk(plan: &UpdatePlan) -> Result<(), TestCaseError> {
    let share = plan.fleet().replica_share();
    let mut now = Allocation { stable: plan.fleet().replicas(), canary: 0, weight: 0.0 };
    for goal in plan.stages().iter().map(Stage::allocation).chain([plan.promoted()]) {
        while let Some(step) = plan.next_step(now, goal).expect("a plan can be carried out") {
            let before = now;
            match step {
                Step::Load { replicas } => now.canary = replicas,
                Step::Shrink { keep } => now.stable = keep,
                Step::Weight(weight) => now.weight = weight,
            }
            prop_assert_ne!(before, now, "a step that does nothing");
            let loaded = if plan.colocated() { now.stable.max(now.canary) } else { now.stable + now.canary };
            prop_assert!(loaded <= plan.slots() && plan.slots() <= plan.fleet().slots());
            prop_assert!(now.weight <= f64::from(now.canary) * share + 1e-9);
            prop_assert!(1.0 - now.weight <= f64::from(now.stable) * share + 1e-9);
        }
        prop_assert!((now.weight - goal.weight).abs() < 1e-12, "short of {:?}: {:?}", goal, now);
    }
    Ok(())
}

fn target() -> impl proptest::strategy::Strategy<Value = ModelVersionBuilder> {
    let adapter = (any::<bool>(), 0.1..40.0f64).prop_map(|(known, size)| Adapter {
        name: "support@1".into(),
        base_weight_hash: Fingerprint::new("aa").unwrap(),
        weight_hash: Fingerprint::new("ad1").unwrap(),
        rank: 16,
        size_gb: known.then_some(size),
        reserved_gb: None,
    });
    prop_oneof![
        Just(llama("v2", "aa").config_hash("c2")),
        adapter.prop_map(|adapter| llama("v2", "aa").adapter(adapter)),
        (1.0..200.0f64).prop_map(|memory| llama("v2", "bb").gpu_memory_gb(memory)),
        Just(llama("v2", "bb").base_model("llama-8b")),
        Just(llama("v2", "bb").base_model("mistral-7b").metadata("a key", "\"quoted\"\n")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_can_be_carried_out_and_survives_its_text(
        replicas in 1..40u32,
        spare in 0..45u32,
        memory in 100.0..400.0f64,
        utilization in 0.05..=1.0f64,
        target in target(),
        strategy in prop::option::of(prop::sample::select(vec![Strategy::Rolling, Strategy::Canary, Strategy::BlueGreen])),
        factor in 1e-4..10.0f64,
    ) {
        let fleet = Fleet::new(replicas, memory).unwrap().with_spare_replicas(spare);
        let fleet = fleet.with_peak_utilization(utilization).unwrap();
        let mut planner = RiskPlanner::default();
        for risk in [Risk::Low, Risk::Medium, Risk::High, Risk::Critical] {
            planner = strategy.into_iter().fold(planner, |planner, strategy| planner.with_strategy(risk, strategy));
        }
        let plan = planner.plan(&llama("v1", "aa").build().unwrap(), &target.build().unwrap(), &fleet);
        let Ok(plan) = plan else { return Ok(()) };
        let plan = plan.with_holds_scaled(factor).unwrap();
        walk(&plan)?;
        prop_assert!(plan.gpu().peak_memory_gb <= plan.gpu().available_memory_gb + 1e-6);
        prop_assert!(plan.explain().contains("v1 -> v2"));
        prop_assert_eq!(&UpdatePlan::from_toml(&plan.to_toml()).unwrap(), &plan);
        prop_assert_eq!(&UpdatePlan::from_json(&plan.to_json()).unwrap(), &plan);
    }
}

#[test]
fn a_rolling_update_without_room_to_roll_takes_a_spare_replica_round() {
    let full = Fleet::new(10, 160.0).unwrap().with_peak_utilization(1.0).unwrap();
    let config = || llama("v2", "aa").config_hash("c2");
    assert!(matches!(plan_on(&full, config()).unwrap_err(), PlanError::Capacity { .. }));
    let plan = plan_on(&full.with_spare_replicas(1), config()).unwrap();
    assert_eq!((plan.strategy(), plan.slots(), plan.promoted().canary), (Strategy::Rolling, 11, 10));
    assert!((plan.gpu().overhead_fraction - 0.1).abs() < 1e-12, "{}", plan.gpu().overhead_fraction);
    assert!(plan.gpu().overlap_required);
    walk(&plan).unwrap();
}

#[test]
fn a_plan_that_the_gpus_cannot_hold_is_refused_wherever_it_comes_from() {
    let text = plan().to_toml();
    for (what, with) in [
        ("colocated = false", "colocated = true"),
        ("gpu_memory_gb = 160.0", "gpu_memory_gb = 80.0"),
        ("peak_memory_gb = 1540.0", "peak_memory_gb = nan"),
        ("replicas = 10", "replicas = 0"),
    ] {
        assert!(text.contains(what), "{what} in\n{text}");
        assert!(UpdatePlan::from_toml(&text.replacen(what, with, 1)).is_err(), "{what} -> {with}");
    }
}

#[test]
fn a_fleet_is_checked_when_it_is_read() {
    for bad in [
        r#"{"replicas":0,"gpu_memory_gb":80.0}"#,
        r#"{"replicas":1,"gpu_memory_gb":-1.0}"#,
        r#"{"replicas":4000000000,"gpu_memory_gb":80.0}"#,
        r#"{"replicas":1,"gpu_memory_gb":80.0,"peak_utilization":0.0}"#,
    ] {
        assert!(serde_json::from_str::<Fleet>(bad).is_err(), "{bad}");
    }
    let vast = Fleet::new(1, 160.0).unwrap().with_spare_replicas(u32::MAX);
    assert!(matches!(plan_on(&vast, llama("v2", "bb")).unwrap_err(), PlanError::Invalid { .. }));
}

#[test]
fn times_beyond_a_hundred_years_are_refused_and_never_overflow() {
    assert!(plan().with_bake(Duration::MAX).is_err());
    assert!(plan().with_holds_scaled(1e15).is_err());
    assert!(plan().with_stages(vec![stage(Duration::MAX)]).is_err());
    assert!(
        RiskPlanner::default()
            .with_drain_timeout(Duration::MAX)
            .with_bake(Duration::MAX)
            .plan(plan().current(), plan().target(), plan().fleet())
            .is_err()
    );
    let patient = plan().with_drain_timeout(Duration::MAX);
    assert_eq!(UpdatePlan::from_toml(&patient.to_toml()).unwrap(), patient);
}

#[test]
fn the_evaluation_time_is_the_first_stages() {
    let hold = Duration::from_secs(7);
    let plan = plan().with_stages(vec![stage(hold)]).unwrap();
    assert_eq!((plan.evaluation(), plan.canary_fraction()), (hold, 0.25));
}

#[test]
fn holds_grow_together_with_their_limits() {
    let plan = plan().with_holds_scaled(100.0).unwrap();
    assert_eq!(plan.stages()[0].hold(), Duration::from_secs(360_000));
    assert_eq!(plan.stages()[0].max_hold(), Duration::from_secs(8_640_000));
    assert!(plan.with_holds_scaled(f64::NAN).is_err());
}

#[test]
fn a_weight_that_is_no_share_has_no_next_step() {
    let sound = Allocation { stable: 10, canary: 1, weight: 0.1 };
    for weight in [f64::NAN, f64::INFINITY, -0.1, 1.1] {
        let odd = Allocation { weight, ..sound };
        for (now, goal) in [(odd, sound), (sound, odd)] {
            assert!(matches!(plan().next_step(now, goal), Err(PlanError::Invalid { .. })), "{weight}");
        }
    }
}
