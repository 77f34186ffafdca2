//! A judge behind an OpenAI-compatible endpoint.

use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value};
use serinus::judge::Judge;
use serinus_judge::{AnswerFormat, Budget, OpenAiJudge as Endpoint, Prices, Rubric};

use super::texts::{Answered, Asked};
use crate::errors;
use crate::json;

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(read_rubric, module)?)
}

/// All but the key, which is in no text that an error may quote.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    endpoint: String,
    model: String,
    api_key_env: Option<String>,
    rubric: String,
    answer_format: AnswerFormat,
    timeout_seconds: f64,
    deadline_seconds: f64,
    retries: u32,
    first_wait_seconds: f64,
    concurrency: usize,
    per_second: Option<f64>,
    budget: Budget,
    prices: Option<Prices>,
    max_tokens: u32,
    max_chars: usize,
    max_body: u64,
    parameters: Map<String, Value>,
}

fn rubric(py: Python<'_>, text: &str) -> PyResult<Rubric> {
    Ok(match text {
        "hallucination" => Rubric::hallucination(),
        "helpfulness" => Rubric::helpfulness(),
        "instruction_following" => Rubric::instruction_following(),
        "harmlessness" => Rubric::harmlessness(),
        text => Rubric::from_toml(text).map_err(|error| errors::judge_config(py, &error))?,
    })
}

fn read<'a, T: Deserialize<'a>>(py: Python<'_>, json: &'a str) -> PyResult<T> {
    serde_json::from_str(json).map_err(|error| errors::judge_config(py, &error))
}

/// A length of time; an error for one that there cannot be.
pub(super) fn seconds(py: Python<'_>, field: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        let (what, got) = (format!("{field} must be finite and at least 0, got {seconds}"), seconds.to_string());
        errors::raise(py, "JudgeConfigError", &what, Some("finite and at least 0"), Some(&got))
    })
}

/// A model behind an OpenAI-compatible endpoint, as a judge.
#[pyclass(frozen, subclass, module = "serinus")]
pub(crate) struct OpenAiJudge {
    judge: Arc<Endpoint>,
}

impl OpenAiJudge {
    pub(super) fn inner(&self) -> Arc<Endpoint> {
        Arc::clone(&self.judge)
    }
}

#[pymethods]
impl OpenAiJudge {
    #[new]
    fn new(py: Python<'_>, options: &str, api_key: Option<String>) -> PyResult<Self> {
        let options: Options = read(py, options)?;
        let mut builder = Endpoint::builder(options.endpoint, options.model)
            .rubric(rubric(py, &options.rubric)?)
            .answer_format(options.answer_format)
            .timeout(seconds(py, "timeout_seconds", options.timeout_seconds)?)
            .deadline(seconds(py, "deadline_seconds", options.deadline_seconds)?)
            .retries(options.retries)
            .first_wait(seconds(py, "first_wait_seconds", options.first_wait_seconds)?)
            .concurrency(options.concurrency)
            .budget(options.budget)
            .max_tokens(options.max_tokens)
            .max_chars(options.max_chars)
            .max_body(options.max_body);
        if let Some(variable) = options.api_key_env {
            builder = builder.key_from_env(variable);
        }
        if let Some(key) = api_key {
            builder = builder.key(key);
        }
        if let Some(rate) = options.per_second {
            builder = builder.per_second(rate);
        }
        if let Some(prices) = options.prices {
            builder = builder.prices(prices);
        }
        for (name, value) in options.parameters {
            builder = builder.parameter(name, value);
        }
        let judge = builder.build().map_err(|error| errors::judge_config(py, &error))?;
        Ok(Self { judge: Arc::new(judge) })
    }

    #[expect(clippy::needless_pass_by_value, reason = "made of Python objects")]
    fn judge_one(&self, py: Python<'_>, prompt: Asked, answer: Answered) -> PyResult<(f64, Option<bool>)> {
        let score = py.detach(|| self.judge.score(&prompt.0, &answer.0)).map_err(|error| errors::judge(py, &error))?;
        Ok((score.quality, score.passed))
    }

    #[expect(clippy::needless_pass_by_value, reason = "made of Python objects")]
    fn judge_two(&self, py: Python<'_>, prompt: Asked, first: Answered, second: Answered) -> PyResult<&'static str> {
        let preferred = py.detach(|| self.judge.prefer(&prompt.0, &first.0, &second.0));
        Ok(match preferred.map_err(|error| errors::judge(py, &error))? {
            serinus::judge::Preference::First => "first",
            serinus::judge::Preference::Second => "second",
            serinus::judge::Preference::Neither => "neither",
        })
    }

    fn spent_json(&self, py: Python<'_>) -> PyResult<String> {
        json::write(py, &self.judge.spent())
    }

    fn remaining_json(&self, py: Python<'_>) -> PyResult<String> {
        json::write(py, &self.judge.remaining())
    }

    fn set_budget_json(&self, py: Python<'_>, budget: &str) -> PyResult<()> {
        self.judge.set_budget(read(py, budget)?).map_err(|error| errors::judge_config(py, &error))
    }
}

/// The name of a rubric that is written out, and the quality from which on an answer passes by it.
#[pyfunction]
fn read_rubric(py: Python<'_>, text: &str) -> PyResult<(String, f64)> {
    let rubric = rubric(py, text)?;
    Ok((rubric.name().to_owned(), rubric.pass_at()))
}
