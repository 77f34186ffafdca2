//! A judge behind an OpenAI-compatible endpoint.

mod budget;
mod builder;
mod caller;
mod fence;
mod gate;
mod question;
mod retry;
mod transport;
mod verdict;
mod wire;

use std::fmt;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use serinus::host::{Answer, Prompt};
use serinus::judge::{Judge, JudgeError, Preference, Score};

pub use budget::{Budget, Prices, Spent};
pub use builder::{ConfigError, OpenAiJudgeBuilder};
pub use wire::AnswerFormat;

use budget::{Reason, Usage, estimate_tokens};
use caller::Caller;
use question::Words;
use wire::Question;

use crate::rubric::Rubric;

/// A model behind an OpenAI-compatible endpoint (chat completions), as a judge: OpenAI, vLLM, SGLang, llama.cpp, Ollama.
///
/// It blocks, within [a time limit](OpenAiJudgeBuilder::deadline), and is meant for the threads of a
/// [`Reviewer`](serinus::judge::Reviewer). Prompts and answers are shown as data inside a fence that no text can
/// foresee; which version gave an answer is not part of the request. The answer is held to a JSON schema, read strictly, and
/// asked for once more if it cannot be understood.
///
/// | what happens | what it gives |
/// |---|---|
/// | no connection, a timeout, status 408, 425, 429, 500, 502, 503, 504 or 529 | tried again, no sooner than `Retry-After` says; then [`Unavailable`](JudgeError::Unavailable) |
/// | any other status, redirects too | [`Refused`](JudgeError::Refused), at once |
/// | a prompt without the grounds that the rubric needs | [`NotApplicable`](JudgeError::NotApplicable), without a call |
/// | a verdict that is none, twice | [`Unparsable`](JudgeError::Unparsable) |
/// | the [`Budget`] has no room for a call, or the server's account is empty | [`OutOfBudget`](JudgeError::OutOfBudget) |
///
/// Errors quote neither the key nor what was judged nor what the model said.
///
/// ```no_run
/// use std::sync::Arc;
/// use serinus::judge::Reviewer;
/// use serinus_judge::{Budget, OpenAiJudge, Prices, Rubric};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let judge = OpenAiJudge::builder("https://api.openai.com/v1", "gpt-4o-mini")
///     .key_from_env("OPENAI_API_KEY")
///     .rubric(Rubric::hallucination())
///     .prices(Prices { input_per_million: 0.15, output_per_million: 0.60 })
///     .budget(Budget { money: Some(20.0), ..Budget::default() })
///     .build()?;
/// let judge = Arc::new(judge);
/// let reviewer = Reviewer::builder().judge(judge.clone()).build()?;
/// // … and the reviewer to the deployment; meanwhile, on a dashboard:
/// println!("{:.2} spent, {:?} left", judge.spent().money, judge.remaining().money);
/// # let _ = reviewer;
/// # Ok(())
/// # }
/// ```
pub struct OpenAiJudge {
    caller: Caller,
    rubric: Rubric,
    model: String,
    format: AnswerFormat,
    max_tokens: u32,
    max_chars: usize,
    parameters: Map<String, Value>,
    deadline: Duration,
}

impl OpenAiJudge {
    /// Begins a judge. `base_url` is what stands before `/chat/completions`: `https://api.openai.com/v1`,
    /// `http://localhost:8000/v1`.
    pub fn builder(base_url: impl Into<String>, model: impl Into<String>) -> OpenAiJudgeBuilder {
        OpenAiJudgeBuilder::new(base_url.into(), model.into())
    }

    /// What it has spent so far.
    pub fn spent(&self) -> Spent {
        self.caller.ledger.spent()
    }

    /// What of its budget is left.
    pub fn remaining(&self) -> Budget {
        self.caller.ledger.remaining()
    }

    /// Gives it another budget. What it has spent counts against it, too.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for money that is not a number, is below 0, or is limited without prices.
    pub fn set_budget(&self, budget: Budget) -> Result<(), ConfigError> {
        builder::check_budget(&budget, self.caller.ledger.has_prices())?;
        self.caller.ledger.set_budget(budget);
        Ok(())
    }

    /// Its rubric.
    pub const fn rubric(&self) -> &Rubric {
        &self.rubric
    }

    /// Asks, and asks once more if the answer cannot be understood.
    fn ask<T: PartialEq>(
        &self,
        name: &'static str,
        schema: Value,
        words: &Words,
        read: impl Fn(&Map<String, Value>) -> Result<T, String>,
    ) -> Result<T, JudgeError> {
        let deadline = Instant::now() + self.deadline;
        let question = Question { system: &words.system, user: &words.user, schema, name };
        let body = question.body(&self.model, self.format, self.max_tokens, &self.parameters).to_string();
        let most = Usage { input: estimate_tokens(&body), output: u64::from(self.max_tokens) };
        let ask = |reason| {
            let content = self.caller.ask(&body, most, reason, deadline)?;
            Ok(content.and_then(|content| verdict::read(&content, self.format, &read)))
        };
        if let Ok(verdict) = ask(Reason::First)? {
            return Ok(verdict);
        }
        ask(Reason::AskAgain)?.map_err(|why| JudgeError::Unparsable(format!("asked twice: {why}")))
    }
}

impl Judge for OpenAiJudge {
    fn score(&self, prompt: &Prompt, answer: &Answer) -> Result<Score, JudgeError> {
        let words = question::score(&self.rubric, prompt, answer, self.max_chars)?;
        self.ask("score", question::score_schema(&self.rubric), &words, |verdict| {
            question::read_score(&self.rubric, verdict)
        })
    }

    fn prefer(&self, prompt: &Prompt, first: &Answer, second: &Answer) -> Result<Preference, JudgeError> {
        let words = question::prefer(&self.rubric, prompt, first, second, self.max_chars)?;
        self.ask("preference", question::preference_schema(), &words, question::read_preference)
    }
}

impl fmt::Debug for OpenAiJudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiJudge")
            .field("address", self.caller.transport.address())
            .field("model", &self.model)
            .field("rubric", &self.rubric.name())
            .field("spent", &self.spent())
            .finish_non_exhaustive()
    }
}
