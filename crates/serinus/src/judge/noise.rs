//! A/A: what a judge finds where there is nothing to find.

use serde::{Deserialize, Serialize};

use super::{Judge, JudgeError, Preference};
use crate::host::{Answer, Prompt};
use crate::observe::Count;

/// A judge's noise and bias, measured on answers of one version. A judge that is to gate anything should be measured first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JudgeNoise {
    /// Of comparisons, those in which the judge preferred the same place in both orders: position bias, or dice.
    pub flipped: Count,
    /// Of the answers that were preferred by their place, those that were in the first.
    pub first_place: Count,
    /// Of answers judged twice, those that passed once and failed once.
    pub undecided: Count,
    /// The mean difference between two scores of the same answer.
    pub score_difference: f64,
    /// Of all calls, those that failed.
    pub failed: Count,
}

/// Measures a judge's noise and bias on answers of the same version: each answer is judged twice, and two answers to each
/// prompt are compared in both orders. Four calls for each prompt. For a comparison to have something to get wrong, the two
/// answers should differ in their words (sampled twice at a temperature above 0).
///
/// # Errors
///
/// [`JudgeError::Refused`] and [`JudgeError::OutOfBudget`] end the measurement; other failures are counted.
pub fn measure_noise<'a>(
    judge: &dyn Judge,
    answered_twice: impl IntoIterator<Item = (&'a Prompt, &'a Answer, &'a Answer)>,
) -> Result<JudgeNoise, JudgeError> {
    let mut noise = JudgeNoise::default();
    let (mut differences, mut judged) = (0.0, 0u32);
    for (prompt, one, other) in answered_twice {
        let scores = (count(&mut noise, judge.score(prompt, one))?, count(&mut noise, judge.score(prompt, one))?);
        if let (Some(first), Some(second)) = scores {
            differences += (first.quality - second.quality).abs();
            judged += 1;
            if let (Some(first), Some(second)) = (first.passed, second.passed) {
                noise.undecided.add_trial(first != second);
            }
        }
        let preferences = (
            count(&mut noise, judge.prefer(prompt, one, other))?,
            count(&mut noise, judge.prefer(prompt, other, one))?,
        );
        if let (Some(first), Some(second)) = preferences {
            let flipped = first == second && first != Preference::Neither;
            noise.flipped.add_trial(flipped);
            if flipped {
                noise.first_place.add_trial(first == Preference::First);
            }
        }
    }
    noise.score_difference = if judged > 0 { differences / f64::from(judged) } else { 0.0 };
    Ok(noise)
}

fn count<T>(noise: &mut JudgeNoise, result: Result<T, JudgeError>) -> Result<Option<T>, JudgeError> {
    noise.failed.add_trial(result.is_err());
    match result {
        Ok(found) => Ok(Some(found)),
        Err(JudgeError::Unavailable(_) | JudgeError::Unparsable(_) | JudgeError::NotApplicable(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::judge::Score;

    /// Prefers the first of two in every third comparison, passes every other time, and fails at every tenth call.
    #[derive(Debug, Default)]
    struct Moody(AtomicU64);

    impl Moody {
        fn call(&self) -> Result<u64, JudgeError> {
            match self.0.fetch_add(1, Ordering::Relaxed) {
                n if n % 10 == 9 => Err(JudgeError::Unavailable("tired".into())),
                n => Ok(n),
            }
        }
    }

    impl Judge for Moody {
        fn score(&self, _: &Prompt, _: &Answer) -> Result<Score, JudgeError> {
            let passed = self.call()?.is_multiple_of(2);
            Ok(Score { quality: if passed { 0.75 } else { 0.25 }, passed: Some(passed) })
        }
        fn prefer(&self, prompt: &Prompt, _: &Answer, _: &Answer) -> Result<Preference, JudgeError> {
            self.call()?;
            Ok(if prompt.text == "biased" { Preference::First } else { Preference::Neither })
        }
    }

    #[test]
    fn noise_and_bias_are_told_apart() {
        let (fair, biased) = (Prompt::new("fair"), Prompt::new("biased"));
        let (one, other) = (Answer::new("one"), Answer::new("other"));
        let prompts = (0..30).map(|n| if n % 3 == 0 { &biased } else { &fair });
        let noise = measure_noise(&Moody::default(), prompts.map(|prompt| (prompt, &one, &other))).unwrap();
        assert_eq!((noise.failed.trials(), noise.failed.failures()), (120, 12));
        let (flipped, place) = (noise.flipped, noise.first_place);
        assert!(flipped.trials() > 20 && flipped.failures() * 2 < flipped.trials(), "{noise:?}");
        assert_eq!(place.failures(), place.trials(), "it leans to the first place alone: {noise:?}");
        assert_eq!(noise.undecided.rate(), Some(1.0), "{noise:?}");
        assert!((noise.score_difference - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_judge_that_refuses_ends_the_measurement() {
        #[derive(Debug)]
        struct Locked;
        impl Judge for Locked {
            fn score(&self, _: &Prompt, _: &Answer) -> Result<Score, JudgeError> {
                Err(JudgeError::Refused("a wrong key".into()))
            }
            fn prefer(&self, _: &Prompt, _: &Answer, _: &Answer) -> Result<Preference, JudgeError> {
                Err(JudgeError::Refused("a wrong key".into()))
            }
        }
        let (prompt, answer) = (Prompt::new("?"), Answer::new("!"));
        let refused = measure_noise(&Locked, [(&prompt, &answer, &answer)]).unwrap_err();
        assert_eq!(refused, JudgeError::Refused("a wrong key".into()));
        let labelled = [(&prompt, &answer, crate::judge::Label::Good)];
        assert!(crate::judge::Calibration::measure(&Locked, labelled).is_err());
    }
}
