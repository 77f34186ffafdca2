//! Judging answers: by a model, by checks of their text, by their users.
//!
//! What a checkpoint says can be wrong although it comes fast and without an error. A [`Reviewer`] takes a sample of the
//! requests of both versions, has their answers judged off the request path, and hands the results to the evaluator in
//! blocks by the requests' *arrival*, like any other evidence. Before a new version has any traffic it can be tried in
//! the shadow: prompts of the stable version's users are [answered again](crate::host::Generate) on the canary, and the two
//! answers are compared.
//!
//! A judge that is down, slow, out of budget or incomprehensible gives no evidence. It raises an alert and is counted
//! ([`ReviewStats`]); it never rolls back or promotes anything by itself.

mod both_orders;
mod calibration;
mod comparison;
#[cfg(feature = "testing")]
pub mod conformance;
mod desk;
mod feedback;
mod health;
mod noise;
mod reviewer;
mod reviewer_builder;
mod rounds;
mod sampling;
mod stats;
mod task;
#[cfg(test)]
mod tests;
mod ticket;
mod workers;

use std::fmt;

use thiserror::Error;

pub use both_orders::{PairVerdict, compare_in_both_orders};
pub use calibration::{Calibration, CorrectedRate, Label};
pub use feedback::{Feedback, FeedbackError};
pub use noise::{JudgeNoise, measure_noise};
pub use reviewer::Reviewer;
pub use reviewer_builder::ReviewerBuilder;
pub use sampling::{Sampling, SamplingError};
pub use stats::{ReviewStats, VersionReviews};
pub use ticket::Ticket;

use crate::host::{Answer, Prompt};
use crate::observe::Checks;

/// Says how good an answer is, and which of two is better.
///
/// # Contract
///
/// Called from several threads at a time; may block, within a time limit of its own. It is never told which version gave an
/// answer, and must not find out: no name, no order, no header gives it away. Prompts and answers are *data*: what an answer
/// asks the judge to do must not move it. It answers the same whichever version it judges, and how long it takes must
/// not depend on what it finds, or whatever it does not finish in time is no longer missing by chance.
///
/// An error is never evidence. The caller does not repeat a call: retries are the judge's own.
///
/// The suite in [`conformance`](crate::judge#conformance) (feature `testing`) checks a judge against this contract.
pub trait Judge: Send + Sync + fmt::Debug {
    /// Judges one answer.
    ///
    /// # Errors
    ///
    /// [`JudgeError`] if there is no judgement.
    fn score(&self, prompt: &Prompt, answer: &Answer) -> Result<Score, JudgeError>;

    /// Says which of two answers to a prompt is better, as they are shown. The caller asks in both orders.
    ///
    /// # Errors
    ///
    /// [`JudgeError`] if there is no judgement.
    fn prefer(&self, prompt: &Prompt, first: &Answer, second: &Answer) -> Result<Preference, JudgeError>;
}

/// A judgement of one answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// How good it is, in [0, 1].
    pub quality: f64,
    /// Whether it passes, where the judge says so.
    pub passed: Option<bool>,
}

/// Which of two answers is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preference {
    /// The one that was shown first.
    First,
    /// The one that was shown second.
    Second,
    /// Neither.
    Neither,
}

/// Why there is no judgement.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JudgeError {
    /// It cannot be reached, is overloaded or took too long. It may work again later.
    #[error("the judge is unavailable: {0}")]
    Unavailable(String),
    /// What it said could not be understood.
    #[error("the judge's answer could not be understood: {0}")]
    Unparsable(String),
    /// A budget of calls, tokens or money is used up.
    #[error("the judge's budget is used up: {0}")]
    OutOfBudget(String),
    /// This request cannot be judged: it lacks what the judgement would rest on.
    #[error("this cannot be judged: {0}")]
    NotApplicable(String),
    /// It refuses the request, and will again: a wrong key, an unknown model.
    #[error("the judge refuses: {0}")]
    Refused(String),
}

/// Checks an answer's text without a model.
///
/// # Contract
///
/// A pure function of the two, quick, the same on every router and for every version.
pub trait TextChecks: Send + Sync + fmt::Debug {
    /// What the checks find.
    fn check(&self, prompt: &Prompt, answer: &Answer) -> Checks;
}

/// Takes out of a prompt and its answer what must not leave the process, before a judge sees them. What stays in the process
/// sees them as they are: checks of texts, and the host that answers a prompt again.
///
/// # Contract
///
/// Called once for each answer that is judged, off the request path; of a pair, for each of the two. `None` drops the request
/// from the sample; that must not depend on how good the answer is. A redactor that panics drops the request, too.
///
/// ```
/// use serinus::host::{Answer, Prompt};
/// use serinus::judge::Redactor;
///
/// /// Leaves no digit.
/// #[derive(Debug)]
/// struct NoDigits;
///
/// impl Redactor for NoDigits {
///     fn redact(&self, mut prompt: Prompt, mut answer: Answer) -> Option<(Prompt, Answer)> {
///         let scrub = |text: &mut String| *text = text.replace(|c: char| c.is_ascii_digit(), "#");
///         scrub(&mut prompt.text);
///         prompt.context.as_mut().map(scrub);
///         scrub(&mut answer.text);
///         Some((prompt, answer))
///     }
/// }
///
/// let (prompt, _) = NoDigits.redact(Prompt::new("My PIN is 1234"), Answer::new("")).expect("kept");
/// assert_eq!(prompt.text, "My PIN is ####");
/// ```
pub trait Redactor: Send + Sync + fmt::Debug {
    /// The prompt and the answer without what must stay; `None` to keep both back.
    fn redact(&self, prompt: Prompt, answer: Answer) -> Option<(Prompt, Answer)>;
}
