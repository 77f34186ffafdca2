//! What one request came to.

use serde::{Deserialize, Serialize};

use super::checks::Checks;

/// What one finished request came to: a small value without allocation, made on the request path.
///
/// Only [`error`](Self::error) is always known; everything else may be left unmeasured. A value that cannot be right
/// (not a number, infinite, negative, a quality outside [0, 1]) is not an error to the request that reports it: it is
/// treated as unmeasured where it is recorded, and counted ([`ArmEvidence::invalid`](super::ArmEvidence::invalid)).
///
/// ```
/// use serinus::observe::Outcome;
///
/// let answer = Outcome::ok().ttft_ms(120.0).latency_ms(830.0).tokens(212).passed(true);
/// assert_eq!(answer.latency_ms, Some(830.0));
/// assert!(!answer.error);
/// assert!(Outcome::error().error);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// Time to the first token, in milliseconds.
    pub ttft_ms: Option<f64>,
    /// Time from the request's arrival to its last token, in milliseconds.
    pub latency_ms: Option<f64>,
    /// Tokens of the response.
    pub tokens: Option<u32>,
    /// Whether the request failed: no answer, or not the one that the protocol promises.
    pub error: bool,
    /// What a yes-or-no judgement of the answer said (a rubric, a text check, a user's thumb).
    pub passed: Option<bool>,
    /// A score of the answer in [0, 1]; higher is better.
    pub quality: Option<f64>,
    /// What checks of its text found.
    pub checks: Checks,
    /// What the user thought of it, in [0, 1]; higher is better, and below ½ is unhappy.
    pub feedback: Option<f64>,
    /// What kind of request it was, from 0 to 15: see [`stratum`](Self::stratum).
    pub stratum: Option<u8>,
}

/// How many strata there can be.
pub(crate) const STRATA: u8 = 16;

impl Outcome {
    /// A request that was answered.
    pub const fn ok() -> Self {
        Self {
            ttft_ms: None,
            latency_ms: None,
            tokens: None,
            error: false,
            passed: None,
            quality: None,
            checks: Checks::none(),
            feedback: None,
            stratum: None,
        }
    }

    /// A request that failed.
    pub const fn error() -> Self {
        Self { error: true, ..Self::ok() }
    }

    /// With this time to the first token, in milliseconds.
    pub const fn ttft_ms(self, ttft_ms: f64) -> Self {
        Self { ttft_ms: Some(ttft_ms), ..self }
    }

    /// With this latency (arrival to last token), in milliseconds.
    pub const fn latency_ms(self, latency_ms: f64) -> Self {
        Self { latency_ms: Some(latency_ms), ..self }
    }

    /// With this many tokens in the response.
    pub const fn tokens(self, tokens: u32) -> Self {
        Self { tokens: Some(tokens), ..self }
    }

    /// With a yes-or-no judgement of the answer.
    pub const fn passed(self, passed: bool) -> Self {
        Self { passed: Some(passed), ..self }
    }

    /// With a score of the answer, in [0, 1].
    pub const fn quality(self, quality: f64) -> Self {
        Self { quality: Some(quality), ..self }
    }

    /// With what checks of the answer's text found.
    pub const fn checks(self, checks: Checks) -> Self {
        Self { checks, ..self }
    }

    /// With what the user thought of the answer, in [0, 1].
    pub const fn feedback(self, feedback: f64) -> Self {
        Self { feedback: Some(feedback), ..self }
    }

    /// With the kind of request that it was, from 0 to 15: long or short prompts, cached or not, a language. Only requests
    /// of the same kind are compared, so a canary that gets another mixture of them, or whose prefix cache is still cold,
    /// is not called worse for it. The label must say what was asked and what the host knew before it chose a version,
    /// never how the version answered. A label above 15 counts as none and as an
    /// [invalid value](super::ArmEvidence::invalid).
    pub const fn stratum(self, stratum: u8) -> Self {
        Self { stratum: Some(stratum), ..self }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// It ran to its end, with an answer or an error.
    Finished(Outcome),
    /// The client went away. That is no error of the version, and says nothing of its answers. What the request had come to
    /// by then, where it is known: how long it had waited (as its latency), and its time to the first token.
    Abandoned(Outcome),
    /// It was stopped (a drain deadline) and is tried again elsewhere. Evidence of nothing.
    Cancelled,
}
