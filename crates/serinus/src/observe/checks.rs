//! What checks of an answer's text found.

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use super::signal::Signal;

/// A yes-or-no check of an answer's text that needs no model.
///
/// It is a [`Signal`], too: which share of a version's answers fail it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Check {
    /// There is no text.
    Empty,
    /// It was cut off before its end.
    Truncated,
    /// It says the same over and over.
    Repetition,
    /// It declines to answer.
    Refusal,
    /// It was to be JSON and is not, or not of the shape that was asked for.
    Json,
    /// It calls a tool that there is not, or with arguments that do not fit.
    ToolCall,
    /// It is in another language than the prompt.
    Language,
    /// It is much longer or shorter than was asked for.
    Length,
    /// A check of the host's own.
    Custom,
}

impl Check {
    /// How many there are.
    pub(crate) const COUNT: usize = 9;

    /// All of them.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Empty,
        Self::Truncated,
        Self::Repetition,
        Self::Refusal,
        Self::Json,
        Self::ToolCall,
        Self::Language,
        Self::Length,
        Self::Custom,
    ];

    /// What it finds, as it reads in a reason.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Empty => "empty answers",
            Self::Truncated => "truncated answers",
            Self::Repetition => "answers that repeat themselves",
            Self::Refusal => "refusals",
            Self::Json => "answers of invalid JSON",
            Self::ToolCall => "invalid tool calls",
            Self::Language => "answers in another language",
            Self::Length => "answers of the wrong length",
            Self::Custom => "answers that fail the host's check",
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl Signal for Check {
    fn name(&self) -> &str {
        match self {
            Self::Empty => "empty_rate",
            Self::Truncated => "truncated_rate",
            Self::Repetition => "repetition_rate",
            Self::Refusal => "refusal_rate",
            Self::Json => "invalid_json_rate",
            Self::ToolCall => "invalid_tool_call_rate",
            Self::Language => "language_drift_rate",
            Self::Length => "length_drift_rate",
            Self::Custom => "custom_check_rate",
        }
    }

    fn failed(&self, outcome: &Outcome) -> Option<bool> {
        if outcome.error { None } else { outcome.checks.failed(*self) }
    }

    fn reads_reviews(&self) -> bool {
        true
    }
}

/// Which checks were made of an answer, and which of these it failed. Four bytes.
///
/// ```
/// use serinus::observe::{Check, Checks, Outcome};
///
/// let checks = Checks::none().with(Check::Empty, true).with(Check::Refusal, false);
/// assert_eq!(checks.failed(Check::Refusal), Some(true));
/// assert_eq!(checks.failed(Check::Json), None, "not checked");
/// let outcome = Outcome::ok().checks(checks);
/// # let _ = outcome;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checks {
    made: u16,
    failed: u16,
}

impl Checks {
    /// No check was made.
    pub const fn none() -> Self {
        Self { made: 0, failed: 0 }
    }

    /// With the result of one more check.
    pub const fn with(self, check: Check, passed: bool) -> Self {
        let bit = check.bit();
        let failed = if passed { self.failed & !bit } else { self.failed | bit };
        Self { made: self.made | bit, failed }
    }

    /// Whether the answer failed a check; `None` if it was not made.
    pub const fn failed(self, check: Check) -> Option<bool> {
        let bit = check.bit();
        if self.made & bit == 0 { None } else { Some(self.failed & bit != 0) }
    }

    /// The checks that failed.
    pub fn failures(self) -> impl Iterator<Item = Check> {
        Check::ALL.into_iter().filter(move |check| self.failed(*check) == Some(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_has_a_place_and_a_name_of_its_own() {
        for (index, check) in Check::ALL.into_iter().enumerate() {
            assert_eq!(check as usize, index);
            let others = Check::ALL.into_iter().filter(|other| *other != check);
            assert!(others.map(|other| other.name().to_owned()).all(|name| name != check.name()));
            let checks = Check::ALL.into_iter().fold(Checks::none(), |all, other| all.with(other, other != check));
            assert_eq!(checks.failures().collect::<Vec<_>>(), [check]);
        }
    }

    #[test]
    fn the_last_result_of_a_check_counts() {
        let checks = Checks::none().with(Check::Json, false).with(Check::Json, true);
        assert_eq!(checks.failed(Check::Json), Some(false));
    }

    #[test]
    fn a_request_without_an_answer_fails_no_check() {
        let failed = Outcome { checks: Checks::none().with(Check::Empty, false), ..Outcome::error() };
        assert_eq!(Check::Empty.failed(&failed), None);
    }
}
