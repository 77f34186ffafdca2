//! Comparing two answers without favour for the one that is shown first.

use super::{Judge, JudgeError, Preference};
use crate::host::{Answer, Prompt};
use crate::observe::Pair;

/// What a judge thinks of two answers, asked in both orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairVerdict {
    /// How the canary's answer fared.
    pub pair: Pair,
    /// Whether the judge preferred what it was shown in one place both times: position bias, and a tie.
    pub flipped: bool,
}

/// Asks a judge which of two answers is better, in both orders. Only an answer that is not the worse one in either order and
/// the better one in at least one wins; one that wins in one order and loses in the other ties.
///
/// Two answers of the same text tie without asking.
///
/// # Errors
///
/// The judge's, in either order.
pub fn compare_in_both_orders(
    judge: &dyn Judge,
    prompt: &Prompt,
    stable: &Answer,
    canary: &Answer,
) -> Result<PairVerdict, JudgeError> {
    if stable.text == canary.text && stable.tool_calls == canary.tool_calls {
        return Ok(PairVerdict { pair: Pair::Tie, flipped: false });
    }
    let stable_first = judge.prefer(prompt, stable, canary)?;
    let canary_first = judge.prefer(prompt, canary, stable)?;
    let vote = |preference, canary_is| match preference {
        Preference::Neither => 0,
        preference if preference == canary_is => 1,
        _ => -1,
    };
    let votes = vote(stable_first, Preference::Second) + vote(canary_first, Preference::First);
    Ok(PairVerdict {
        pair: match votes {
            1.. => Pair::Win,
            0 => Pair::Tie,
            _ => Pair::Loss,
        },
        flipped: stable_first == canary_first && stable_first != Preference::Neither,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Score;

    /// Says what it is told to, by what is shown first.
    #[derive(Debug)]
    struct Told {
        stable_first: Preference,
        canary_first: Preference,
    }

    impl Judge for Told {
        fn score(&self, _: &Prompt, _: &Answer) -> Result<Score, JudgeError> {
            Err(JudgeError::Refused("pairs only".into()))
        }
        fn prefer(&self, _: &Prompt, first: &Answer, _: &Answer) -> Result<Preference, JudgeError> {
            Ok(if first.text == "stable" { self.stable_first } else { self.canary_first })
        }
    }

    fn verdict(stable_first: Preference, canary_first: Preference) -> (Pair, bool) {
        let judge = Told { stable_first, canary_first };
        let (stable, canary) = (Answer::new("stable"), Answer::new("canary"));
        let verdict = compare_in_both_orders(&judge, &Prompt::new("?"), &stable, &canary).unwrap();
        (verdict.pair, verdict.flipped)
    }

    #[test]
    fn a_verdict_that_flips_with_the_order_is_a_tie() {
        use Preference::{First, Neither, Second};
        assert_eq!(verdict(First, First), (Pair::Tie, true), "always the first");
        assert_eq!(verdict(Second, Second), (Pair::Tie, true), "always the second");
        assert_eq!(verdict(Second, First), (Pair::Win, false));
        assert_eq!(verdict(First, Second), (Pair::Loss, false));
        assert_eq!(verdict(Neither, First), (Pair::Win, false));
        assert_eq!(verdict(First, Neither), (Pair::Loss, false));
        assert_eq!(verdict(Neither, Neither), (Pair::Tie, false));
    }

    #[test]
    fn the_same_text_needs_no_judge() {
        let judge = Told { stable_first: Preference::First, canary_first: Preference::First };
        let same = Answer::new("same");
        let verdict = compare_in_both_orders(&judge, &Prompt::new("?"), &same, &same.clone()).unwrap();
        assert_eq!(verdict, PairVerdict { pair: Pair::Tie, flipped: false });
    }
}
