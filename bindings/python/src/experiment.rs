//! A/B tests. Scores are taken in natively; what is said of them is said seldom, and crosses as JSON.

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use serde::Serialize;
use serinus::experiment::{self, AbOptions, ComparedBy, DecisionRule, Design, ExperimentError, TestPlan};
use serinus::model::VersionId;

use crate::errors;
use crate::json;
use crate::numbers::Floats;
use crate::stats::counts::Whole;
use crate::stats::shared::{Shared, from_json};
use crate::stats::words;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<AbTest>()?;
    module.add_class::<Experiments>()?;
    module.add_function(wrap_pyfunction!(test_length, module)?)
}

fn refused(py: Python<'_>, error: &ExperimentError) -> PyErr {
    errors::raise(py, "StatisticsError", &error.to_string(), None, None)
}

fn version(py: Python<'_>, name: &str) -> PyResult<VersionId> {
    VersionId::new(name).map_err(|error| errors::raise(py, "StatisticsError", &error.to_string(), None, None))
}

fn names<'py>(py: Python<'py>, versions: &[VersionId]) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, versions.iter().map(VersionId::as_str))
}

fn design(py: Python<'_>, name: &str) -> PyResult<Design> {
    words::word(py, "design", name, "\"unpaired\", \"cuped\" or \"paired\"")
}

fn rule(py: Python<'_>, name: &str) -> PyResult<DecisionRule> {
    words::word(py, "rule", name, "\"planned_size\" or \"anytime\"")
}

/// The word that stands for a value.
fn word_of<T: Serialize>(py: Python<'_>, value: &T) -> PyResult<String> {
    json::write(py, value).map(|json| json.trim_matches('"').to_owned())
}

/// Which of two or more versions gives the better answers.
#[pyclass(frozen, subclass, module = "serinus._serinus")]
pub(crate) struct AbTest(Shared<experiment::AbTest>);

impl AbTest {
    /// A change that takes no longer than letting others run.
    fn quickly(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut experiment::AbTest) -> Result<(), ExperimentError>,
    ) -> PyResult<()> {
        self.0.quickly(py, change).map_err(|error| refused(py, &error))
    }

    /// A change with the interpreter released.
    fn change(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut experiment::AbTest) -> Result<(), ExperimentError> + Send,
    ) -> PyResult<()> {
        self.0.change(py, change).map_err(|error| refused(py, &error))
    }
}

#[pymethods]
impl AbTest {
    #[expect(clippy::too_many_arguments, clippy::needless_pass_by_value, reason = "made of Python's keywords")]
    #[new]
    #[pyo3(signature = (
        name, *, model_a, model_b, target_samples=None, more_models=Vec::new(), shares=None, design="unpaired",
        rule="planned_size", clip=1.0
    ))]
    fn new(
        py: Python<'_>,
        name: &str,
        model_a: &str,
        model_b: &str,
        target_samples: Option<Whole>,
        more_models: Vec<String>,
        shares: Option<Floats>,
        design: &str,
        rule: &str,
        clip: f64,
    ) -> PyResult<Self> {
        let mut builder = experiment::AbTest::builder(name, &version(py, model_a)?, &version(py, model_b)?)
            .design(self::design(py, design)?)
            .rule(self::rule(py, rule)?)
            .clip(clip);
        for model in more_models {
            builder = builder.arm(&version(py, &model)?);
        }
        if let Some(shares) = &shares {
            builder = builder.shares(shares.as_slice());
        }
        if let Some(target) = target_samples {
            builder = builder.target_samples(target.0);
        }
        builder.build().map(|test| Self(Shared::new(test))).map_err(|error| refused(py, &error))
    }

    #[getter]
    fn name(&self, py: Python<'_>) -> String {
        self.0.quickly(py, |test| test.name().to_owned())
    }

    /// The versions, the control first.
    #[getter]
    fn models<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let versions = self.0.quickly(py, |test| test.versions().to_vec());
        names(py, &versions)
    }

    /// Their shares of traffic, which sum to 1.
    #[getter]
    fn shares<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let shares = self.0.quickly(py, |test| test.shares().to_vec());
        PyTuple::new(py, shares)
    }

    fn assign<'py>(&self, py: Python<'py>, user_id: &str) -> Bound<'py, PyString> {
        let version = self.0.quickly(py, |test| test.assign(user_id).clone());
        PyString::intern(py, version.as_str())
    }

    #[pyo3(signature = (model, users=Whole(1)))]
    fn count_assignment(&self, py: Python<'_>, model: &str, users: Whole) -> PyResult<()> {
        let version = version(py, model)?;
        self.quickly(py, |test| test.count_assignments(&version, users.0))
    }

    fn record(&self, py: Python<'_>, model: &str, score: f64) -> PyResult<()> {
        let version = version(py, model)?;
        self.quickly(py, |test| test.record(&version, score))
    }

    #[expect(clippy::needless_pass_by_value, reason = "made of Python's")]
    fn record_many(&self, py: Python<'_>, model: &str, scores: Floats) -> PyResult<()> {
        let version = version(py, model)?;
        self.change(py, |test| test.record_many(&version, scores.as_slice()))
    }

    fn record_with(&self, py: Python<'_>, model: &str, score: f64, covariate: f64) -> PyResult<()> {
        let version = version(py, model)?;
        self.quickly(py, |test| test.record_with(&version, score, covariate))
    }

    fn record_pair(&self, py: Python<'_>, score_a: f64, score_b: f64) -> PyResult<()> {
        self.quickly(py, |test| test.record_pair(score_a, score_b))
    }

    #[expect(clippy::needless_pass_by_value, reason = "made of Python's")]
    fn record_pairs(&self, py: Python<'_>, scores_a: Floats, scores_b: Floats) -> PyResult<()> {
        self.change(py, |test| test.record_pairs(scores_a.as_slice(), scores_b.as_slice()))
    }

    fn status_json(&self, py: Python<'_>) -> PyResult<String> {
        let status = self.0.quickly(py, |test| test.status());
        json::write(py, &status)
    }

    fn analysis_json(
        &self,
        py: Python<'_>,
        alpha: f64,
        alternative: &str,
        indifference: Option<f64>,
    ) -> PyResult<String> {
        let options = AbOptions { alpha, alternative: words::alternative(py, alternative)?, indifference };
        let test = self.0.now(py);
        let analysis = py.detach(|| test.analyze(options)).map_err(|error| refused(py, &error))?;
        json::write(py, &analysis)
    }

    #[getter]
    fn design(&self, py: Python<'_>) -> PyResult<String> {
        let design = self.0.quickly(py, |test| test.design());
        word_of(py, &design)
    }

    #[getter]
    fn rule(&self, py: Python<'_>) -> PyResult<String> {
        let rule = self.0.quickly(py, |test| test.rule());
        word_of(py, &rule)
    }

    fn planned_seconds(&self, py: Python<'_>, requests_per_hour: f64) -> PyResult<f64> {
        let planned = self.0.quickly(py, |test| test.planned_duration(requests_per_hour));
        planned.map(|time| time.as_secs_f64()).map_err(|error| refused(py, &error))
    }

    fn __eq__(&self, py: Python<'_>, other: &Self) -> bool {
        self.0.now(py) == other.0.now(py)
    }

    fn state_json(&self, py: Python<'_>) -> PyResult<String> {
        let test = self.0.now(py);
        json::write(py, &test)
    }

    /// Goes on from a state that was kept.
    fn restore(&self, py: Python<'_>, state: &str) -> PyResult<()> {
        let test = from_json(py, state)?;
        self.0.quickly(py, |all| *all = test);
        Ok(())
    }
}

/// Layers of tests on the same users. The scores are kept by the tests themselves, on the other side.
#[pyclass(frozen, module = "serinus._serinus")]
pub(crate) struct Experiments(Shared<experiment::Experiments>);

#[pymethods]
impl Experiments {
    #[new]
    fn new(layers: Vec<String>) -> Self {
        Self(Shared::new(experiment::Experiments::with_layers(layers)))
    }

    fn add(&self, py: Python<'_>, layer: &str, share: f64, test: &AbTest) -> PyResult<()> {
        let test = test.0.now(py);
        let added = self.0.quickly(py, |all| all.add(layer, share, test));
        added.map_err(|error| refused(py, &error))
    }

    fn end(&self, py: Python<'_>, test: &str) -> PyResult<()> {
        let ended = self.0.quickly(py, |all| all.end(test));
        ended.map(drop).map_err(|error| refused(py, &error))
    }

    /// Layer, test and version of each.
    fn assign(&self, py: Python<'_>, user_id: &str) -> Vec<(String, String, String)> {
        let owned = |each: &experiment::Assignment<'_>| {
            (each.layer.to_owned(), each.test.to_owned(), each.version.as_str().to_owned())
        };
        self.0.quickly(py, |all| all.assign(user_id).iter().map(owned).collect())
    }

    fn room(&self, py: Python<'_>, layer: &str) -> Option<f64> {
        self.0.quickly(py, |all| all.room(layer))
    }

    fn state_json(&self, py: Python<'_>) -> PyResult<String> {
        let all = self.0.now(py);
        json::write(py, &all)
    }

    #[staticmethod]
    fn from_json(py: Python<'_>, state: &str) -> PyResult<Self> {
        from_json(py, state).map(|all| Self(Shared::new(all)))
    }
}

/// Samples of the arm with the least traffic, of each arm and of all, and seconds.
#[expect(clippy::too_many_arguments, clippy::needless_pass_by_value, reason = "made of Python's keywords")]
#[pyfunction]
fn test_length<'py>(
    py: Python<'py>,
    effect: f64,
    requests_per_hour: f64,
    compared_by: &str,
    alpha: f64,
    power: f64,
    alternative: &str,
    shares: Option<Floats>,
) -> PyResult<(u64, Bound<'py, PyTuple>, u64, f64)> {
    let compared_by: ComparedBy = words::word(py, "compared_by", compared_by, "\"means\", \"ranks\" or \"pairs\"")?;
    let mut plan = TestPlan::new(effect, requests_per_hour)
        .compared_by(compared_by)
        .alpha(alpha)
        .power(power)
        .alternative(words::alternative(py, alternative)?);
    if let Some(shares) = &shares {
        plan = plan.shares(shares.as_slice());
    }
    let length = plan.length().map_err(|error| refused(py, &error))?;
    let seconds = length.duration.as_secs_f64();
    Ok((length.samples_per_arm, PyTuple::new(py, length.samples)?, length.total, seconds))
}
