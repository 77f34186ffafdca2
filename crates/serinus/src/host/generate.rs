//! What is asked and answered, and asking a version of one's choosing.

use std::fmt;

use serde_json::Value;

use super::HostError;
use crate::model::VersionId;

/// What was asked. It is held only of requests that are sampled for judging, and `Debug` shows none of it.
///
/// ```
/// use serinus::host::{Expects, Prompt};
///
/// let prompt = Prompt::new("What is the capital of France?").context("France is a country. Its capital is Paris.");
/// assert!(!format!("{prompt:?}").contains("France"));
/// let asks_for_json = Prompt::new("List three rivers as JSON.").expects(Expects::Json { schema: None });
/// # let _ = asks_for_json;
/// ```
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Prompt {
    /// The prompt, as the host would render it for a reader: the last message, or the whole conversation.
    pub text: String,
    /// What the answer is to rest on, where there is something: retrieved passages, a system prompt.
    pub context: Option<String>,
    /// The right answer, where it is known.
    pub reference: Option<String>,
    /// What kind of answer was asked for.
    pub expects: Expects,
}

/// What kind of answer was asked for.
#[derive(Clone, Default, PartialEq)]
pub enum Expects {
    /// Anything.
    #[default]
    Text,
    /// JSON, of this schema if there is one.
    Json {
        /// A JSON schema.
        schema: Option<Value>,
    },
    /// Text, or calls of these tools.
    Tools(Vec<Tool>),
}

/// A tool that an answer may call.
#[derive(Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// The JSON schema of its arguments.
    pub parameters: Value,
}

/// What was answered. `Debug` shows none of it.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The text.
    pub text: String,
    /// Whether it was cut off at a limit of length, where the server says so.
    pub cut_off: Option<bool>,
    /// Its length in tokens, where it is known.
    pub tokens: Option<u32>,
    /// The tools that it calls.
    pub tool_calls: Vec<ToolCall>,
}

/// A call of a tool, as the model wrote it.
#[derive(Clone, PartialEq)]
pub struct ToolCall {
    /// The tool's name.
    pub name: String,
    /// Its arguments, which should be JSON.
    pub arguments: String,
}

impl Prompt {
    /// A prompt of which nothing but its text is known.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// With what the answer is to rest on.
    pub fn context(self, context: impl Into<String>) -> Self {
        Self { context: Some(context.into()), ..self }
    }

    /// With the right answer.
    pub fn reference(self, reference: impl Into<String>) -> Self {
        Self { reference: Some(reference.into()), ..self }
    }

    /// With the kind of answer that was asked for.
    pub fn expects(self, expects: Expects) -> Self {
        Self { expects, ..self }
    }
}

impl Answer {
    /// An answer of which nothing but its text is known.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// With whether it was cut off at a limit of length.
    pub fn cut_off(self, cut_off: bool) -> Self {
        Self { cut_off: Some(cut_off), ..self }
    }

    /// With its length in tokens.
    pub fn tokens(self, tokens: u32) -> Self {
        Self { tokens: Some(tokens), ..self }
    }

    /// With one more call of a tool.
    pub fn tool_call(mut self, name: impl Into<String>, arguments: impl Into<String>) -> Self {
        self.tool_calls.push(ToolCall { name: name.into(), arguments: arguments.into() });
        self
    }
}

/// Users' words do not belong in logs.
macro_rules! debug_without_text {
    ($($type:ty, $name:literal);+) => {
        $(impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($name).finish_non_exhaustive()
            }
        })+
    };
}
debug_without_text!(Prompt, "Prompt"; Answer, "Answer"; Tool, "Tool"; ToolCall, "ToolCall"; Expects, "Expects");

/// Answers a prompt on a version of the caller's choosing, beside all users' traffic. Optional: a host that implements it
/// can have a new version tried on real prompts before any user meets it.
///
/// # Contract
///
/// Called from threads that may block, up to as many at a time as the reviewer has workers. It runs the prompt as a user's request
/// would be run (the same sampling, the same limits), at a lower priority where the server has one, and returns within a time
/// limit of its own. The answer must come from the named version alone.
pub trait Generate: Send + Sync + fmt::Debug {
    /// The version's answer.
    ///
    /// # Errors
    ///
    /// [`HostError`] if it gave none. Such a prompt is counted and compared with nothing.
    fn generate(&self, version: &VersionId, prompt: &Prompt) -> Result<Answer, HostError>;
}
