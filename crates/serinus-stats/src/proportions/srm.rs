//! Sample-ratio mismatch.

use serde::{Deserialize, Serialize};

use crate::{StatisticsError, check, distribution::chi_squared};

/// What [`chi_square_srm`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleRatio {
    /// χ²: the sum of (counted − expected)²/expected, in [0, ∞]; infinite if
    /// `impossible`, or as good as that.
    pub statistic: f64,
    /// The probability of a statistic at least as great if the traffic is split by the weights; 0 if `impossible`.
    pub p_value: f64,
    /// The number of categories with a weight above 0, less one.
    pub degrees_of_freedom: u64,
    /// Whether a category with a weight of 0 has been counted: no split by these weights does that.
    pub impossible: bool,
}

/// The χ² test of whether counts are split as `weights` say: of a mismatch between the traffic that versions should have
/// and the traffic that they had. A mismatch says that requests were lost or misrouted, and that comparisons of the
/// versions are not to be trusted; a usual level is 0.001.
///
/// Weights may have any sum. A category with weight 0 that was never counted is left out; with one that was, `impossible`
/// is set. With one category, or nothing counted, the p-value is 1. The approximation wants about five expected in each.
///
/// ```
/// use serinus_stats::proportions::chi_square_srm;
///
/// assert!(chi_square_srm(&[9_480, 520], &[95.0, 5.0])?.p_value > 0.3);
/// assert!(chi_square_srm(&[9_300, 700], &[95.0, 5.0])?.p_value < 1e-15);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If there is no category, there are not as many weights as counts, a weight is negative or not finite, or no weight is
/// above 0.
///
/// # Source
///
/// A. Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments", KDD 2019,
/// <https://doi.org/10.1145/3292500.3330722>.
pub fn chi_square_srm(counts: &[u64], weights: &[f64]) -> Result<SampleRatio, StatisticsError> {
    if counts.is_empty() {
        return Err(StatisticsError { argument: "counts", expected: "at least one category", got: 0.0 });
    }
    if counts.len() != weights.len() {
        let got = weights.len() as f64;
        return Err(StatisticsError { argument: "weights", expected: "as long as the counts", got });
    }
    for &weight in weights {
        check::finite("weights", weight)?;
        if weight < 0.0 {
            return Err(StatisticsError { argument: "weights", expected: "at least 0", got: weight });
        }
    }
    let most = weights.iter().copied().fold(0.0, f64::max);
    if most == 0.0 {
        return Err(StatisticsError { argument: "weights", expected: "above 0 in some category", got: 0.0 });
    }
    let categories = weights.iter().filter(|&&weight| weight > 0.0).count();
    let degrees_of_freedom = categories as u64 - 1;
    if counts.iter().zip(weights).any(|(&count, &weight)| weight == 0.0 && count > 0) {
        return Ok(SampleRatio { statistic: f64::INFINITY, p_value: 0.0, degrees_of_freedom, impossible: true });
    }
    let statistic = statistic(counts, weights, most);
    let p_value = if statistic.is_infinite() {
        0.0
    } else if degrees_of_freedom == 0 {
        1.0
    } else {
        chi_squared::sf(statistic, degrees_of_freedom as f64)
    };
    Ok(SampleRatio { statistic, p_value, degrees_of_freedom, impossible: false })
}

/// χ². Weights are scaled by the power of two next to the greatest, `most`, so that their sum neither overflows nor
/// rounds.
fn statistic(counts: &[u64], weights: &[f64], most: f64) -> f64 {
    let (_, exponent) = libm::frexp(most);
    let scaled = |weight: f64| libm::scalbn(weight, -exponent);
    let all: Pair = counts.iter().fold(Pair::default(), |sum, &count| sum.plus(Pair::of(count)));
    let whole = weights.iter().fold(Pair::default(), |sum, &weight| sum.plus(Pair::exact(scaled(weight))));
    let of = |(&count, &weight): (&u64, &f64)| {
        let weight = Pair::exact(scaled(weight));
        let gap = Pair::of(count).times(whole).minus(all.times(weight)) / whole.high;
        if gap == 0.0 { 0.0 } else { gap * (gap / (all.high * weight.high / whole.high)) }
    };
    counts.iter().zip(weights).map(of).sum()
}

/// A number as the sum of two floats, so that great counts that are nearly as expected do not lose what differs.
#[derive(Clone, Copy, Default)]
struct Pair {
    high: f64,
    low: f64,
}

impl Pair {
    fn of(count: u64) -> Self {
        let low = count & 0xffff_ffff;
        Self::exact((count - low) as f64).plus(Self::exact(low as f64))
    }

    fn exact(high: f64) -> Self {
        Self { high, low: 0.0 }
    }

    fn plus(self, other: Self) -> Self {
        let high = self.high + other.high;
        let back = high - self.high;
        Self { high, low: (self.high - (high - back)) + (other.high - back) + (self.low + other.low) }
    }

    fn times(self, other: Self) -> Self {
        let high = self.high * other.high;
        Self { high, low: self.high.mul_add(other.high, -high) + (self.high * other.low + self.low * other.high) }
    }

    fn minus(self, other: Self) -> f64 {
        let sum = self.plus(Self { high: -other.high, low: -other.low });
        sum.high + sum.low
    }
}
