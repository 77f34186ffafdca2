//! Guardrails: what a canary must not make worse, and by how much.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::observe::Signal;
use serinus_stats::StatisticsError;
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

/// By how much a rate may rise on the promote side, absolutely, even where that is more than the relative margin. A rise
/// by half of one in a thousand could not be excluded in any reasonable time (it takes some 30,000 canary requests).
const ABSOLUTE_MARGIN: f64 = 0.005;
/// The greatest relative increase of a rate: beyond it no margin makes sense.
const GREATEST_INCREASE: f64 = 900.0;

impl Comparison {
    /// A rate of which a relative increase is a regression (0.5 is +50%), as the built-in guardrails compare theirs: rolled
    /// back is what is shown to be worse than the share `granted` of it, healthy is what is shown to be better than the whole
    /// of it, or than a rise by 0.005.
    ///
    /// # Errors
    ///
    /// Unless `increase` is above 0 and at most 900, and `granted` in [0, 1).
    pub fn relative_rate(of: RateOf, increase: f64, granted: f64) -> Result<Self, MarginError> {
        if !(increase > 0.0 && increase <= GREATEST_INCREASE) {
            return Err(MarginError { expected: "a relative increase above 0, such as 0.5 for +50%", got: increase });
        }
        // Unacceptable is a rate above both "+50%" (say) and "+0.005", that is, above the larger of the two. Each hypothesis
        // alone follows from that, so each one's evidence is valid under it, and so is their average.
        let safe = vec![relative(increase)?, absolute(ABSOLUTE_MARGIN)?];
        Ok(Self::Rate { of, worse: relative(share(granted)? * increase)?, safe })
    }

    /// A rate of which an absolute increase is a regression (0.02 is two in a hundred), otherwise as
    /// [`relative_rate`](Self::relative_rate).
    ///
    /// # Errors
    ///
    /// Unless `increase` is above 0 and below 1, and `granted` in [0, 1).
    pub fn absolute_rate(of: RateOf, increase: f64, granted: f64) -> Result<Self, MarginError> {
        if !(increase > 0.0 && increase < 1.0) {
            return Err(MarginError { expected: "an absolute increase above 0 and below 1", got: increase });
        }
        Ok(Self::Rate { of, worse: absolute(share(granted)? * increase)?, safe: vec![absolute(increase)?] })
    }

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

/// A share of the change that counts as a regression.
pub(super) fn share(granted: f64) -> Result<f64, MarginError> {
    if !(0.0..1.0).contains(&granted) {
        return Err(MarginError { expected: "a share of the trigger at least 0 and below 1", got: granted });
    }
    Ok(granted)
}

fn relative(increase: f64) -> Result<Margin, MarginError> {
    Margin::relative(increase).map_err(|error| of_margin(&error))
}

fn absolute(increase: f64) -> Result<Margin, MarginError> {
    Margin::absolute(increase).map_err(|error| of_margin(&error))
}

fn of_margin(error: &StatisticsError) -> MarginError {
    MarginError { expected: error.expected, got: error.got }
}
