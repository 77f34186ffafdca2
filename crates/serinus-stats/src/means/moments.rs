//! Count, mean and spread of a stream of numbers.

use serde::{Deserialize, Serialize};

use crate::{StatisticsError, check};

/// Count, mean and spread of a stream of numbers, in four words: all that Welch's test needs.
///
/// Moments of parts merge into the moments of the whole (Chan, Golub and `LeVeque`, *Algorithms for computing the
/// sample variance*, The American Statistician 37, 1983, [doi:10.1080/00031305.1983.10483115]). The mean is held in two
/// words and the spread as the root of the mean squared deviation, so that small differences between great numbers keep
/// their digits and no sequence of finite numbers overflows. Counts saturate.
///
/// ```
/// use serinus_stats::means::Moments;
///
/// let mut moments = Moments::of(&[1.0, 2.0])?;
/// moments.update(3.0)?;
/// moments.merge(&Moments::of(&[4.0, 5.0])?);
/// assert_eq!((moments.count(), moments.mean()), (5, Some(3.0)));
/// assert!((moments.variance()? - 2.5).abs() < 1e-12);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// [doi:10.1080/00031305.1983.10483115]: https://doi.org/10.1080/00031305.1983.10483115
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Moments {
    count: u64,
    mean: f64,
    /// What rounding took from the mean.
    rest: f64,
    /// √(Σ(x − mean)² / count), at most half the range of the values and so always finite.
    deviation: f64,
}

#[derive(Serialize, Deserialize)]
struct Raw {
    count: u64,
    mean: f64,
    rest: f64,
    deviation: f64,
}

impl Moments {
    /// No values yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The moments of these values, by two passes over them.
    ///
    /// # Errors
    ///
    /// If a value is not finite.
    pub fn of(values: &[f64]) -> Result<Self, StatisticsError> {
        check::sample("values", values, 0)?;
        Ok(Self::of_finite(values))
    }

    pub(super) fn of_finite(values: &[f64]) -> Self {
        let Some(&first) = values.first() else { return Self::default() };
        let unit = unit(values.iter().fold(0.0, |largest, value| value.abs().max(largest)));
        let count = values.len() as f64;
        // Relative to a value of the sample, so that equal values have no deviation at all.
        let shift = first * unit;
        let rough = shift + values.iter().map(|value| value * unit - shift).sum::<f64>() / count;
        let (mut sum, mut squares) = (0.0, 0.0);
        for value in values {
            let offset = value * unit - rough;
            sum += offset;
            squares += offset * offset;
        }
        let (mean, rest) = two_sum(rough, sum / count);
        let deviation = ((squares - sum * (sum / count)).max(0.0) / count).sqrt();
        Self { count: values.len() as u64, mean, rest, deviation }.divided(unit)
    }

    /// How many values.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; `None` without values.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Their sample variance, Σ(x − mean)² / (count − 1).
    ///
    /// # Errors
    ///
    /// If there are fewer than two values, or the variance exceeds the range of numbers.
    pub fn variance(&self) -> Result<f64, StatisticsError> {
        let deviation = self.standard_deviation()?;
        let variance = deviation * deviation;
        if variance.is_finite() {
            return Ok(variance);
        }
        Err(StatisticsError { argument: "values", expected: "close enough for a finite variance", got: deviation })
    }

    /// The root of their sample variance.
    ///
    /// # Errors
    ///
    /// If there are fewer than two values, or the deviation exceeds the range of numbers.
    pub fn standard_deviation(&self) -> Result<f64, StatisticsError> {
        self.at_least_two("values")?;
        let count = self.count as f64;
        let deviation = self.deviation * (count / (count - 1.0)).sqrt();
        if deviation.is_finite() {
            return Ok(deviation);
        }
        Err(StatisticsError {
            argument: "values",
            expected: "close enough for a finite deviation",
            got: self.deviation,
        })
    }

    /// Adds a value.
    ///
    /// # Errors
    ///
    /// If it is not finite; nothing is added then.
    pub fn update(&mut self, value: f64) -> Result<(), StatisticsError> {
        check::finite("value", value)?;
        self.merge(&Self { count: 1, mean: value, rest: 0.0, deviation: 0.0 });
        Ok(())
    }

    /// Adds many values: faster than one by one, and closer.
    ///
    /// # Errors
    ///
    /// If a value is not finite; none is added then.
    pub fn update_many(&mut self, values: &[f64]) -> Result<(), StatisticsError> {
        self.merge(&Self::of(values)?);
        Ok(())
    }

    /// Adds the values behind other moments.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let unit = if self.mean.abs().max(other.mean.abs()) > power_of_two(1_000) { 0.0625 } else { 1.0 };
        let total = self.count as f64 + other.count as f64;
        let (own, others) = (self.count as f64 / total, other.count as f64 / total);
        let (a, b) = (self.divided(1.0 / unit), other.divided(1.0 / unit));
        let offset = b.minus(&a);
        let (mean, rest) = two_sum(a.mean, a.rest + offset * others);
        let within = libm::hypot(a.deviation * own.sqrt(), b.deviation * others.sqrt());
        let deviation = libm::hypot(within, offset * (own * others).sqrt());
        let count = self.count.saturating_add(other.count);
        *self = Self { count, mean, rest, deviation }.divided(unit);
    }

    /// The mean less another mean; infinite if that exceeds the range of numbers.
    pub(super) fn minus(&self, other: &Self) -> f64 {
        (self.mean - other.mean) + (self.rest - other.rest)
    }

    /// A value less the mean, both multiplied by a unit.
    pub(super) fn offset(&self, value: f64, unit: f64) -> f64 {
        (value * unit - self.mean * unit) - self.rest * unit
    }

    /// The mean plus an offset from it, both multiplied by a unit.
    pub(super) fn onto(&self, offset: f64, unit: f64) -> f64 {
        self.mean * unit + (self.rest * unit + offset)
    }

    /// √(Σ(x − mean)² / count).
    pub(super) fn deviation(&self) -> f64 {
        self.deviation
    }

    pub(super) fn at_least_two(&self, argument: &'static str) -> Result<(), StatisticsError> {
        if self.count >= 2 {
            return Ok(());
        }
        Err(StatisticsError { argument, expected: "at least two values", got: self.count as f64 })
    }

    fn divided(&self, unit: f64) -> Self {
        let back = |value: f64| (value / unit).clamp(f64::MIN, f64::MAX);
        let (mean, rest, deviation) = (back(self.mean), back(self.rest), back(self.deviation));
        Self { count: self.count, mean, rest, deviation }
    }
}

impl TryFrom<Raw> for Moments {
    type Error = StatisticsError;

    fn try_from(raw: Raw) -> Result<Self, Self::Error> {
        let Raw { count, mean, rest, deviation } = raw;
        check::finite("mean", mean)?;
        check::finite("rest", rest)?;
        check::finite("deviation", deviation)?;
        if deviation < 0.0 || (count < 2 && deviation > 0.0) {
            let expected = "at least 0, and 0 for fewer than two values";
            return Err(StatisticsError { argument: "deviation", expected, got: deviation });
        }
        if count == 0 && (mean != 0.0 || rest != 0.0) {
            return Err(StatisticsError { argument: "mean", expected: "0 without values", got: mean });
        }
        let (mean, rest) = two_sum(mean, rest);
        check::finite("mean", mean)?;
        Ok(Self { count, mean, rest, deviation })
    }
}

impl From<Moments> for Raw {
    fn from(moments: Moments) -> Self {
        let Moments { count, mean, rest, deviation } = moments;
        Self { count, mean, rest, deviation }
    }
}

/// A power of two that brings values of this size to where neither their sums nor their squares leave the range of
/// numbers.
pub(super) fn unit(largest: f64) -> f64 {
    if largest >= power_of_two(300) {
        power_of_two(-600)
    } else if largest < power_of_two(-300) {
        power_of_two(600)
    } else {
        1.0
    }
}

const fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits((exponent + 1_023).cast_unsigned() << 52)
}

/// The rounded sum, and what rounding took from it (Knuth).
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two() {
        assert_eq!((power_of_two(0), power_of_two(-3), power_of_two(600)), (1.0, 0.125, 2f64.powi(600)));
    }

    #[test]
    fn small_differences_between_great_numbers_keep_their_digits() {
        let small = [0.25, 0.5, 0.75, 1.5, 2.0];
        let great = small.map(|value| value + 1e9);
        let (small, great) = (Moments::of(&small).unwrap(), Moments::of(&great).unwrap());
        assert!((great.deviation / small.deviation - 1.0).abs() < 1e-15);
        assert_eq!((great.mean - 1e9) + great.rest, small.mean);
    }

    #[test]
    fn the_ends_of_the_range() {
        let tall = Moments::of(&[f64::MAX, f64::MIN, f64::MAX, f64::MIN]).unwrap();
        assert_eq!((tall.mean(), tall.deviation), (Some(0.0), f64::MAX));
        assert!(tall.variance().is_err() && tall.standard_deviation().is_err());
        let mut one_by_one = Moments::new();
        for value in [f64::MAX, f64::MIN, f64::MAX, f64::MIN] {
            one_by_one.update(value).unwrap();
        }
        assert!((one_by_one.deviation / f64::MAX - 1.0).abs() < 1e-15);
        let tiny = Moments::of(&[1e-300, 3e-300]).unwrap();
        assert!((tiny.standard_deviation().unwrap() / (2f64.sqrt() * 1e-300) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn equal_values_do_not_deviate() {
        let mut moments = Moments::of(&[0.1; 37]).unwrap();
        moments.update_many(&[0.1; 10]).unwrap();
        moments.update(0.1).unwrap();
        assert_eq!((moments.mean(), moments.variance()), (Some(0.1), Ok(0.0)));
    }

    #[test]
    fn counts_saturate() {
        let mut moments = Moments { count: u64::MAX, mean: 1.0, rest: 0.0, deviation: 2.0 };
        moments.merge(&moments.clone());
        assert_eq!((moments.count(), moments.mean()), (u64::MAX, Some(1.0)));
    }
}
