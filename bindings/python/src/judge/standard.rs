//! Checks of texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Deserialize;
use serinus::judge::TextChecks;
use serinus::observe::{Check, Checks};
use serinus_judge::StandardChecks as Standard;

use super::texts::{Answered, Asked};
use crate::errors;
use crate::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    without: Vec<Check>,
    only: Option<Vec<Check>>,
    chars: Option<(u64, u64)>,
    tokens: Option<(u32, u32)>,
    fenced_json: bool,
    refusals: Option<String>,
}

/// Checks of an answer's text that need no model.
#[pyclass(frozen, subclass, module = "serinus")]
pub(crate) struct StandardChecks {
    checks: Arc<Standard>,
}

impl StandardChecks {
    pub(super) fn inner(&self) -> Arc<Standard> {
        Arc::clone(&self.checks)
    }
}

#[pymethods]
impl StandardChecks {
    #[new]
    fn new(py: Python<'_>, options: &str) -> PyResult<Self> {
        let options: Options = serde_json::from_str(options).map_err(|error| errors::judge_config(py, &error))?;
        let mut builder = Standard::builder().fenced_json(options.fenced_json);
        if let Some(only) = options.only {
            builder = builder.only(only);
        }
        builder = options.without.into_iter().fold(builder, serinus_judge::StandardChecksBuilder::without);
        if let Some((from, to)) = options.chars {
            builder = builder.chars(from..=to);
        }
        if let Some((from, to)) = options.tokens {
            builder = builder.tokens(from..=to);
        }
        if let Some(refusals) = options.refusals {
            builder = builder.refusals(refusals);
        }
        let checks = builder.build().map_err(|error| errors::judge_config(py, &error))?;
        Ok(Self { checks: Arc::new(checks) })
    }

    #[expect(clippy::needless_pass_by_value, reason = "made of Python objects")]
    fn check_json(&self, py: Python<'_>, prompt: Asked, answer: Answered) -> PyResult<String> {
        let found = py.detach(|| self.checks.check(&prompt.0, &answer.0));
        let made = Check::ALL.into_iter().filter_map(|check| Some((check, !found.failed(check)?)));
        let made: BTreeMap<Check, bool> = made.collect();
        json::write(py, &made)
    }
}

/// Checks as a dictionary of their names, each with whether the answer passes.
pub(super) fn checks(found: &Bound<'_, PyAny>) -> PyResult<Checks> {
    let mut checks = Checks::none();
    for (name, passed) in found.cast::<PyDict>()? {
        let name: String = name.extract()?;
        let check =
            serde_json::from_value::<Check>(name.into()).map_err(|error| errors::judge_config(found.py(), &error))?;
        checks = checks.with(check, passed.extract()?);
    }
    Ok(checks)
}
