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
        Err(JudgeError::Unavailable(_) | JudgeError::Unparsable(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
