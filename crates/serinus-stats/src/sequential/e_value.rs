//! Evidence against a null hypothesis, and the ways in which pieces of it may be put together.

use serde::{Deserialize, Serialize};

use super::restart::log_add;
use crate::{StatisticsError, check};

/// Evidence against a null hypothesis: a number ≥ 0 whose expectation under that hypothesis is at most 1.
///
/// Kept as a logarithm, so that neither e^700 nor e^−700 is lost. Averages of e-values, with weights fixed in advance, are
/// e-values, whatever they have to do with each other. Products are e-values only for independent data: there is no
/// `Mul`, and [`EValue::product`] takes only what was [declared independent](EValue::assume_independent).
///
/// Source: V. Vovk and R. Wang, "E-values: calibration, combination and applications", Annals of Statistics 49 (2021),
/// [doi:10.1214/20-AOS2020](https://doi.org/10.1214/20-AOS2020).
///
/// ```
/// use serinus_stats::sequential::EValue;
///
/// let (errors, latency) = (EValue::new(90.0)?, EValue::new(2.0)?);
/// assert!((EValue::mean([errors, latency])?.value() - 46.0).abs() < 1e-12);
/// assert!(EValue::weighted([(0.3, errors), (0.5, latency)])?.value() < 29.0);
/// assert!(EValue::weighted([(0.8, errors), (0.5, latency)]).is_err(), "weights sum to 1 at most");
///
/// let cities = [errors.assume_independent(), latency.assume_independent()];
/// assert!((EValue::product(cities).value() - 180.0).abs() < 1e-9);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "Option<f64>", into = "Option<f64>")]
pub struct EValue {
    log: f64,
}

/// An e-value that its owner declares independent of those it will be multiplied with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Independent(EValue);

/// What the evidence so far says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The evidence does not suffice: go on, or stop without a result.
    Continue,
    /// The null hypothesis is rejected, now and for good.
    Reject,
}

impl EValue {
    /// No evidence.
    pub const ONE: Self = Self { log: 0.0 };

    /// This much evidence.
    ///
    /// # Errors
    ///
    /// Unless `value` is at least 0 (infinity included).
    pub fn new(value: f64) -> Result<Self, StatisticsError> {
        if value >= 0.0 {
            return Ok(Self { log: value.ln() });
        }
        Err(StatisticsError { argument: "value", expected: "at least 0", got: value })
    }

    /// Evidence by its natural logarithm.
    ///
    /// # Errors
    ///
    /// If `log` is not a number.
    pub fn from_log(log: f64) -> Result<Self, StatisticsError> {
        if log.is_nan() {
            return Err(StatisticsError { argument: "log", expected: "a number", got: log });
        }
        Ok(Self { log })
    }

    /// For logarithms that are numbers by construction.
    pub(super) const fn of_log(log: f64) -> Self {
        Self { log }
    }

    /// The natural logarithm; −∞ for an e-value of 0.
    pub const fn log(self) -> f64 {
        self.log
    }

    /// The e-value itself, at most the greatest `f64`.
    pub fn value(self) -> f64 {
        self.log.exp().min(f64::MAX)
    }

    /// A p-value for the same hypothesis: 1/e, at most 1 (Markov's inequality).
    pub fn p_value(self) -> f64 {
        (-self.log).exp().min(1.0)
    }

    /// [`Decision::Reject`] from 1/`alpha` on. For an e-process, looked at as often as one likes, this happens under the
    /// null hypothesis with a probability of at most `alpha` (Ville's inequality).
    ///
    /// # Errors
    ///
    /// Unless `alpha` is in (0, 1).
    pub fn decision(self, alpha: f64) -> Result<Decision, StatisticsError> {
        check::open_unit("alpha", alpha)?;
        Ok(if self.log >= -alpha.ln() { Decision::Reject } else { Decision::Continue })
    }

    /// The mean: an e-value, whatever its parts have to do with each other.
    ///
    /// # Errors
    ///
    /// If there are none.
    pub fn mean(values: impl IntoIterator<Item = Self>) -> Result<Self, StatisticsError> {
        let (sum, count) =
            values.into_iter().fold((f64::NEG_INFINITY, 0u64), |(sum, count), e| (log_add(sum, e.log), count + 1));
        if count == 0 {
            return Err(StatisticsError { argument: "values", expected: "at least one e-value", got: 0.0 });
        }
        Ok(Self { log: sum - (count as f64).ln() })
    }

    /// The sum of weight · e-value: an e-value, whatever its parts have to do with each other, if the weights were fixed
    /// before the data were seen.
    ///
    /// # Errors
    ///
    /// Unless every weight is finite and at least 0, and they sum to at most 1.
    pub fn weighted(values: impl IntoIterator<Item = (f64, Self)>) -> Result<Self, StatisticsError> {
        let (mut log, mut total) = (f64::NEG_INFINITY, 0.0);
        for (weight, e) in values {
            if !(weight.is_finite() && weight >= 0.0) {
                return Err(StatisticsError { argument: "weight", expected: "finite and at least 0", got: weight });
            }
            total += weight;
            if weight > 0.0 {
                log = log_add(log, weight.ln() + e.log);
            }
        }
        if total > 1.0 + 1e-12 {
            return Err(StatisticsError { argument: "weights", expected: "at most 1 in sum", got: total });
        }
        Ok(Self { log })
    }

    /// Declares that the data behind this e-value are independent of those behind the ones it will be multiplied with:
    /// other requests, and not chosen in the light of them. Two tests of the same requests never are.
    pub const fn assume_independent(self) -> Independent {
        Independent(self)
    }

    /// The product: an e-value for independent parts. An e-value of 0 beats an infinite one.
    pub fn product(values: impl IntoIterator<Item = Independent>) -> Self {
        let log = values.into_iter().fold(0.0, |sum, Independent(e)| {
            if sum == f64::NEG_INFINITY || e.log == f64::NEG_INFINITY { f64::NEG_INFINITY } else { sum + e.log }
        });
        Self { log }
    }
}

/// `None` stands for an e-value of 0 in formats that have no infinities.
impl From<EValue> for Option<f64> {
    fn from(e: EValue) -> Self {
        (e.log > f64::NEG_INFINITY).then(|| e.log.min(f64::MAX))
    }
}

impl TryFrom<Option<f64>> for EValue {
    type Error = StatisticsError;

    fn try_from(log: Option<f64>) -> Result<Self, Self::Error> {
        Self::from_log(log.unwrap_or(f64::NEG_INFINITY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_ends_are_kept() {
        let (large, small) = (EValue::from_log(7_000.0).unwrap(), EValue::from_log(-7_000.0).unwrap());
        assert_eq!(large.value(), f64::MAX);
        assert_eq!((large.p_value(), small.p_value()), (0.0, 1.0));
        assert!((EValue::mean([large, small]).unwrap().log() - (7_000.0 - 2f64.ln())).abs() < 1e-9);
        let both = [large.assume_independent(), small.assume_independent()];
        assert_eq!(EValue::product(both).log(), 0.0);
        assert!((EValue::from_log(690.0).unwrap().p_value() / (-690f64).exp() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(EValue::new(-1.0).is_err() && EValue::new(f64::NAN).is_err() && EValue::from_log(f64::NAN).is_err());
        assert!(EValue::mean([]).is_err());
        assert!(EValue::weighted([(f64::NAN, EValue::ONE)]).is_err());
        assert!(EValue::weighted([(-0.1, EValue::ONE)]).is_err());
        for alpha in [0.0, 1.0, -0.1, f64::NAN] {
            assert!(EValue::ONE.decision(alpha).is_err());
        }
    }

    #[test]
    fn zero_and_infinity_have_a_meaning() {
        let (zero, infinite) = (EValue::new(0.0).unwrap(), EValue::new(f64::INFINITY).unwrap());
        assert_eq!(EValue::product([zero.assume_independent(), infinite.assume_independent()]), zero);
        assert_eq!(infinite.decision(0.01), Ok(Decision::Reject));
        for e in [zero, EValue::new(3.0).unwrap()] {
            let text = serde_json::to_string(&e).unwrap();
            assert_eq!(serde_json::from_str::<EValue>(&text).unwrap(), e);
        }
    }
}
