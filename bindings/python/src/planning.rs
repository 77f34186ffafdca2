//! Versions, fleets and plans, as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use pyo3::prelude::*;
use serde::Deserialize;
use serinus::model::ModelVersion;
use serinus::plan::{Fleet, Margins, Risk, RiskPlanner, Shadow, Strategy, UpdatePlan, UpdatePlanner};

use crate::errors;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(check_model_version, module)?)?;
    module.add_function(wrap_pyfunction!(check_fleet, module)?)?;
    module.add_function(wrap_pyfunction!(plan, module)?)?;
    module.add_function(wrap_pyfunction!(explain, module)?)?;
    module.add_function(wrap_pyfunction!(plan_to_toml, module)?)?;
    module.add_function(wrap_pyfunction!(plan_from_toml, module)?)?;
    module.add_function(wrap_pyfunction!(plan_from_json, module)?)?;
    Ok(())
}

/// What a planner is told beside versions and fleet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    margins: Margins,
    strategies: BTreeMap<Risk, Strategy>,
    bake_seconds: Option<f64>,
    drain_timeout_seconds: Option<f64>,
    shadow: Option<Shadow>,
}

fn read<'a, T: Deserialize<'a>>(py: Python<'_>, json: &'a str) -> PyResult<T> {
    serde_json::from_str(json).map_err(|error| errors::form(py, &error))
}

fn seconds(py: Python<'_>, field: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        let (what, got) = (format!("{field} must be finite and at least 0, got {seconds}"), seconds.to_string());
        errors::raise(py, "PlanError", &what, Some("finite and at least 0"), Some(&got))
    })
}

#[pyfunction]
fn check_model_version(py: Python<'_>, json: &str) -> PyResult<()> {
    read::<ModelVersion>(py, json).map(drop)
}

#[pyfunction]
fn check_fleet(py: Python<'_>, json: &str) -> PyResult<()> {
    read::<Fleet>(py, json).map(drop)
}

#[pyfunction]
fn plan(py: Python<'_>, current: &str, target: &str, fleet: &str, options: &str) -> PyResult<String> {
    let (current, target): (ModelVersion, ModelVersion) = (read(py, current)?, read(py, target)?);
    let (fleet, options): (Fleet, Options) = (read(py, fleet)?, read(py, options)?);
    let mut planner = RiskPlanner::default().with_margins(options.margins);
    for (risk, strategy) in options.strategies {
        planner = planner.with_strategy(risk, strategy);
    }
    if let Some(bake) = options.bake_seconds {
        planner = planner.with_bake(seconds(py, "bake_seconds", bake)?);
    }
    if let Some(timeout) = options.drain_timeout_seconds {
        planner = planner.with_drain_timeout(seconds(py, "drain_timeout_seconds", timeout)?);
    }
    if let Some(shadow) = options.shadow {
        planner = planner.with_shadow(shadow);
    }
    let plan = planner.plan(&current, &target, &fleet).map_err(|error| errors::plan(py, &error))?;
    Ok(plan.to_json())
}

#[pyfunction]
fn explain(py: Python<'_>, plan: &str) -> PyResult<String> {
    from_json(py, plan).map(|plan| plan.explain())
}

#[pyfunction]
fn plan_to_toml(py: Python<'_>, plan: &str) -> PyResult<String> {
    from_json(py, plan).map(|plan| plan.to_toml())
}

#[pyfunction]
fn plan_from_toml(py: Python<'_>, text: &str) -> PyResult<String> {
    UpdatePlan::from_toml(text).map(|plan| plan.to_json()).map_err(|error| errors::plan(py, &error))
}

/// The plan in the form that the library gives it.
#[pyfunction]
fn plan_from_json(py: Python<'_>, text: &str) -> PyResult<String> {
    from_json(py, text).map(|plan| plan.to_json())
}

fn from_json(py: Python<'_>, text: &str) -> PyResult<UpdatePlan> {
    UpdatePlan::from_json(text).map_err(|error| errors::plan(py, &error))
}
