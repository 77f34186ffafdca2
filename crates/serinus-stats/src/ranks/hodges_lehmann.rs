//! The shift between two samples.

use serde::{Deserialize, Serialize};

use super::selection::{Differences, median, nth_smallest};
use super::u_distribution::lower_half;
use crate::distribution::normal;
use crate::{Interval, StatisticsError, check};

/// Pairs up to which the interval is exact; beyond, the normal approximation is right to a rank or so.
const MOST_FOR_EXACT_RANK: u64 = 2_500;

/// The result of [`hodges_lehmann`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HodgesLehmann {
    /// The median of all differences b − a.
    pub estimate: f64,
    /// Of the shift. Its ends are differences, or infinite where the samples are too small for one.
    pub interval: Interval,
}

/// Hodges and Lehmann's shift: the median of all differences b − a, an estimate of by how much `b` lies higher that no
/// outlier can sway (J. L. Hodges and E. L. Lehmann, Annals of Mathematical Statistics 34, 1963,
/// [doi:10.1214/aoms/1177704172]).
///
/// The interval holds the shifts that Mann and Whitney's test does not reject, whatever the distribution, if one sample is
/// the other's shifted. It is exact for up to some hundred values a sample, and by the normal approximation beyond; ties make
/// it wider than it need be. Takes memory for the samples, not for their differences.
///
/// ```
/// use serinus_stats::ranks::hodges_lehmann;
///
/// let (a, b) = ([10.0, 12.0, 11.0, 14.0, 13.0], [17.0, 15.0, 19.0, 16.0, 90.0]);
/// let shift = hodges_lehmann(&a, &b, 0.95)?;
/// assert_eq!(shift.estimate, 5.0);
/// assert!(shift.interval.low > 0.0);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If a sample is empty or has a value that is not finite, the estimate exceeds the range of numbers, or `confidence` is
/// not in (0, 1).
///
/// [doi:10.1214/aoms/1177704172]: https://doi.org/10.1214/aoms/1177704172
pub fn hodges_lehmann(a: &[f64], b: &[f64], confidence: f64) -> Result<HodgesLehmann, StatisticsError> {
    check::confidence(confidence)?;
    check::sample("a", a, 1)?;
    check::sample("b", b, 1)?;
    let differences = Differences::new(a, b);
    let pairs = a.len() as u64 * b.len() as u64;
    let estimate = median(&differences, pairs);
    if !estimate.is_finite() {
        let expected = "a sample within the range of numbers from `a`";
        return Err(StatisticsError { argument: "b", expected, got: estimate });
    }
    let rank = rank(a.len() as u64, b.len() as u64, 0.5 * (1.0 - confidence));
    let interval = match rank {
        0 => Interval { low: f64::NEG_INFINITY, high: f64::INFINITY },
        rank => Interval { low: nth_smallest(&differences, rank), high: nth_smallest(&differences, pairs + 1 - rank) },
    };
    Ok(HodgesLehmann { estimate, interval })
}

/// The greatest k with P(U < k) ≤ `tail`.
fn rank(n: u64, m: u64, tail: f64) -> u64 {
    if let Some(half) = (n * m <= MOST_FOR_EXACT_RANK).then(|| lower_half(n, m)).flatten() {
        return half.partition_point(|chance| *chance <= tail) as u64;
    }
    let (n, m) = (n as f64, m as f64);
    let k = 0.5 * n * m + 0.5 - normal::isf(tail) * (n * m / 12.0 * (n + m + 1.0)).sqrt();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least 0 and at most half the pairs"
    )]
    let k = k.max(0.0) as u64;
    k
}
