//! Standardised differences of means.

use serde::{Deserialize, Serialize};

use crate::distribution::normal;
use crate::{Interval, StatisticsError, check};

use super::Moments;
use super::contrast::Contrast;

/// A standardised difference of two means: in pooled standard deviations, positive when `b` is higher.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EffectSize {
    /// The estimate.
    pub estimate: f64,
    /// Of the effect: the estimate d and its large-sample standard error √(1/n + 1/m + d²/(2(n + m))) for samples
    /// of n and m values, taken as normal. Close to nominal from some 10 values a sample on.
    pub interval: Interval,
}

/// Cohen's d: the mean of `b` less that of `a`, in pooled standard deviations (J. Cohen, *Statistical Power Analysis
/// for the Behavioral Sciences*, 2nd edition, 1988, section 2.5). `None` if neither sample varies, so that there is
/// nothing to measure the difference by, or if the effect exceeds the range of numbers.
///
/// ```
/// use serinus_stats::means::cohens_d;
///
/// let effect = cohens_d(&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0], 0.95)?.unwrap();
/// assert!((effect.estimate - 1.0).abs() < 1e-12);
/// assert_eq!(cohens_d(&[1.0, 1.0], &[2.0, 2.0], 0.95)?, None);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If a sample has fewer than two values or one that is not finite, the difference of the means exceeds the range of
/// numbers, or the confidence is not in (0, 1).
pub fn cohens_d(a: &[f64], b: &[f64], confidence: f64) -> Result<Option<EffectSize>, StatisticsError> {
    let contrast = contrast(a, b, confidence)?;
    Ok(contrast.cohens_d().map(|d| around(d, &contrast, confidence)))
}

/// Hedges' g: Cohen's d without its bias, by the exact correction Γ(k/2) / (√(k/2) Γ((k − 1)/2)) with k = n + m − 2
/// (L. V. Hedges, Journal of Educational Statistics 6, 1981, [doi:10.3102/10769986006002107]; its interval is that of
/// Hedges and Olkin, *Statistical Methods for Meta-Analysis*, 1985, section 5.E). `None` as for [`cohens_d`].
///
/// ```
/// use serinus_stats::means::{cohens_d, hedges_g};
///
/// let (a, b) = ([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]);
/// let (d, g) = (cohens_d(&a, &b, 0.95)?.unwrap(), hedges_g(&a, &b, 0.95)?.unwrap());
/// assert!((g.estimate / d.estimate - 0.797_884_560_8).abs() < 1e-9);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// As for [`cohens_d`].
///
/// [doi:10.3102/10769986006002107]: https://doi.org/10.3102/10769986006002107
pub fn hedges_g(a: &[f64], b: &[f64], confidence: f64) -> Result<Option<EffectSize>, StatisticsError> {
    let contrast = contrast(a, b, confidence)?;
    let correction = correction(contrast.counts.0 + contrast.counts.1 - 2.0);
    Ok(contrast.cohens_d().map(|d| around(correction * d, &contrast, confidence)))
}

fn contrast(a: &[f64], b: &[f64], confidence: f64) -> Result<Contrast, StatisticsError> {
    check::sample("a", a, 2)?;
    check::sample("b", b, 2)?;
    check::confidence(confidence)?;
    Contrast::new(&Moments::of_finite(a), &Moments::of_finite(b))
}

fn around(estimate: f64, contrast: &Contrast, confidence: f64) -> EffectSize {
    let (a, b) = contrast.counts;
    let error = libm::hypot((1.0 / a + 1.0 / b).sqrt(), estimate / (2.0 * (a + b)).sqrt());
    let reach = normal::isf(0.5 * (1.0 - confidence)) * error;
    EffectSize { estimate, interval: Interval { low: estimate - reach, high: estimate + reach } }
}

/// Γ(k/2) / (√(k/2) Γ((k − 1)/2)) for whole `k` ≥ 2.
fn correction(k: f64) -> f64 {
    // With y = (k − 1)/2: Γ(y + ½)/Γ(y), by its asymptotic series after moving up to where that is exact.
    let start = 0.5 * (k - 1.0);
    let (mut y, mut ratio) = (start, 1.0);
    while y < 50.0 {
        ratio *= y / (y + 0.5);
        y += 1.0;
    }
    let series =
        [1.0, -1.0 / 8.0, 1.0 / 128.0, 5.0 / 1_024.0, -21.0 / 32_768.0, -399.0 / 262_144.0, 869.0 / 4_194_304.0];
    ratio * (y / (0.5 * k)).sqrt() * series.iter().rev().fold(0.0, |sum, term| sum / y + term)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_correction_at_known_points() {
        let pi = std::f64::consts::PI;
        for (k, expected) in [
            (2.0, 1.0 / pi.sqrt()),
            (3.0, (pi / 6.0).sqrt()),
            (4.0, (2.0 / pi).sqrt()),
            (50.0, 0.984_911_942_295_572_6),
            (150.0, 0.994_990_257_002_123_5),
            (1e8, 1.0 - 0.75e-8),
        ] {
            assert!((correction(k) / expected - 1.0).abs() < 1e-14, "{k}: {}", correction(k));
        }
    }
}
