//! The nine sample quantiles of Hyndman and Fan.

use serde::{Deserialize, Serialize};

use crate::{StatisticsError, check};

use super::{closed_unit, sorted};

/// Which of the nine sample quantiles in use (R. J. Hyndman, Y. Fan, *Sample quantiles in statistical packages*, The
/// American Statistician 50, 1996, [doi:10.1080/00031305.1996.10473566]), by `NumPy`'s names.
///
/// Type 1 to 3 are values of the sample, or the middle of two; type 4 to 9 interpolate between neighbours.
///
/// [doi:10.1080/00031305.1996.10473566]: https://doi.org/10.1080/00031305.1996.10473566
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QuantileType {
    /// Type 1: the smallest value that at least the share q of the sample does not exceed.
    InvertedCdf,
    /// Type 2: as type 1, but the middle of two values where both would do.
    AveragedInvertedCdf,
    /// Type 3: the value whose rank is closest to nq, the even one of two.
    ClosestObservation,
    /// Type 4: at the rank nq.
    InterpolatedInvertedCdf,
    /// Type 5: at the rank nq + ½.
    Hazen,
    /// Type 6: at the rank (n + 1)q.
    Weibull,
    /// Type 7: at the rank 1 + (n − 1)q. The default here, in `NumPy` and in R.
    #[default]
    Linear,
    /// Type 8: at the rank (n + ⅓)q + ⅓, close to unbiased in the median for any distribution. Hyndman and Fan's
    /// choice.
    MedianUnbiased,
    /// Type 9: at the rank (n + ¼)q + ⅜, close to unbiased for normal data.
    NormalUnbiased,
}

impl QuantileType {
    /// The index of the value below, and the share of the way to the next, in [0, 1]; `q` in [0, 1], `n` above 0.
    fn place(self, q: f64, n: usize) -> (usize, f64) {
        let count = n as f64;
        let rank = match self {
            Self::InvertedCdf | Self::AveragedInvertedCdf => nearly_whole(count * q),
            Self::ClosestObservation => nearly_whole(count * q - 0.5),
            Self::InterpolatedInvertedCdf => count * q,
            Self::Hazen => count * q + 0.5,
            Self::Weibull => (count + 1.0) * q,
            Self::Linear => 1.0 + (count - 1.0) * q,
            Self::MedianUnbiased => (count + 1.0 / 3.0) * q + 1.0 / 3.0,
            Self::NormalUnbiased => (count + 0.25) * q + 0.375,
        };
        let below = rank.floor();
        let part = rank - below;
        let share = match self {
            Self::InvertedCdf => part.ceil(),
            Self::AveragedInvertedCdf => 0.5 * (1.0 + part.ceil()),
            Self::ClosestObservation if part == 0.0 && below % 2.0 == 0.0 => 0.0,
            Self::ClosestObservation => 1.0,
            _ => part,
        };
        if below < 1.0 {
            (0, 0.0)
        } else if below >= count {
            (n - 1, 0.0)
        } else {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank is in [1, n]")]
            (below as usize - 1, share)
        }
    }
}

/// A quantile of a sample: the value that the share `q`, in [0, 1], of it lies below. In time linear in the size of the
/// sample; for several quantiles see [`quantiles`].
///
/// Where a type's definition turns on whether nq is whole, nq within rounding of a whole number is one: the 0.07
/// quantile of 100 values is the 7th, although 100 × 0.07 comes out above 7.
///
/// ```
/// use serinus_stats::quantiles::{QuantileType, quantile};
///
/// let latencies = [120.0, 80.0, 95.0, 400.0];
/// assert_eq!(quantile(&latencies, 0.5, QuantileType::default())?, 107.5);
/// assert_eq!(quantile(&latencies, 0.9, QuantileType::InvertedCdf)?, 400.0);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If there is no value or one that is not finite, or `q` is not in [0, 1].
pub fn quantile(values: &[f64], q: f64, quantile_type: QuantileType) -> Result<f64, StatisticsError> {
    check::sample("values", values, 1)?;
    closed_unit("q", q)?;
    Ok(select(&mut values.to_vec(), q, quantile_type))
}

/// The quantile at `q`, in [0, 1], of values that may be reordered and are not none.
pub(crate) fn select(values: &mut [f64], q: f64, quantile_type: QuantileType) -> f64 {
    let (index, share) = quantile_type.place(q, values.len());
    let (_, &mut low, above) = values.select_nth_unstable_by(index, f64::total_cmp);
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    between(low, high, share)
}

/// The quantile at `q`, in [0, 1], of `n` values in order, above 0 of them, given by their places.
pub(crate) fn of_sorted(n: usize, q: f64, quantile_type: QuantileType, at: impl Fn(usize) -> f64) -> f64 {
    let (index, share) = quantile_type.place(q, n);
    between(at(index), at((index + 1).min(n - 1)), share)
}

/// Several quantiles of a sample, in the order of `qs`, by sorting it once.
///
/// ```
/// use serinus_stats::quantiles::{QuantileType, quantiles};
///
/// let latencies: Vec<f64> = (0..=100).map(f64::from).collect();
/// assert_eq!(quantiles(&latencies, &[0.5, 0.95, 0.99], QuantileType::default())?, [50.0, 95.0, 99.0]);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If there is no value or one that is not finite, or one of `qs` is not in [0, 1].
pub fn quantiles(values: &[f64], qs: &[f64], quantile_type: QuantileType) -> Result<Vec<f64>, StatisticsError> {
    check::sample("values", values, 1)?;
    qs.iter().try_for_each(|&q| closed_unit("qs", q))?;
    let values = sorted(values);
    Ok(qs.iter().map(|&q| of_sorted(values.len(), q, quantile_type, |place| values[place])).collect())
}

/// This share of the way from `low` to `high`.
fn between(low: f64, high: f64, share: f64) -> f64 {
    if share == 1.0 {
        return high;
    }
    let way = high - low;
    let value = if way.is_finite() { low + share * way } else { low * (1.0 - share) + high * share };
    value.clamp(low, high)
}

/// The whole number that this one is within rounding of, or itself.
fn nearly_whole(number: f64) -> f64 {
    let whole = number.round();
    if (number - whole).abs() <= 4.0 * f64::EPSILON * whole { whole } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_between_great_numbers() {
        let (low, high) = (-1e308, 1e308);
        assert_eq!([0.0, 0.5, 1.0].map(|share| between(low, high, share)), [low, 0.0, high]);
        assert_eq!(between(low, 1.5e308, 0.75), 0.875e308);
        assert_eq!(between(f64::MIN, f64::MAX, 1.0), f64::MAX);
    }

    #[test]
    fn products_within_rounding_of_a_whole_number() {
        assert_eq!([100.0 * 0.07, 100.0 * 0.57, 0.0, 7.25].map(nearly_whole), [7.0, 57.0, 0.0, 7.25]);
    }
}
