//! What a judge is worth: its noise, its bias, its own errors.

use std::sync::Arc;

use pyo3::prelude::*;
use serinus::host::{Answer, Prompt};
use serinus::judge::{self, Calibration, Judge, Label};
use serinus::observe::{Count, Pair};

use super::adapters::Adapter;
use super::crew::{Crew, on_this_thread};
use super::endpoint::OpenAiJudge;
use super::texts::{Answered, Asked};
use crate::errors;
use crate::json;

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(compare_in_both_orders, module)?)?;
    module.add_function(wrap_pyfunction!(measure_noise, module)?)?;
    module.add_function(wrap_pyfunction!(measure_calibration, module)?)?;
    module.add_function(wrap_pyfunction!(calibrate, module)?)?;
    module.add_function(wrap_pyfunction!(correct, module)?)
}

/// The judge behind an object of Python's: the library's own, or one whose methods are called.
pub(super) fn judge<'py>(
    object: &Bound<'py, PyAny>,
    adapter: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<Arc<Adapter>>,
) -> PyResult<Arc<dyn Judge>> {
    match object.cast::<OpenAiJudge>() {
        Ok(native) => Ok(native.get().inner()),
        Err(_) => Ok(adapter(object)?),
    }
}

/// A judge that is called on the thread that asks.
fn alone(object: &Bound<'_, PyAny>) -> PyResult<Arc<dyn Judge>> {
    let crew = |py| Crew::new(py, 0);
    judge(object, |object| Ok(Arc::new(Adapter { object: object.clone().unbind(), crew: crew(object.py())? })))
}

fn label(good: bool) -> Label {
    if good { Label::Good } else { Label::Bad }
}

/// How the canary's answer fared, and whether the preference flipped with the order.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "made of Python objects")]
fn compare_in_both_orders(
    judge: &Bound<'_, PyAny>,
    prompt: Asked,
    stable: Answered,
    canary: Answered,
) -> PyResult<(&'static str, bool)> {
    let (py, judge) = (judge.py(), alone(judge)?);
    let verdict = on_this_thread(py, || judge::compare_in_both_orders(&*judge, &prompt.0, &stable.0, &canary.0))?;
    let verdict = verdict.map_err(|error| errors::judge(py, &error))?;
    let pair = match verdict.pair {
        Pair::Win => "win",
        Pair::Tie => "tie",
        Pair::Loss => "loss",
    };
    Ok((pair, verdict.flipped))
}

#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "made of Python objects")]
fn measure_noise(judge: &Bound<'_, PyAny>, answered_twice: Vec<(Asked, Answered, Answered)>) -> PyResult<String> {
    let (py, judge) = (judge.py(), alone(judge)?);
    let answered = || answered_twice.iter().map(|(prompt, one, other)| (&prompt.0, &one.0, &other.0));
    let noise = on_this_thread(py, || judge::measure_noise(&*judge, answered()))?;
    json::write(py, &noise.map_err(|error| errors::judge(py, &error))?)
}

#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "made of Python objects")]
fn measure_calibration(judge: &Bound<'_, PyAny>, labelled: Vec<(Asked, Answered, bool)>) -> PyResult<String> {
    let (py, judge) = (judge.py(), alone(judge)?);
    let labelled = || -> Vec<(&Prompt, &Answer, Label)> {
        labelled.iter().map(|(prompt, answer, good)| (&prompt.0, &answer.0, label(*good))).collect()
    };
    let calibration = on_this_thread(py, || Calibration::measure(&*judge, labelled()))?;
    json::write(py, &calibration.map_err(|error| errors::judge(py, &error))?)
}

/// A calibration from labels: of each answer whether it is good, and whether the judge let it pass.
#[pyfunction]
fn calibrate(py: Python<'_>, judged: Vec<(bool, bool)>) -> PyResult<String> {
    let mut calibration = Calibration::default();
    for (good, passed) in judged {
        calibration.add(label(good), !passed);
    }
    json::write(py, &calibration)
}

/// The corrected rate and its interval; `None` of a judge that is no better than chance.
#[pyfunction]
fn correct(
    py: Python<'_>,
    calibration: &str,
    failures: u64,
    trials: u64,
    confidence: f64,
) -> PyResult<Option<(f64, f64, f64)>> {
    let read: Result<Calibration, _> = serde_json::from_str(calibration);
    let calibration = read.map_err(|error| errors::judge_config(py, &error))?;
    let judged = Count::new(failures, trials).map_err(|error| errors::statistics(py, &error))?;
    let corrected = calibration.correct(judged, confidence).map_err(|error| errors::statistics(py, &error))?;
    Ok(corrected.map(|corrected| (corrected.rate, corrected.interval.low, corrected.interval.high)))
}
