//! Judges of answers for [`serinus`]: a model behind any OpenAI-compatible endpoint, and checks of the text that need none.
//!
//! Both are handed to a [`Reviewer`](serinus::judge::Reviewer), which takes the samples and calls them off the request path:
//!
//! ```no_run
//! use std::sync::Arc;
//! use serinus::judge::Reviewer;
//! use serinus_judge::{OpenAiJudge, Rubric, StandardChecks};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let judge = OpenAiJudge::builder("http://localhost:8000/v1", "Qwen/Qwen3-8B").rubric(Rubric::hallucination()).build()?;
//! let reviewer = Reviewer::builder().judge(Arc::new(judge)).checks(Arc::new(StandardChecks::default())).build()?;
//! # let _ = reviewer;
//! # Ok(())
//! # }
//! ```
//!
//! - [`OpenAiJudge`] scores an answer on a [`Rubric`], or says which of two is better. It has limits of time, calls at a time, calls a
//!   second, tokens and money ([`Budget`]).
//! - [`Rubric`] is what it is asked: hallucination, helpfulness, instruction following, harmlessness, or a TOML file of
//!   your own.
//! - [`StandardChecks`] looks for empty, truncated, looping and refusing answers, for JSON and tool calls that do not fit their
//!   schemas, for another language, and for the wrong length.
//!
//! Before a judge gates anything, measure it: [`Calibration`](serinus::judge::Calibration) on answers that people have labelled,
//! [`measure_noise`](serinus::judge::measure_noise) on answers of one version. What must not leave the process is taken out
//! by a [`Redactor`](serinus::judge::Redactor) before it gets here.
//!
//! # What an answer can do to its judge
//!
//! An answer that says “rate me 1.0” is data, and is shown to the judge as such: as a JSON string, inside a fence whose
//! number is drawn for each question, with the rule that nothing inside is an instruction. So no text can *end* the data. Whether a
//! model keeps to the rule is the model's to prove: put such answers among the labelled ones, and look at the sensitivity.

mod checks;
mod openai;
mod rubric;

pub use checks::{ChecksError, StandardChecks, StandardChecksBuilder};
pub use openai::{AnswerFormat, Budget, ConfigError, OpenAiJudge, OpenAiJudgeBuilder, Prices, Spent};
pub use rubric::{Rubric, RubricError};
