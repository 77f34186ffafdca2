//! Harrell and Davis's quantile.

use crate::distribution::beta;
use crate::{StatisticsError, check};

use super::{closed_unit, sorted};

/// Harrell and Davis's quantile: a mean of all values, weighted by how probable each is to be the quantile (F. E.
/// Harrell, C. E. Davis, *A new distribution-free quantile estimator*, Biometrika 69, 1982,
/// [doi:10.1093/biomet/69.3.635]). Closer than [`quantile`](super::quantile) for most distributions, but one wild value
/// moves it. At 0 and 1 it is the smallest and the greatest value.
///
/// ```
/// use serinus_stats::quantiles::harrell_davis;
///
/// let median = harrell_davis(&[1.0, 2.0, 4.0], 0.5)?;
/// assert!((median - (7.0 * 1.0 + 13.0 * 2.0 + 7.0 * 4.0) / 27.0).abs() < 1e-12);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If there is no value or one that is not finite, or `q` is not in [0, 1].
///
/// [doi:10.1093/biomet/69.3.635]: https://doi.org/10.1093/biomet/69.3.635
pub fn harrell_davis(values: &[f64], q: f64) -> Result<f64, StatisticsError> {
    check::sample("values", values, 1)?;
    closed_unit("q", q)?;
    let values = sorted(values);
    let (n, count) = (values.len(), values.len() as f64);
    let (least, greatest) = (values[0], values[n - 1]);
    if q == 0.0 {
        return Ok(least);
    }
    if q == 1.0 {
        return Ok(greatest);
    }
    let (a, b) = ((count + 1.0) * q, (count + 1.0) * (1.0 - q));
    // Of the beta distribution, at i/n. From the middle outwards either is small, and keeps its digits.
    let below = |i: usize| beta::regularized(a, b, i as f64 / count, (n - i) as f64 / count);
    let above = |i: usize| beta::regularized(b, a, (n - i) as f64 / count, i as f64 / count);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a product of n and q in [0, 1]")]
    let middle = ((count * q) as usize).min(n - 1);
    // Offsets from a value keep the digits of small differences between great numbers.
    let origin = if (greatest - least).is_finite() { values[middle] } else { 0.0 };
    let (mut left, mut right) = (below(middle), above(middle + 1));
    let mut offset = (1.0 - left - right) * (values[middle] - origin);
    for (i, value) in values[..middle].iter().enumerate().rev() {
        let further = below(i);
        offset += (left - further) * (value - origin);
        left = further;
        if left == 0.0 {
            break;
        }
    }
    for (i, value) in values.iter().enumerate().skip(middle + 1) {
        let further = above(i + 1);
        offset += (right - further) * (value - origin);
        right = further;
        if right == 0.0 {
            break;
        }
    }
    Ok((origin + offset).clamp(least, greatest))
}
