//! Judges of answers for [`serinus`]: a model behind any OpenAI-compatible endpoint, and checks of the text that need none.

mod checks;
mod openai;
mod rubric;

pub use checks::{ChecksError, StandardChecks, StandardChecksBuilder};
pub use openai::{AnswerFormat, Budget, ConfigError, OpenAiJudge, OpenAiJudgeBuilder, Prices, Spent};
pub use rubric::{Rubric, RubricError};
