//! Guardrails: what a canary must not make worse, and by how much.

use thiserror::Error;

use crate::observe::{Errors, Failures, Outcome, Signal};
use serinus_stats::sequential::Margin;

/// By how much a rate may rise on the promote side, absolutely, even where that is more than the relative margin. A rise
/// by half of one in a thousand could not be excluded in any reasonable time (it takes some 30,000 canary requests).
const ABSOLUTE_MARGIN: f64 = 0.005;

/// A rate of failures that a canary must not raise: a [`Signal`] together with the margins that it is judged by.
///
/// # Contract
///
/// The margins never change while a rollout runs. `worse` is the hypothesis that must be disproved before the canary is
/// rolled back: choose it below the increase that you would call a regression (the built-in guardrails take half of it),
/// since a regression exactly at the hypothesis can never be told from it. `safe` holds the hypotheses of which at least
/// one must be disproved before the canary counts as healthy; each must follow from "the canary is unacceptable". It must
/// not be empty. The [`Signal`]'s contract holds too.
///
/// ```
/// use serinus::evaluate::{Guardrail, Margin};
/// use serinus::observe::{Outcome, Signal};
///
/// /// Answers cut off after a few words: tolerated up to 2% more often.
/// #[derive(Debug)]
/// struct TooShort {
///     worse: Margin,
///     safe: Margin,
/// }
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
///     fn worse(&self) -> Margin {
///         self.worse
///     }
///     fn safe(&self) -> Vec<Margin> {
///         vec![self.safe]
///     }
///     fn noun(&self) -> &str {
///         "answers of fewer than five tokens"
///     }
/// }
/// ```
pub trait Guardrail: Signal {
    /// The rollback test's null hypothesis: the canary's rate is at most this.
    fn worse(&self) -> Margin;

    /// The promote test's null hypotheses: the canary's rate is above all of these. Their e-values are averaged.
    fn safe(&self) -> Vec<Margin>;

    /// Whether the guardrail must be healthy before the canary gets all traffic. One that nothing feeds, on either
    /// version, never blocks.
    fn required(&self) -> bool {
        true
    }

    /// What fails, in the plural, as it reads in a reason: "judged failures".
    fn noun(&self) -> &str {
        self.name()
    }
}

/// The margins of a built-in guardrail, from the relative increase that counts as a regression.
///
/// Unacceptable is a rate above both "+50%" (say) and "+0.005", that is, above the larger of the two. Each hypothesis
/// alone follows from that, so each one's e-value is valid under it, and so is their average.
#[derive(Clone, Debug)]
struct Margins {
    worse: Margin,
    safe: [Margin; 2],
}

impl Margins {
    fn new(increase: f64) -> Result<Self, IncreaseError> {
        let refused = |_| IncreaseError { got: increase };
        if !(increase > 0.0 && increase.is_finite()) {
            return Err(IncreaseError { got: increase });
        }
        Ok(Self {
            worse: Margin::new(1.0 + increase / 2.0, 0.0).map_err(refused)?,
            safe: [
                Margin::new(1.0 + increase, 0.0).map_err(refused)?,
                Margin::new(1.0, ABSOLUTE_MARGIN).map_err(refused)?,
            ],
        })
    }
}

/// The relative increase that a guardrail is given is not one.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error("expected a relative increase above 0, such as 0.5 for +50%, got {got}")]
pub struct IncreaseError {
    /// The increase.
    pub got: f64,
}

/// The share of requests that end in an error.
///
/// ```
/// use serinus::evaluate::{ErrorRate, Guardrail};
///
/// let errors = ErrorRate::new(0.5).unwrap();
/// assert!(errors.required());
/// assert!(ErrorRate::new(f64::NAN).is_err());
/// ```
#[derive(Clone, Debug)]
pub struct ErrorRate(Margins);

impl ErrorRate {
    /// Calls a relative increase beyond `increase` (0.5 is +50%) a regression.
    ///
    /// # Errors
    ///
    /// If `increase` is not a number above 0.
    pub fn new(increase: f64) -> Result<Self, IncreaseError> {
        Margins::new(increase).map(Self)
    }
}

impl Signal for ErrorRate {
    fn name(&self) -> &str {
        Errors.name()
    }

    fn failed(&self, outcome: &Outcome) -> Option<bool> {
        Errors.failed(outcome)
    }
}

impl Guardrail for ErrorRate {
    fn worse(&self) -> Margin {
        self.0.worse
    }

    fn safe(&self) -> Vec<Margin> {
        self.0.safe.to_vec()
    }

    fn noun(&self) -> &'static str {
        "errors"
    }
}

/// The share of judged answers that did not pass.
///
/// ```
/// use serinus::evaluate::FailureRate;
/// use serinus::observe::{Outcome, Signal};
///
/// let failures = FailureRate::new(0.5).unwrap();
/// assert_eq!(failures.failed(&Outcome::ok().passed(false)), Some(true));
/// ```
#[derive(Clone, Debug)]
pub struct FailureRate(Margins);

impl FailureRate {
    /// Calls a relative increase beyond `increase` (0.5 is +50%) a regression.
    ///
    /// # Errors
    ///
    /// If `increase` is not a number above 0.
    pub fn new(increase: f64) -> Result<Self, IncreaseError> {
        Margins::new(increase).map(Self)
    }
}

impl Signal for FailureRate {
    fn name(&self) -> &str {
        Failures.name()
    }

    fn failed(&self, outcome: &Outcome) -> Option<bool> {
        Failures.failed(outcome)
    }
}

impl Guardrail for FailureRate {
    fn worse(&self) -> Margin {
        self.0.worse
    }

    fn safe(&self) -> Vec<Margin> {
        self.0.safe.to_vec()
    }

    fn noun(&self) -> &'static str {
        "judged failures"
    }
}
