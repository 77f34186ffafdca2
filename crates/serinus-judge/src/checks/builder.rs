//! How [`StandardChecks`] are put together.

use std::ops::RangeInclusive;

use serinus::observe::Check;
use thiserror::Error;

use super::StandardChecks;
use super::refusal::Refusals;

/// Puts [`StandardChecks`] together.
#[derive(Debug)]
pub struct StandardChecksBuilder {
    checks: StandardChecks,
    refusals: Option<String>,
}

/// Checks that make no sense.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChecksError {
    /// A range that nothing is in.
    #[error("expected a range of {what} that something is in, got {from} to {to}")]
    EmptyRange {
        /// Of what.
        what: &'static str,
        /// Its lower end.
        from: u64,
        /// Its upper end.
        to: u64,
    },
    /// A line of a list of refusals that is none.
    #[error("line {line} of the refusals: expected {expected}")]
    Refusals {
        /// Which line, from 1.
        line: usize,
        /// What is allowed.
        expected: &'static str,
    },
}

impl StandardChecksBuilder {
    pub(super) fn new() -> Self {
        Self { checks: StandardChecks::default(), refusals: None }
    }

    /// Does not make a check.
    pub fn without(mut self, check: Check) -> Self {
        self.checks.off.push(check);
        self
    }

    /// Makes these checks and no others.
    pub fn only(mut self, checks: impl IntoIterator<Item = Check>) -> Self {
        let on: Vec<_> = checks.into_iter().collect();
        self.checks.off = Check::ALL.into_iter().filter(|check| !on.contains(check)).collect();
        self
    }

    /// An answer is to have so many characters.
    pub fn chars(mut self, range: RangeInclusive<u64>) -> Self {
        self.checks.lengths.chars = Some(range);
        self
    }

    /// An answer is to have so many tokens. Not checked where the host does not say how many it has.
    pub fn tokens(mut self, range: RangeInclusive<u32>) -> Self {
        self.checks.lengths.tokens = Some(u64::from(*range.start())..=u64::from(*range.end()));
        self
    }

    /// Whether JSON inside a Markdown code block is JSON, too. Default: it is not, as most programs cannot read it.
    pub fn fenced_json(mut self, allowed: bool) -> Self {
        self.checks.fenced_json = allowed;
        self
    }

    /// Other phrases of refusal, in the form of `data/refusals.txt`.
    pub fn refusals(mut self, list: impl Into<String>) -> Self {
        self.refusals = Some(list.into());
        self
    }

    /// The checks.
    ///
    /// # Errors
    ///
    /// [`ChecksError`] for a range that nothing is in, or a list that is none.
    pub fn build(mut self) -> Result<StandardChecks, ChecksError> {
        let lengths = &self.checks.lengths;
        for (what, range) in [("characters", &lengths.chars), ("tokens", &lengths.tokens)] {
            if let Some(range) = range.as_ref().filter(|range| range.is_empty()) {
                return Err(ChecksError::EmptyRange { what, from: *range.start(), to: *range.end() });
            }
        }
        if let Some(list) = self.refusals {
            self.checks.refusals = Refusals::parse(&list)?;
        }
        Ok(self.checks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        #[expect(clippy::reversed_empty_ranges, reason = "that is the point")]
        let error = StandardChecks::builder().chars(9..=1).build().unwrap_err();
        assert_eq!(error.to_string(), "expected a range of characters that something is in, got 9 to 1");
        let error = StandardChecks::builder().refusals("[refusals]\n*").build().unwrap_err();
        assert!(matches!(error, ChecksError::Refusals { line: 2, .. }), "{error}");
    }
}
