//! The guardrails that come with the library.

use std::sync::Arc;

use super::guardrail::{Comparison, Guardrail, MarginError, RateOf, Timing, share};
use crate::observe::{Check, Errors, Failures, Signal, Unhappy};

/// A guardrail that comes with the library, made from the change that counts as a regression, its *trigger*.
///
/// A canary is rolled back once it is shown to be worse than *half* of the trigger: a test whose hypothesis lay at the
/// trigger would never find a canary that is exactly that much worse. It is healthy once it is shown to be better than
/// the trigger. [`granting`](Self::granting) moves the first of the two.
///
/// ```
/// use serinus::evaluate::{Guardrail, StandardGuardrail};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let errors = StandardGuardrail::error_rate(0.5)?; // +50% is a regression
/// assert_eq!(errors.name(), "error_rate");
/// let strict = StandardGuardrail::failure_rate(0.5)?.granting(0.0)?; // any increase is rolled back
/// # let _ = strict;
/// assert!(StandardGuardrail::latency(f64::NAN).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct StandardGuardrail {
    kind: Kind,
    trigger: f64,
    comparison: Comparison,
    required: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Errors,
    Failures,
    Abandoned,
    Time(Timing),
    Score,
    Length,
    Check(Check),
    Unhappy,
    Pairs,
}

impl StandardGuardrail {
    /// The share of requests that end in an error, or never end: `increase` is relative, 0.5 is +50%. It works from a
    /// baseline of zero, too; on the promote side a rise by 0.005 is always tolerated.
    ///
    /// # Errors
    ///
    /// Unless `increase` is above 0 and at most 900.
    pub fn error_rate(increase: f64) -> Result<Self, MarginError> {
        Self::new(Kind::Errors, increase)
    }

    /// The share of judged answers that did not pass ([`Outcome::passed`](crate::observe::Outcome::passed)), as
    /// [`error_rate`](Self::error_rate).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn failure_rate(increase: f64) -> Result<Self, MarginError> {
        Self::new(Kind::Failures, increase)
    }

    /// The share of requests whose client went away, as [`error_rate`](Self::error_rate).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn abandoned_rate(increase: f64) -> Result<Self, MarginError> {
        Self::new(Kind::Abandoned, increase)
    }

    /// Latency, from arrival to the last token, at the median, in the tail and in between: a relative increase.
    ///
    /// # Errors
    ///
    /// Unless `increase` is above 0 and at most 100.
    pub fn latency(increase: f64) -> Result<Self, MarginError> {
        Self::new(Kind::Time(Timing::Latency), increase)
    }

    /// The time to the first token, as [`latency`](Self::latency).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn ttft(increase: f64) -> Result<Self, MarginError> {
        Self::new(Kind::Time(Timing::Ttft), increase)
    }

    /// The mean score: an absolute decrease.
    ///
    /// # Errors
    ///
    /// Unless `decrease` is above 0 and at most 0.99.
    pub fn score(decrease: f64) -> Result<Self, MarginError> {
        Self::new(Kind::Score, decrease)
    }

    /// The mean length of the answers: a relative change, to longer ones or to shorter ones.
    ///
    /// # Errors
    ///
    /// Unless `change` is above 0 and at most 0.9.
    pub fn length(change: f64) -> Result<Self, MarginError> {
        Self::new(Kind::Length, change)
    }

    /// The share of answers that fail a check of their text ([`Outcome::checks`](crate::observe::Outcome::checks)), as
    /// [`error_rate`](Self::error_rate).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn text_check(check: Check, increase: f64) -> Result<Self, MarginError> {
        Self::new(Kind::Check(check), increase)
    }

    /// The share of answers, of those that users said something of, that they disliked
    /// ([`Outcome::feedback`](crate::observe::Outcome::feedback) below ½), as [`error_rate`](Self::error_rate). Who speaks
    /// up is not chance: users of a slow or strange version may speak up more, or leave. Take it as a hint, and let it
    /// [alert](super::SequentialBuilder::alert_on) rather than roll back.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn unhappy_rate(increase: f64) -> Result<Self, MarginError> {
        Self::new(Kind::Unhappy, increase)
    }

    /// Answers to the same prompts, compared pair by pair: by how much the canary loses a larger share of the prompts than
    /// it wins, absolutely. 0.05 is a regression of five prompts in a hundred.
    ///
    /// # Errors
    ///
    /// Unless `decrease` is above 0 and at most 0.99.
    pub fn pairwise(decrease: f64) -> Result<Self, MarginError> {
        Self::new(Kind::Pairs, decrease)
    }

    fn new(kind: Kind, trigger: f64) -> Result<Self, MarginError> {
        let comparison = kind.comparison(trigger, 0.5)?;
        comparison.check()?;
        Ok(Self { kind, trigger, comparison, required: true })
    }

    /// Rolls back what is shown to be worse than this share of the trigger, in [0, 1); ½ unless set. 0 grants nothing: whatever
    /// is really worse is rolled back in the end, and sooner.
    ///
    /// # Errors
    ///
    /// Unless `share` is in [0, 1).
    pub fn granting(self, share: f64) -> Result<Self, MarginError> {
        Ok(Self { comparison: self.kind.comparison(self.trigger, share)?, ..self })
    }

    /// Not needed for promotion.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { required: false, ..self }
    }
}

impl Kind {
    fn comparison(self, trigger: f64, granted: f64) -> Result<Comparison, MarginError> {
        let rate = |of: RateOf| Comparison::relative_rate(of, trigger, granted);
        let (worse, safe) = (share(granted)? * trigger, trigger);
        Ok(match self {
            Self::Errors => rate(RateOf::Signal(Arc::new(Errors)))?,
            Self::Failures => rate(RateOf::Signal(Arc::new(Failures)))?,
            Self::Abandoned => rate(RateOf::Abandoned)?,
            Self::Time(of) => Comparison::Time { of, worse, safe },
            Self::Score => Comparison::Score { worse, safe },
            Self::Length => Comparison::Length { worse, safe },
            Self::Check(check) => rate(RateOf::Signal(Arc::new(check)))?,
            Self::Unhappy => rate(RateOf::Signal(Arc::new(Unhappy)))?,
            Self::Pairs => Comparison::Pairs { worse, safe },
        })
    }
}

impl Guardrail for StandardGuardrail {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Errors => "error_rate",
            Kind::Failures => "failure_rate",
            Kind::Abandoned => "abandoned_rate",
            Kind::Time(Timing::Latency) => "latency",
            Kind::Time(Timing::Ttft) => "ttft",
            Kind::Score => "score",
            Kind::Length => "length",
            Kind::Check(ref check) => check.name(),
            Kind::Unhappy => Unhappy.name(),
            Kind::Pairs => "pairwise",
        }
    }

    fn compares(&self) -> Comparison {
        self.comparison.clone()
    }

    fn required(&self) -> bool {
        self.required
    }

    fn noun(&self) -> &str {
        match self.kind {
            Kind::Errors => "errors",
            Kind::Failures => "judged failures",
            Kind::Abandoned => "abandoned requests",
            Kind::Time(Timing::Latency) => "latency",
            Kind::Time(Timing::Ttft) => "time to the first token",
            Kind::Score => "score",
            Kind::Length => "length",
            Kind::Check(check) => check.noun(),
            Kind::Unhappy => "answers that users disliked",
            Kind::Pairs => "answers to the same prompts",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_that_mean_nothing_are_refused() {
        for bad in [0.0, -0.1, f64::NAN, f64::INFINITY] {
            assert!(StandardGuardrail::error_rate(bad).is_err(), "{bad}");
            assert!(StandardGuardrail::latency(bad).is_err(), "{bad}");
            assert!(StandardGuardrail::score(bad).is_err(), "{bad}");
            assert!(StandardGuardrail::length(bad).is_err(), "{bad}");
            assert!(StandardGuardrail::text_check(Check::Empty, bad).is_err(), "{bad}");
            assert!(StandardGuardrail::pairwise(bad).is_err(), "{bad}");
        }
        assert!(StandardGuardrail::score(1.0).is_err());
        assert!(StandardGuardrail::length(0.95).is_err());
        assert!(StandardGuardrail::ttft(0.2).unwrap().granting(1.0).is_err());
    }

    #[test]
    fn half_of_the_trigger_is_granted_unless_another_share_is() {
        let margins = |guardrail: &StandardGuardrail| match guardrail.compares() {
            Comparison::Rate { worse, safe, .. } => (worse.ratio(), safe[0].ratio(), safe[1].offset()),
            other => panic!("expected a rate, got {other:?}"),
        };
        let failures = StandardGuardrail::failure_rate(0.5).unwrap();
        assert_eq!(margins(&failures), (1.25, 1.5, 0.005));
        assert_eq!(margins(&failures.granting(0.0).unwrap()).0, 1.0);
    }
}
