//! Checks that public functions make of their arguments.

use crate::StatisticsError;

/// All values finite, at least `least` of them.
pub(crate) fn sample(argument: &'static str, values: &[f64], least: usize) -> Result<(), StatisticsError> {
    if values.len() < least {
        let expected = match least {
            1 => "at least one value",
            2 => "at least two values",
            _ => "at least three values",
        };
        return Err(StatisticsError { argument, expected, got: values.len() as f64 });
    }
    match values.iter().find(|value| !value.is_finite()) {
        Some(&got) => Err(StatisticsError { argument, expected: "finite values", got }),
        None => Ok(()),
    }
}

/// As many values in `argument` as in the sample it is paired with.
pub(crate) fn same_length(argument: &'static str, values: &[f64], other: &[f64]) -> Result<(), StatisticsError> {
    if values.len() == other.len() {
        return Ok(());
    }
    Err(StatisticsError { argument, expected: "as long as the sample it is paired with", got: values.len() as f64 })
}

/// A probability strictly between 0 and 1: a level, a power, a confidence.
pub(crate) fn open_unit(argument: &'static str, got: f64) -> Result<(), StatisticsError> {
    if got > 0.0 && got < 1.0 {
        return Ok(());
    }
    Err(StatisticsError { argument, expected: "above 0 and below 1", got })
}

/// A confidence in (0, 1), far enough from 0 for its complement to be below 1.
pub(crate) fn confidence(got: f64) -> Result<(), StatisticsError> {
    if got < 1.0 && 1.0 - got < 1.0 {
        return Ok(());
    }
    Err(StatisticsError { argument: "confidence", expected: "above 0 and below 1", got })
}

/// A finite number.
pub(crate) fn finite(argument: &'static str, got: f64) -> Result<(), StatisticsError> {
    if got.is_finite() {
        return Ok(());
    }
    Err(StatisticsError { argument, expected: "finite", got })
}
