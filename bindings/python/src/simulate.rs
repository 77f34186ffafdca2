//! Simulated rollouts: what is simulated crosses as JSON, and so does what came of it.

mod outcome;
mod scenario;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Deserialize;
use serinus_sim::{Behaviour, Rate, Simulation, SimulationError, Trace};

use crate::errors;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(check_traffic, module)?)?;
    module.add_function(wrap_pyfunction!(check_behaviour, module)?)?;
    module.add_function(wrap_pyfunction!(check_gpus, module)?)?;
    module.add_function(wrap_pyfunction!(check_faults, module)?)?;
    module.add_function(wrap_pyfunction!(check_noisy_judge, module)?)?;
    module.add_function(wrap_pyfunction!(check_simulation, module)?)?;
    module.add_function(wrap_pyfunction!(rate_at, module)?)?;
    module.add_function(wrap_pyfunction!(simulate, module)?)?;
    module.add_function(wrap_pyfunction!(trace_simulation, module)?)?;
    Ok(())
}

fn refused(py: Python<'_>, error: &SimulationError) -> PyErr {
    errors::raise(py, "SimulationError", &error.to_string(), Some(&error.expected), Some(&error.got))
}

fn read<'a, T: Deserialize<'a>>(py: Python<'_>, json: &'a str) -> PyResult<T> {
    serde_json::from_str(json).map_err(|error| {
        // A place in the JSON says nothing to somebody who never wrote any.
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        if what.starts_with("invalid type") {
            return PyTypeError::new_err(what.to_owned());
        }
        errors::raise(py, "SimulationError", what, None, None)
    })
}

fn simulation(py: Python<'_>, plan: &str, scenario: &str) -> PyResult<Simulation> {
    let plan = serinus::plan::UpdatePlan::from_json(plan).map_err(|error| errors::plan(py, &error))?;
    read::<scenario::Scenario>(py, scenario)?.of(plan).map_err(|error| refused(py, &error))
}

#[pyfunction]
fn check_traffic(py: Python<'_>, json: &str) -> PyResult<()> {
    read::<scenario::Traffic>(py, json)?.known().check().map_err(|error| refused(py, &error))
}

#[pyfunction]
fn check_behaviour(py: Python<'_>, json: &str) -> PyResult<()> {
    Behaviour::from(read::<scenario::Behaviour>(py, json)?).check().map_err(|error| refused(py, &error))
}

#[pyfunction]
fn check_gpus(py: Python<'_>, json: &str) -> PyResult<()> {
    serinus_sim::Host::from(read::<scenario::Gpus>(py, json)?).check().map_err(|error| refused(py, &error))
}

#[pyfunction]
fn check_faults(py: Python<'_>, json: &str) -> PyResult<()> {
    serinus_sim::Faults::from(read::<scenario::Faults>(py, json)?).check().map_err(|error| refused(py, &error))
}

#[pyfunction]
fn check_noisy_judge(py: Python<'_>, json: &str) -> PyResult<()> {
    let judge = read::<scenario::NoisyJudge>(py, json)?.known();
    judge.and_then(|judge| judge.check()).map_err(|error| refused(py, &error))
}

#[pyfunction]
fn check_simulation(py: Python<'_>, plan: &str, scenario: &str) -> PyResult<()> {
    simulation(py, plan, scenario).map(drop)
}

#[pyfunction]
fn rate_at(py: Python<'_>, rate: &str, seconds: f64) -> PyResult<f64> {
    Ok(Rate::from(read::<scenario::Rate>(py, rate)?).at(seconds))
}

/// Lets a person interrupt, and then does something more with the interpreter.
fn listen(more: impl FnOnce(Python<'_>) -> PyResult<()>) -> PyResult<()> {
    Python::attach(|py| {
        py.check_signals()?;
        more(py)
    })
}

/// Rollouts with the seeds from `first` on, as JSON. `progress` is called with how many are done and how many there are.
#[pyfunction]
#[pyo3(signature = (plan, scenario, first, runs, progress))]
fn simulate(
    py: Python<'_>,
    plan: &str,
    scenario: &str,
    first: u64,
    runs: u64,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<String> {
    let simulation = simulation(py, plan, scenario)?;
    let progress = progress.map(|progress| progress.clone().unbind());
    let tell = |py: Python<'_>, done: u64| match &progress {
        Some(progress) => progress.call1(py, (done, runs)).map(drop),
        None => Ok(()),
    };
    // A person who interrupts, or whose progress bar fails, ends it.
    let (mut stopped, mut told) = (None, None);
    let report = py.detach(|| {
        let seeds = (0..runs).map(|run| first.wrapping_add(run));
        simulation.run_many_while(seeds, |done| {
            let done = done as u64;
            let news = told.replace(done) != Some(done);
            stopped = listen(|py| if news { tell(py, done) } else { Ok(()) }).err();
            stopped.is_none()
        })
    });
    if let Some(error) = stopped {
        return Err(error);
    }
    let report = report.map_err(|error| refused(py, &error))?;
    let done = report.as_ref().map_or(&[][..], |report| report.runs());
    let json = py.detach(|| outcome::to_json(first, done)).map_err(|error| errors::form(py, &error))?;
    if told != Some(runs) {
        tell(py, runs)?;
    }
    Ok(json)
}

/// One rollout: what came of it, as JSON, and its moments, as columns.
#[pyfunction]
fn trace_simulation<'py>(
    py: Python<'py>,
    plan: &str,
    scenario: &str,
    seed: u64,
) -> PyResult<(String, Bound<'py, PyDict>)> {
    let simulation = simulation(py, plan, scenario)?;
    let mut stopped = None;
    let trace = py.detach(|| {
        simulation.trace_while(seed, || {
            stopped = listen(|_| Ok(())).err();
            stopped.is_none()
        })
    });
    if let Some(error) = stopped {
        return Err(error);
    }
    let trace = trace.map_err(|error| refused(py, &error))?;
    let Some(Trace { run, moments }) = trace else {
        return Err(errors::raise(py, "SimulationError", "the run was broken off", None, None));
    };
    let json = outcome::to_json(seed, &[run]).map_err(|error| errors::form(py, &error))?;
    Ok((json, outcome::columns(py, &moments)?))
}
