//! Judges, checks, redactors and hosts that are written in Python, as the library sees them.

use std::fmt;
use std::sync::Arc;

use pyo3::prelude::*;
use serinus::host::{Answer, Generate, HostError, Prompt};
use serinus::judge::{Judge, JudgeError, Preference, Redactor, Score, TextChecks};
use serinus::model::VersionId;
use serinus::observe::Checks;

use super::crew::{Crew, Failed};
use super::standard::checks;
use super::texts::{PlainAnswer, PlainPrompt, answer, plain_answer, plain_prompt, prompt};

/// An object of Python's, and the threads that call it.
pub(super) struct Adapter {
    pub(super) object: Py<PyAny>,
    pub(super) crew: Arc<Crew>,
}

impl Adapter {
    fn call<'a, T>(
        &self,
        function: &str,
        prompt: &Prompt,
        answers: impl IntoIterator<Item = &'a Answer>,
        read: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Result<T, Failed> {
        let answers: Vec<_> = answers.into_iter().map(plain_answer).collect();
        let prompt = plain_prompt(prompt);
        self.crew.call(function, |py| (self.object.clone_ref(py), prompt, answers).into_pyobject(py), read)
    }
}

impl fmt::Debug for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adapter").finish_non_exhaustive()
    }
}

impl From<Failed> for JudgeError {
    fn from(Failed { kind, what }: Failed) -> Self {
        match kind.as_str() {
            "unparsable" => Self::Unparsable(what),
            "out_of_budget" => Self::OutOfBudget(what),
            "not_applicable" => Self::NotApplicable(what),
            "refused" => Self::Refused(what),
            _ => Self::Unavailable(what),
        }
    }
}

impl Judge for Adapter {
    fn score(&self, prompt: &Prompt, answer: &Answer) -> Result<Score, JudgeError> {
        let (quality, passed): (f64, Option<bool>) = self.call("score", prompt, [answer], |said| said.extract())?;
        Ok(Score { quality, passed })
    }

    fn prefer(&self, prompt: &Prompt, first: &Answer, second: &Answer) -> Result<Preference, JudgeError> {
        let preferred: String = self.call("prefer", prompt, [first, second], |said| said.extract())?;
        Ok(match preferred.as_str() {
            "first" => Preference::First,
            "second" => Preference::Second,
            _ => Preference::Neither,
        })
    }
}

impl TextChecks for Adapter {
    fn check(&self, prompt: &Prompt, answer: &Answer) -> Checks {
        // What fails is logged by the call; an answer that could not be checked was not.
        self.call("check", prompt, [answer], checks).unwrap_or_default()
    }
}

impl Redactor for Adapter {
    fn redact(&self, prompt: Prompt, answer: Answer) -> Option<(Prompt, Answer)> {
        let read = |said: &Bound<'_, PyAny>| {
            let Some((asked, answered)) = said.extract::<Option<(PlainPrompt, PlainAnswer)>>()? else {
                return Ok(None);
            };
            Ok(Some((self::prompt(said.py(), asked)?, self::answer(answered))))
        };
        // A redactor that fails keeps the request back.
        self.call("redact", &prompt, [&answer], read).ok().flatten()
    }
}

impl Generate for Adapter {
    fn generate(&self, version: &VersionId, prompt: &Prompt) -> Result<Answer, HostError> {
        let prompt = plain_prompt(prompt);
        let said = self.crew.call(
            "generate",
            |py| (self.object.clone_ref(py), version.as_str(), prompt).into_pyobject(py),
            |said| said.extract().map(self::answer),
        );
        said.map_err(|failed| HostError::transient(failed.what))
    }
}
