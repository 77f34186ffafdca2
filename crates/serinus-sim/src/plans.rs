//! Plans to simulate.

use std::time::Duration;

use serinus::model::ModelVersion;
use serinus::plan::{Fleet, RiskPlanner, Stage, UpdatePlan, UpdatePlanner};

/// The plan that the library makes for a model of another family, on ten replicas with ten spare ones: 2% for a day, then the
/// later stages.
///
/// # Panics
///
/// Never: the versions and the fleet are fixed, and tested.
pub fn another_family() -> UpdatePlan {
    let stable = ModelVersion::builder("chat", "stable").base_model("llama-70b").weight_hash("aa");
    let stable = stable.gpu_memory_gb(140.0).load_time(Duration::from_secs(60)).build().expect("a valid version");
    let canary = stable.to_builder().version("canary").base_model("qwen-72b").weight_hash("bb");
    let canary = canary.build().expect("a valid version");
    let fleet = Fleet::new(10, 160.0).expect("a valid fleet").with_spare_replicas(10);
    RiskPlanner::default().plan(&stable, &canary, &fleet).expect("both versions fit side by side")
}

/// The same with the first stage held for 30 minutes: 2% (200 requests), 5% (500) for 30 minutes each, 10% (2,000) and 25% (5,000)
/// for an hour, 50% (10,000) for two; five hours in all, where there are requests enough.
///
/// # Panics
///
/// Never, as [`another_family`].
pub fn five_hours() -> UpdatePlan {
    let plan = another_family();
    let mut stages = plan.stages().to_vec();
    if let Some(first) = stages.first_mut() {
        let purpose = first.purpose().to_owned();
        *first = Stage::new(first.weight(), Duration::from_secs(1_800), first.min_requests(), first.allocation())
            .with_purpose(purpose);
    }
    plan.with_stages(stages).expect("the stages are those of a plan")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_for_five_hours() {
        let plan = five_hours();
        let held: Duration = plan.stages().iter().map(Stage::hold).sum();
        assert_eq!(held, Duration::from_secs(5 * 3_600));
        assert_eq!(plan.stages().iter().map(Stage::weight).collect::<Vec<_>>(), [0.02, 0.05, 0.10, 0.25, 0.50]);
        assert_eq!(another_family().stages()[0].hold(), Duration::from_secs(24 * 3_600));
    }
}
