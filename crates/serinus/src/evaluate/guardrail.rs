//! Guardrails: what a canary must not make worse, and by how much.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::observe::Signal;
use serinus_stats::sequential::Margin;

/// Something that a canary must not make worse.
///
/// # Contract
///
/// Nothing of it changes while a rollout runs. Of each comparison the *worse* side is the hypothesis that must be disproved
/// before the canary is rolled back: choose it below the change that you would call a regression (the
/// [built-in guardrails](super::StandardGuardrail) take half of it), since a regression exactly at the hypothesis can
/// never be told from it. The *safe* side is the hypothesis that must be disproved before the canary counts as healthy:
/// "the canary is unacceptable".
///
/// ```
/// use std::sync::Arc;
/// use serinus::evaluate::{Comparison, Guardrail, Margin, RateOf};
/// use serinus::observe::{Outcome, Signal};
///
/// /// Answers cut off after a few words: tolerated up to 2% more often.
/// #[derive(Debug)]
/// struct TooShort;
///
/// impl Signal for TooShort {
///     fn name(&self) -> &str {
///         "too_short"
///     }
///     fn failed(&self, outcome: &Outcome) -> Option<bool> {
///         outcome.tokens.map(|tokens| tokens < 5)
///     }
/// }
///
/// impl Guardrail for TooShort {
///     fn name(&self) -> &str {
///         "too_short"
///     }
///     fn compares(&self) -> Comparison {
///         let (worse, safe) = (Margin::absolute(0.01).unwrap(), Margin::absolute(0.02).unwrap());
///         Comparison::Rate { of: RateOf::Signal(Arc::new(TooShort)), worse, safe: vec![safe] }
///     }
///     fn noun(&self) -> &str {
///         "answers of fewer than five tokens"
///     }
/// }
/// ```
pub trait Guardrail: Send + Sync + fmt::Debug {
    /// Its name in reports, unique among the guardrails used together.
    fn name(&self) -> &str;

    /// What is compared, and how much worse the canary may be.
    fn compares(&self) -> Comparison;

    /// Whether the canary must be shown to be healthy in this before it gets all traffic. A guardrail that nothing
    /// feeds, on either version, never blocks.
    fn required(&self) -> bool {
        true
    }

    /// What it counts or measures, as it reads in a reason: "judged failures".
    fn noun(&self) -> &str {
        self.name()
    }
}

/// What a guardrail compares.
#[derive(Clone, Debug)]
pub enum Comparison {
    /// How often requests fail.
    Rate {
        /// In which sense.
        of: RateOf,
        /// Not worse than this: the rollback test's hypothesis.
        worse: Margin,
        /// Worse than all of these: the promote test's hypothesis. At least one; the evidence against them is averaged.
        safe: Vec<Margin>,
    },
    /// How long requests take, at the median and at the 0.75, 0.9, 0.95 and 0.99 quantiles together.
    Time {
        /// Which time.
        of: Timing,
        /// The relative increase that the rollback test grants: 0.1 is +10%.
        worse: f64,
        /// The relative increase that the promote test excludes.
        safe: f64,
    },
    /// The mean score ([`Outcome::quality`](crate::observe::Outcome::quality)), of which less is worse.
    Score {
        /// The decrease that the rollback test grants.
        worse: f64,
        /// The decrease that the promote test excludes.
        safe: f64,
    },
    /// The mean length of the answers, in tokens, of which neither more nor less is wanted.
    Length {
        /// The relative change that the rollback test grants: 0.1 is ±10%.
        worse: f64,
        /// The relative change that the promote test excludes.
        safe: f64,
    },
    /// Which of two answers to one prompt is better ([`Block::pairs`](crate::observe::Block::pairs)): by how much the share
    /// of prompts that the canary loses is above the share that it wins.
    Pairs {
        /// The difference that the rollback test grants.
        worse: f64,
        /// The difference that the promote test excludes.
        safe: f64,
    },
}

/// In which sense requests fail.
#[derive(Clone, Debug)]
pub enum RateOf {
    /// The signal says so.
    Signal(Arc<dyn Signal>),
    /// The client went away.
    Abandoned,
}

/// A time that is measured of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// From its arrival to its last token.
    Latency,
    /// From its arrival to its first token.
    Ttft,
}

/// The margins of a comparison make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error("expected {expected}, got {got}")]
pub struct MarginError {
    /// What is allowed.
    pub expected: &'static str,
    /// What was given.
    pub got: f64,
}

impl Comparison {
    /// Checks the margins.
    pub(super) fn check(&self) -> Result<(), MarginError> {
        let (most, expected, worse, safe) = match *self {
            Self::Rate { ref safe, .. } => {
                let expected = "at least one safe margin, or the canary could never be healthy";
                return if safe.is_empty() { Err(MarginError { expected, got: 0.0 }) } else { Ok(()) };
            }
            Self::Time { worse, safe, .. } => (100.0, "relative increases from 0 to 100", worse, safe),
            Self::Score { worse, safe } => (0.99, "decreases of a score from 0 to 0.99", worse, safe),
            Self::Length { worse, safe } => (0.9, "relative changes of the length from 0 to 0.9", worse, safe),
            Self::Pairs { worse, safe } => (0.99, "differences of shares from 0 to 0.99", worse, safe),
        };
        if let Some(got) = [worse, safe].into_iter().find(|margin| !(0.0..=most).contains(margin)) {
            return Err(MarginError { expected, got });
        }
        if safe <= 0.0 || worse > safe {
            let expected = "a safe margin above 0 and not below the worse one";
            return Err(MarginError { expected, got: safe });
        }
        Ok(())
    }
}
