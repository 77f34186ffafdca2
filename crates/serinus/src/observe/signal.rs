//! Yes-or-no questions asked of every outcome.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::outcome::Outcome;

/// A yes-or-no question asked of each outcome, counted per version: "did this request fail in my sense?"
///
/// # Contract
///
/// `failed` is called on the request path for every finished request, with no lock held: it must be quick, must not block
/// and should not allocate. It must depend on the outcome alone (not on the time, a random number or earlier outcomes) and answer the
/// same on every router. `name` never changes and is unique among the signals used together; it appears in reports.
///
/// ```
/// use serinus::observe::{Outcome, Signal};
///
/// /// Answers that stop after a few words.
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
/// assert_eq!(TooShort.failed(&Outcome::ok().tokens(3)), Some(true));
/// assert_eq!(TooShort.failed(&Outcome::ok()), None);
/// ```
pub trait Signal: Send + Sync + fmt::Debug {
    /// The signal's name in reports, such as `error_rate`.
    fn name(&self) -> &str;

    /// Whether this request failed in the signal's sense; `None` if the outcome says nothing about it.
    fn failed(&self, outcome: &Outcome) -> Option<bool>;

    /// Whether it is also asked of reviews: judgements that come after a request has ended, as an outcome of which nothing
    /// but [`passed`](Outcome::passed), [`quality`](Outcome::quality), [`checks`](Outcome::checks) and
    /// [`feedback`](Outcome::feedback) is known. A signal that always has an answer must not be.
    fn reads_reviews(&self) -> bool {
        false
    }
}

/// Requests that ended in an error.
///
/// ```
/// use serinus::observe::{Errors, Outcome, Signal};
///
/// assert_eq!(Errors.failed(&Outcome::error()), Some(true));
/// assert_eq!(Errors.failed(&Outcome::ok()), Some(false));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Errors;

impl Signal for Errors {
    fn name(&self) -> &'static str {
        "error_rate"
    }

    fn failed(&self, outcome: &Outcome) -> Option<bool> {
        Some(outcome.error)
    }
}

/// Answers that were judged and did not pass. A request that ended in an error has no answer to judge.
///
/// ```
/// use serinus::observe::{Failures, Outcome, Signal};
///
/// assert_eq!(Failures.failed(&Outcome::ok().passed(false)), Some(true));
/// assert_eq!(Failures.failed(&Outcome::ok()), None, "not judged");
/// assert_eq!(Failures.failed(&Outcome::error().passed(false)), None, "already an error");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Failures;

impl Signal for Failures {
    fn name(&self) -> &'static str {
        "failure_rate"
    }

    fn failed(&self, outcome: &Outcome) -> Option<bool> {
        if outcome.error { None } else { outcome.passed.map(|passed| !passed) }
    }

    fn reads_reviews(&self) -> bool {
        true
    }
}

/// Answers that their users disliked: [`feedback`](Outcome::feedback) below ½.
///
/// ```
/// use serinus::observe::{Outcome, Signal, Unhappy};
///
/// assert_eq!(Unhappy.failed(&Outcome::ok().feedback(0.0)), Some(true));
/// assert_eq!(Unhappy.failed(&Outcome::ok()), None, "no word from the user");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Unhappy;

impl Signal for Unhappy {
    fn name(&self) -> &'static str {
        "unhappy_rate"
    }

    fn failed(&self, outcome: &Outcome) -> Option<bool> {
        outcome.feedback.map(|feedback| feedback < 0.5)
    }

    fn reads_reviews(&self) -> bool {
        true
    }
}

/// The signals asked of every outcome, in a fixed order that [`ArmEvidence`](super::ArmEvidence) counts by. Cheap to
/// clone.
///
/// ```
/// use std::sync::Arc;
/// use serinus::observe::{Errors, Failures, Signal, Signals};
///
/// let signals: Signals = [Arc::new(Errors) as Arc<dyn Signal>, Arc::new(Failures)].into_iter().collect();
/// assert_eq!(signals.iter().map(|s| s.name()).collect::<Vec<_>>(), ["error_rate", "failure_rate"]);
/// ```
#[derive(Clone, Debug)]
pub struct Signals(Arc<[Arc<dyn Signal>]>);

impl FromIterator<Arc<dyn Signal>> for Signals {
    fn from_iter<I: IntoIterator<Item = Arc<dyn Signal>>>(signals: I) -> Self {
        Self(signals.into_iter().collect())
    }
}

/// What signals say of one outcome, so that they need not be asked while a lock is held: one may be slow, or wait for a
/// lock of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Answers {
    known: u64,
    failed: u64,
}

impl Answers {
    /// How many signals can be asked in advance. Further ones are asked when the answer is counted.
    const MOST: usize = u64::BITS as usize;

    #[inline]
    pub(super) fn of(signals: &Signals, outcome: &Outcome) -> Self {
        let mut answers = Self::default();
        for (place, signal) in signals.iter().take(Self::MOST).enumerate() {
            if let Some(failed) = signal.failed(outcome) {
                answers.known |= 1 << place;
                answers.failed |= u64::from(failed) << place;
            }
        }
        answers
    }

    /// Whether the request failed in the sense of the signal at this place.
    #[inline]
    pub(super) fn failed(self, place: usize, signal: &dyn Signal, outcome: &Outcome) -> Option<bool> {
        if place >= Self::MOST {
            return signal.failed(outcome);
        }
        (self.known >> place & 1 == 1).then_some(self.failed >> place & 1 == 1)
    }
}

impl Deref for Signals {
    type Target = [Arc<dyn Signal>];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
