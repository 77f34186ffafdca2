//! What is worked out of every resample.

use std::fmt;

use super::draws::Draws;
use crate::StatisticsError;
use crate::quantiles::{QuantileType, of_sorted, select};

/// What is worked out of a sample.
#[derive(Clone, Copy)]
pub enum Statistic<'a> {
    /// The mean.
    Mean,
    /// The median.
    Median,
    /// The sample variance, Σ(x − mean)²/(n − 1).
    Variance,
    /// Its root.
    StandardDeviation,
    /// The quantile at this share, in [0, 1], interpolated as NumPy does it by default.
    Quantile(f64),
    /// Anything else that is worked out of the values in any order. It must be finite.
    Custom(&'a (dyn Fn(&[f64]) -> f64 + Sync)),
}

impl fmt::Debug for Statistic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mean => f.write_str("Mean"),
            Self::Median => f.write_str("Median"),
            Self::Variance => f.write_str("Variance"),
            Self::StandardDeviation => f.write_str("StandardDeviation"),
            Self::Quantile(share) => f.debug_tuple("Quantile").field(share).finish(),
            Self::Custom(_) => f.write_str("Custom"),
        }
    }
}

impl Statistic<'_> {
    pub(super) fn validate(&self) -> Result<(), StatisticsError> {
        match self {
            Self::Quantile(share) if !(0.0..=1.0).contains(share) => {
                Err(StatisticsError { argument: "statistic", expected: "a quantile in [0, 1]", got: *share })
            }
            _ => Ok(()),
        }
    }

    /// Of `values`, which may be reordered.
    pub(super) fn of(&self, values: &mut [f64]) -> f64 {
        match self {
            Self::Mean => mean(values),
            Self::Median => select(values, 0.5, QuantileType::Linear),
            Self::Variance => variance(values),
            Self::StandardDeviation => variance(values).sqrt(),
            Self::Quantile(share) => select(values, *share, QuantileType::Linear),
            Self::Custom(of) => of(values),
        }
    }

    /// Of a resample of as many values, drawn with replacement.
    #[inline]
    pub(super) fn of_resample(&self, values: &[f64], draws: &mut Draws, resample: &mut Vec<f64>) -> f64 {
        if let Self::Mean = self {
            return draws.sum(values) / values.len() as f64;
        }
        resample.clear();
        draws.each(values.len(), values.len(), |place| resample.push(values[place]));
        self.of(resample)
    }

    /// Of the values without each of them in turn.
    pub(super) fn jackknife(&self, values: &[f64]) -> Vec<f64> {
        if let Self::Mean = self {
            let (n, mean) = (values.len() as f64, mean(values));
            return values.iter().map(|x| mean + (mean - x) / (n - 1.0)).collect();
        }
        let mut sorted = values.to_vec();
        if let Some(share) = self.share() {
            sorted.sort_unstable_by(f64::total_cmp);
            return (0..sorted.len()).map(|left_out| quantile_without(&sorted, left_out, share)).collect();
        }
        let mut rest = Vec::with_capacity(values.len());
        let without = |left_out: usize| {
            rest.clear();
            rest.extend_from_slice(&values[..left_out]);
            rest.extend_from_slice(&values[left_out + 1..]);
            self.of(&mut rest)
        };
        (0..values.len()).map(without).collect()
    }

    fn share(&self) -> Option<f64> {
        match self {
            Self::Median => Some(0.5),
            Self::Quantile(share) => Some(*share),
            _ => None,
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let centre = mean(values);
    values.iter().map(|x| (x - centre) * (x - centre)).sum::<f64>() / (values.len() as f64 - 1.0)
}

/// The quantile of all but one of the values in order, of which there are at least two.
fn quantile_without(sorted: &[f64], left_out: usize, share: f64) -> f64 {
    let at = |place: usize| sorted[if place < left_out { place } else { place + 1 }];
    of_sorted(sorted.len() - 1, share, QuantileType::Linear, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_each_value_out() {
        let values = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6];
        let centre = |values: &[f64]| mean(values);
        for statistic in [
            Statistic::Mean,
            Statistic::Median,
            Statistic::Quantile(0.3),
            Statistic::Variance,
            Statistic::StandardDeviation,
            Statistic::Custom(&centre),
        ] {
            let mut by_hand: Vec<f64> =
                (0..values.len()).map(|i| statistic.of(&mut [&values[..i], &values[i + 1..]].concat())).collect();
            let mut got = statistic.jackknife(&values);
            by_hand.sort_unstable_by(f64::total_cmp);
            got.sort_unstable_by(f64::total_cmp);
            for (got, expected) in got.iter().zip(&by_hand) {
                assert!((got - expected).abs() < 1e-14, "{statistic:?}");
            }
        }
    }
}
