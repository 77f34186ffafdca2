//! The scenario table of the planner, row by row, and what fleets make of it.

use std::time::Duration;

use serinus::model::{Adapter, Fingerprint, ModelVersion, ModelVersionBuilder};
use serinus::plan::{Change, Fleet, PlanError, Risk, RiskPlanner, Shadow, Strategy, UpdatePlan, UpdatePlanner};

fn llama(version: &str, hash: &str) -> ModelVersionBuilder {
    let builder = ModelVersion::builder("llama-70b-chat", version).base_model("llama-70b").weight_hash(hash);
    builder.config_hash("c1").gpu_memory_gb(140.0).load_time(Duration::from_secs(55)).warmup_tokens(2_048)
}

fn current() -> ModelVersion {
    llama("v1", "aa").build().unwrap()
}

/// Room for a full second set.
fn ample() -> Fleet {
    Fleet::new(10, 160.0).unwrap().with_spare_replicas(10)
}

fn plan(target: ModelVersionBuilder, fleet: &Fleet) -> Result<UpdatePlan, PlanError> {
    RiskPlanner::default().plan(&current(), &target.build().unwrap(), fleet)
}

fn adapter(size_gb: Option<f64>) -> Adapter {
    let hash = |text: &str| Fingerprint::new(text).unwrap();
    Adapter {
        name: "support@1".into(),
        base_weight_hash: hash("aa"),
        weight_hash: hash("ad1"),
        rank: 16,
        size_gb,
        reserved_gb: Some(2.0),
    }
}

fn hours(plan: &UpdatePlan) -> f64 {
    plan.stages().iter().map(|stage| stage.hold().as_secs_f64()).sum::<f64>() / 3_600.0
}

#[test]
fn config_only_is_low_risk_and_rolling() {
    let plan = plan(llama("v2", "aa").config_hash("c2"), &Fleet::new(10, 160.0).unwrap()).unwrap();
    assert_eq!((plan.change(), plan.risk(), plan.strategy()), (Change::ConfigOnly, Risk::Low, Strategy::Rolling));
    assert_eq!((plan.canary_fraction(), plan.evaluation()), (0.0, Duration::ZERO));
    assert_eq!(plan.gpu().overhead_fraction, 0.0);
    assert!(!plan.gpu().overlap_required);
    assert_eq!(plan.stages().len(), 9, "one replica after the other");
}

#[test]
fn an_adapter_swap_is_medium_risk_with_the_adapters_own_memory() {
    for (size, overhead) in [(Some(14.0), 16.0 / 140.0), (None, 0.15)] {
        let fleet = Fleet::new(10, 165.0).unwrap();
        let plan = plan(llama("v1-support", "aa").adapter(adapter(size)), &fleet).unwrap();
        assert_eq!((plan.change(), plan.risk()), (Change::AdapterSwap, Risk::Medium), "before the weight hashes");
        assert_eq!((plan.strategy(), plan.canary_fraction()), (Strategy::Canary, 0.10));
        assert_eq!(plan.evaluation(), Duration::from_secs(3_600));
        assert!(plan.colocated());
        assert!((plan.gpu().overhead_fraction - overhead).abs() < 1e-9, "{}", plan.gpu().overhead_fraction);
    }
}

#[test]
fn a_fine_tune_is_medium_risk() {
    let plan = plan(llama("v2", "bb"), &ample()).unwrap();
    assert_eq!((plan.risk(), plan.strategy(), plan.canary_fraction()), (Risk::Medium, Strategy::Canary, 0.10));
    assert_eq!(plan.evaluation(), Duration::from_secs(3_600));
    assert_eq!(plan.gpu().overhead_fraction, 1.0);
    assert_eq!(hours(&plan), 4.0);
    let rows: Vec<_> = plan.stages().iter().map(|stage| (stage.weight(), stage.min_requests())).collect();
    assert_eq!(rows, [(0.10, 2_000), (0.25, 5_000), (0.50, 10_000)]);
}

#[test]
fn another_base_of_the_family_is_high_risk() {
    let plan = plan(llama("v2", "bb").base_model("llama-8b"), &ample()).unwrap();
    assert_eq!((plan.risk(), plan.canary_fraction()), (Risk::High, 0.05));
    assert_eq!(plan.evaluation(), Duration::from_secs(4 * 3_600));
    assert_eq!(plan.gpu().overhead_fraction, 1.0);
    assert_eq!(hours(&plan), 8.0);
}

#[test]
fn another_family_is_critical() {
    let plan = plan(llama("v2", "bb").base_model("mistral-7b"), &ample()).unwrap();
    assert_eq!((plan.risk(), plan.canary_fraction()), (Risk::Critical, 0.02));
    assert_eq!(plan.evaluation(), Duration::from_secs(24 * 3_600));
    assert_eq!(plan.gpu().overhead_fraction, 1.0);
    assert_eq!(hours(&plan), 28.5);
}

#[test]
fn a_tenth_of_the_gpus_may_serve_a_twentieth_of_the_traffic() {
    let fleet = Fleet::new(10, 160.0).unwrap();
    let plan = plan(llama("v2", "bb").base_model("llama-8b"), &fleet).unwrap();
    let first = &plan.stages()[0];
    assert_eq!((first.weight(), first.canary_replicas(), first.stable_replicas()), (0.05, 1, 9));
    assert_eq!(plan.gpu().overhead_fraction, 0.0, "the canary's replicas are taken from the stable set");
}

#[test]
fn what_does_not_fit_is_refused_with_numbers() {
    let one = Fleet::new(1, 160.0).unwrap();
    let refused = plan(llama("v2", "bb"), &one).unwrap_err();
    assert!(matches!(refused, PlanError::Memory { needed_gb: 280.0, available_gb: 160.0, .. }), "{refused}");
    assert!(refused.to_string().contains("280.0 GB of GPU memory needed, 160.0 GB available"), "{refused}");

    let full = Fleet::new(4, 160.0).unwrap().with_peak_utilization(1.0).unwrap();
    let refused = plan(llama("v2", "bb"), &full).unwrap_err();
    assert!(matches!(refused, PlanError::Capacity { slots: 4, .. }), "{refused}");

    let small = Fleet::new(10, 80.0).unwrap();
    assert!(matches!(plan(llama("v2", "bb"), &small).unwrap_err(), PlanError::Memory { .. }));
    assert!(matches!(plan(llama("v1", "bb"), &ample()).unwrap_err(), PlanError::SameVersion { .. }));
}

#[test]
fn a_rolling_update_without_room_to_roll_becomes_blue_green_where_that_fits() {
    let two = Fleet::new(2, 160.0).unwrap();
    let config = || llama("v2", "aa").config_hash("c2");
    assert!(plan(config(), &two).is_err(), "one replica of two cannot serve 80% of the capacity of both");
    let plan = plan(config(), &two.with_spare_replicas(2)).unwrap();
    assert_eq!((plan.strategy(), plan.promoted().stable, plan.promoted().canary), (Strategy::BlueGreen, 2, 2));
    assert_eq!(plan.way_back(), Duration::ZERO);
}

#[test]
fn a_plan_that_was_tampered_with_is_refused() {
    let plan = plan(llama("v2", "bb"), &ample()).unwrap();
    for text in [plan.to_toml(), plan.to_json()] {
        let read =
            |text: &str| if text.starts_with('{') { UpdatePlan::from_json(text) } else { UpdatePlan::from_toml(text) };
        assert_eq!(read(&text).unwrap(), plan);
        for (what, with) in [("0.25", "0.05"), ("\"v2\"", "\"v1\""), ("0.01", "1.01"), ("3600.0", "-3600.0")] {
            assert!(read(&text.replacen(what, with, 1)).is_err(), "{what} -> {with}");
        }
    }
}

#[test]
fn the_explanation_has_the_numbers() {
    let text = plan(llama("v2", "bb"), &ample()).unwrap().explain();
    for part in ["v1 -> v2", "medium risk", "canary", "1400.0 GB today", "2000", "errors +50%", "1.0%", "Way back"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn a_shadow_is_part_of_the_plan_and_only_of_one_with_stages_to_follow() {
    let shadow = Shadow::new(Duration::from_secs(600), 300);
    let planner = RiskPlanner::default().with_shadow(shadow);
    let fine_tune = planner.plan(&current(), &llama("v2", "bb").build().unwrap(), &ample()).unwrap();
    assert_eq!(fine_tune.shadow(), Some(&shadow));
    assert!(fine_tune.explain().contains("First in the shadow: 300 prompts"), "{}", fine_tune.explain());
    assert_eq!(UpdatePlan::from_toml(&fine_tune.to_toml()).unwrap(), fine_tune);
    assert_eq!(UpdatePlan::from_json(&fine_tune.to_json()).unwrap(), fine_tune);
    let scaled = fine_tune.clone().with_holds_scaled(0.1).unwrap();
    assert_eq!(scaled.shadow().map(Shadow::hold), Some(Duration::from_secs(60)));

    let setting = planner.plan(&current(), &llama("v2", "aa").config_hash("c2").build().unwrap(), &ample()).unwrap();
    assert_eq!((setting.strategy(), setting.shadow()), (Strategy::Rolling, None));
    let flip = RiskPlanner::default().with_strategy(Risk::Medium, Strategy::BlueGreen);
    let flip = flip.plan(&current(), &llama("v2", "bb").build().unwrap(), &ample()).unwrap();
    assert!(flip.with_shadow(Some(shadow)).unwrap_err().to_string().contains("no stages"));
    for bad in [Shadow::new(Duration::ZERO, 0), shadow.with_max_hold(Duration::ZERO)] {
        assert!(fine_tune.clone().with_shadow(Some(bad)).is_err(), "{bad:?}");
    }
}
