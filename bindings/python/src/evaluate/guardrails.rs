//! Guardrails as Python gives them: values of the built-in ones, and objects of the host's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use serinus::evaluate::{Comparison, Guardrail, MarginError, RateOf, SequentialBuilder, StandardGuardrail};
use serinus::observe::{Check, Signal};

use super::asked::Asked;
use super::observation::check;
use crate::errors;

/// Makes a guardrail from the change that is a regression.
type Make = fn(f64) -> Result<StandardGuardrail, MarginError>;

/// The library's own guardrails but those of texts, by kind, which is their name in reports.
const BUILT_IN: [(&str, Make); 9] = [
    ("error_rate", StandardGuardrail::error_rate),
    ("failure_rate", StandardGuardrail::failure_rate),
    ("abandoned_rate", StandardGuardrail::abandoned_rate),
    ("latency", StandardGuardrail::latency),
    ("ttft", StandardGuardrail::ttft),
    ("score", StandardGuardrail::score),
    ("length", StandardGuardrail::length),
    ("unhappy_rate", StandardGuardrail::unhappy_rate),
    ("pairwise", StandardGuardrail::pairwise),
];

fn built_in(name: &str) -> Option<Make> {
    BUILT_IN.into_iter().find_map(|(kind, make)| (kind == name).then_some(make))
}

/// The guardrails that Python gave.
#[derive(Clone, Debug, Default)]
pub(super) struct Guardrails {
    weighted: Vec<(Arc<dyn Guardrail>, f64)>,
    alert_on: Vec<Arc<dyn Guardrail>>,
    asked: Vec<Arc<Asked>>,
}

/// What all guardrails have in common.
struct Common {
    weight: f64,
    granted: f64,
    is_required: bool,
    alerts_only: bool,
}

impl Guardrails {
    pub(super) fn read(given: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let mut all = Self::default();
        for guardrail in given.map(PyAnyMethods::try_iter).transpose()?.into_iter().flatten() {
            all.add(&guardrail?)?;
        }
        Ok(all)
    }

    fn add(&mut self, object: &Bound<'_, PyAny>) -> PyResult<()> {
        let common = Common::of(object)?;
        // Asked first: an object of the host's own may have a `kind` of its own, too.
        let is_own = object.hasattr("failed")? && object.hasattr("name")? && object.hasattr("increase")?;
        let guardrail: Arc<dyn Guardrail> = if is_own {
            let own = Own::new(object, &common)?;
            self.asked.push(Arc::clone(&own.asked));
            Arc::new(own)
        } else if object.hasattr("kind")? {
            Arc::new(standard(object, &common)?)
        } else {
            let kind = object.get_type().name()?;
            let expected = "expected a StandardGuardrail, or an object with name, increase and failed(outcome)";
            return Err(PyTypeError::new_err(format!("{expected}, got {kind}")));
        };
        if common.alerts_only {
            self.alert_on.push(guardrail);
        } else {
            self.weighted.push((guardrail, common.weight));
        }
        Ok(())
    }

    pub(super) fn add_to(&self, builder: SequentialBuilder) -> SequentialBuilder {
        let weighted = self.weighted.iter().cloned();
        let builder = weighted.fold(builder, |builder, (guardrail, weight)| builder.guardrail(guardrail, weight));
        self.alert_on.iter().cloned().fold(builder, SequentialBuilder::alert_on)
    }

    /// How often an answer of the host's own guardrails failed, by name.
    pub(super) fn errors(&self) -> BTreeMap<String, u64> {
        self.asked.iter().map(|asked| (asked.name().to_owned(), asked.errors())).collect()
    }
}

impl Common {
    fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self {
            weight: or(object, "weight", 0.25)?,
            granted: or(object, "granting", 0.5)?,
            is_required: or(object, "required", true)?,
            alerts_only: or(object, "alerts_only", false)?,
        })
    }
}

/// An attribute, or what stands for it where it is missing.
fn or<'py, T>(object: &Bound<'py, PyAny>, name: &str, default: T) -> PyResult<T>
where
    T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
{
    match object.getattr_opt(name)? {
        Some(value) => value.extract(),
        None => Ok(default),
    }
}

fn refused<'py>(py: Python<'py>, name: &str) -> impl Fn(MarginError) -> PyErr + use<'py> {
    let name = name.to_owned();
    move |error| {
        let what = format!("guardrail {name:?}: {error}");
        errors::raise(py, "StatisticsError", &what, Some(error.expected), Some(&error.got.to_string()))
    }
}

fn standard(object: &Bound<'_, PyAny>, common: &Common) -> PyResult<StandardGuardrail> {
    let py = object.py();
    let kind: String = object.getattr("kind")?.extract()?;
    let change: f64 = object.getattr("change")?.extract()?;
    let made = match built_in(&kind) {
        Some(make) => make(change),
        None if kind == "text_check" => {
            let name: Option<String> = object.getattr("check")?.extract()?;
            StandardGuardrail::text_check(check(py, name.as_deref().unwrap_or_default())?, change)
        }
        None => {
            let what = format!("expected the kind of a built-in guardrail, got {kind:?}");
            return Err(errors::raise(py, "StatisticsError", &what, None, Some(&kind)));
        }
    };
    let granting = made.and_then(|guardrail| guardrail.granting(common.granted)).map_err(refused(py, &kind))?;
    Ok(if common.is_required { granting } else { granting.optional() })
}

/// A guardrail of the host's own.
#[derive(Debug)]
struct Own {
    noun: String,
    comparison: Comparison,
    is_required: bool,
    asked: Arc<Asked>,
}

impl Own {
    fn new(object: &Bound<'_, PyAny>, common: &Common) -> PyResult<Self> {
        let py = object.py();
        let name: String = object.getattr("name")?.extract()?;
        let is_check = |check: &Check| check.name() == name;
        if name.is_empty() || built_in(&name).is_some() || Check::ALL.iter().any(is_check) {
            let what = format!("a guardrail of your own needs a name that no built-in one has, got {name:?}");
            return Err(errors::raise(py, "StatisticsError", &what, None, Some(&name)));
        }
        let failed = object.getattr("failed")?;
        if !failed.is_callable() {
            return Err(PyTypeError::new_err(format!("guardrail {name:?}: failed must be a function of an outcome")));
        }
        let (increase, is_absolute): (f64, bool) =
            (object.getattr("increase")?.extract()?, or(object, "absolute", false)?);
        let compare = if is_absolute { Comparison::absolute_rate } else { Comparison::relative_rate };
        let noun = or(object, "noun", name.clone())?;
        let refused = refused(py, &name);
        let asked = Arc::new(Asked::new(py, name, failed.unbind()));
        let of = RateOf::Signal(Arc::clone(&asked) as Arc<dyn Signal>);
        let comparison = compare(of, increase, common.granted).map_err(refused)?;
        Ok(Self { noun, comparison, is_required: common.is_required, asked })
    }
}

impl Guardrail for Own {
    fn name(&self) -> &str {
        self.asked.name()
    }

    fn compares(&self) -> Comparison {
        self.comparison.clone()
    }

    fn required(&self) -> bool {
        self.is_required
    }

    fn noun(&self) -> &str {
        &self.noun
    }
}
