//! What is rolled out, and how the processes reach etcd.

use std::time::Duration;

use anyhow::Result;
use serinus::model::ModelVersion;
use serinus::plan::{Allocation, Fleet, PlanError, RiskPlanner, Stage, UpdatePlan, UpdatePlanner};
use serinus_etcd::{Etcd, EtcdBuilder};

/// The version that answers every third request with an error.
pub(crate) const BAD: &str = "v3-bad";

pub(crate) fn fleet() -> Result<Fleet, PlanError> {
    Ok(Fleet::new(4, 24.0)?.with_spare_replicas(4))
}

/// The rollouts, in order: a good version, and a bad one.
pub(crate) fn plans() -> Result<Vec<UpdatePlan>> {
    let model = |version: &str, hash: &str| {
        ModelVersion::builder("chat", version).base_model("llama-8b").weight_hash(hash).gpu_memory_gb(16.0).build()
    };
    let (v1, v2, v3) = (model("v1", "aa")?, model("v2", "bb")?, model(BAD, "cc")?);
    [(&v1, &v2), (&v2, &v3)].into_iter().map(|(from, to)| plan(from, to)).collect()
}

/// Hours are seconds here.
fn plan(from: &ModelVersion, to: &ModelVersion) -> Result<UpdatePlan> {
    let stages = [0.1, 0.5].map(|weight| {
        let replicas = Allocation { stable: 4, canary: 2, weight };
        Stage::new(weight, Duration::from_secs(3), 200, replicas)
    });
    let plan = RiskPlanner::default().plan(from, to, &fleet()?)?;
    let plan = plan.with_stages(stages.to_vec())?.with_bake(Duration::from_secs(2))?;
    Ok(plan.with_drain_timeout(Duration::from_secs(2)))
}

pub(crate) fn etcd(endpoint: &str) -> EtcdBuilder {
    Etcd::builder([endpoint]).ttl(Duration::from_secs(2))
}
