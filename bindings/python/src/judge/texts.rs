//! Prompts and answers, which cross as tuples: they are made of strings, and no code of Python runs to build them.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use serde_json::Value;
use serinus::host::{Answer, Expects, Prompt, Tool};

use crate::errors;

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(check_prompt, module)?)?;
    module.add_function(wrap_pyfunction!(check_answer, module)?)
}

/// Text, context, reference; whether JSON is expected and of which schema; the tools that were offered, each a name and a schema.
pub(super) type PlainPrompt =
    (String, Option<String>, Option<String>, bool, Option<String>, Option<Vec<(String, String)>>);

/// Text, whether it was cut off, its tokens, the tools that it calls with their arguments.
pub(super) type PlainAnswer = (String, Option<bool>, Option<u32>, Vec<(String, String)>);

/// A prompt as Python gives it: a string or a `Prompt`.
pub(crate) struct Asked(pub(crate) Prompt);

/// An answer as Python gives it: a string or an `Answer`.
pub(crate) struct Answered(pub(crate) Answer);

impl<'py> FromPyObject<'_, 'py> for Asked {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(text) = object.extract::<String>() {
            return Ok(Self(Prompt::new(text)));
        }
        prompt(object.py(), plain(object, "Prompt")?).map(Self)
    }
}

impl<'py> FromPyObject<'_, 'py> for Answered {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(text) = object.extract::<String>() {
            return Ok(Self(Answer::new(text)));
        }
        Ok(Self(answer(plain(object, "Answer")?)))
    }
}

fn plain<T: for<'a, 'py> FromPyObject<'a, 'py, Error = PyErr>>(
    object: Borrowed<'_, '_, PyAny>,
    class: &str,
) -> PyResult<T> {
    if object.hasattr("_plain")?
        && let Ok(plain) = object.call_method0("_plain")?.extract()
    {
        return Ok(plain);
    }
    Err(PyTypeError::new_err(format!("expected a str or a serinus.{class}, got {}", object.get_type().name()?)))
}

pub(super) fn prompt(py: Python<'_>, plain: PlainPrompt) -> PyResult<Prompt> {
    let (text, context, reference, is_json, schema, tools) = plain;
    let read = |schema: &str| serde_json::from_str::<Value>(schema).map_err(|error| errors::judge_config(py, &error));
    let expects = match tools {
        Some(tools) => {
            let tools = tools.into_iter().map(|(name, schema)| Ok(Tool { name, parameters: read(&schema)? }));
            Expects::Tools(tools.collect::<PyResult<_>>()?)
        }
        None if is_json => Expects::Json { schema: schema.as_deref().map(read).transpose()? },
        None => Expects::Text,
    };
    let mut prompt = Prompt::new(text).expects(expects);
    (prompt.context, prompt.reference) = (context, reference);
    Ok(prompt)
}

pub(super) fn answer((text, cut_off, tokens, calls): PlainAnswer) -> Answer {
    let mut answer = Answer::new(text);
    (answer.cut_off, answer.tokens) = (cut_off, tokens);
    calls.into_iter().fold(answer, |answer, (name, arguments)| answer.tool_call(name, arguments))
}

pub(super) fn plain_prompt(prompt: &Prompt) -> PlainPrompt {
    let (is_json, schema, tools) = match &prompt.expects {
        Expects::Text => (false, None, None),
        Expects::Json { schema } => (true, schema.as_ref().map(Value::to_string), None),
        Expects::Tools(tools) => {
            let tools = tools.iter().map(|tool| (tool.name.clone(), tool.parameters.to_string())).collect();
            (false, None, Some(tools))
        }
    };
    (prompt.text.clone(), prompt.context.clone(), prompt.reference.clone(), is_json, schema, tools)
}

pub(super) fn plain_answer(answer: &Answer) -> PlainAnswer {
    let calls = answer.tool_calls.iter().map(|call| (call.name.clone(), call.arguments.clone())).collect();
    (answer.text.clone(), answer.cut_off, answer.tokens, calls)
}

#[pyfunction]
fn check_prompt(py: Python<'_>, plain: PlainPrompt) -> PyResult<()> {
    prompt(py, plain).map(drop)
}

#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "made of Python objects")]
fn check_answer(plain: PlainAnswer) {
    let _ = plain;
}
