//! Whether an answer has the length that was asked for.

use std::ops::RangeInclusive;

use serinus::host::Answer;

/// What lengths are allowed.
#[derive(Clone, Debug, Default)]
pub(super) struct Lengths {
    pub(super) chars: Option<RangeInclusive<u64>>,
    pub(super) tokens: Option<RangeInclusive<u64>>,
}

impl Lengths {
    /// Whether an answer keeps to them; `None` where nothing can be said.
    pub(super) fn fit(&self, answer: &Answer) -> Option<bool> {
        let chars = self.chars.as_ref().map(|range| range.contains(&(answer.text.chars().count() as u64)));
        let tokens = self.tokens.as_ref().zip(answer.tokens).map(|(range, tokens)| range.contains(&u64::from(tokens)));
        match (chars, tokens) {
            (Some(chars), Some(tokens)) => Some(chars && tokens),
            (one, other) => one.or(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked_where_they_are_known_and_limited() {
        let fit = |chars: Option<RangeInclusive<u64>>, tokens: Option<RangeInclusive<u64>>, answer: &Answer| {
            Lengths { chars, tokens }.fit(answer)
        };
        let answer = Answer::new("日本語");
        assert_eq!(fit(None, None, &answer), None);
        assert_eq!(fit(Some(1..=3), None, &answer), Some(true));
        assert_eq!(fit(Some(4..=9), None, &answer), Some(false));
        assert_eq!(fit(None, Some(1..=9), &answer), None, "nobody said how many tokens");
        let counted = answer.tokens(12);
        assert_eq!(fit(None, Some(1..=9), &counted), Some(false));
        assert_eq!(fit(Some(1..=3), Some(1..=9), &counted), Some(false));
        assert_eq!(fit(Some(1..=3), Some(1..=12), &counted), Some(true));
    }
}
