//! Welch's t-test.

use serde::{Deserialize, Serialize};

use crate::distribution::student_t;
use crate::{Alternative, Interval, StatisticsError, TestOptions, check};

use super::Moments;
use super::contrast::Contrast;

/// The result of [`welch_t`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WelchT {
    /// The mean of `a` less that of `b`, in standard errors. Infinite if neither sample varies but the means differ, or
    /// if it exceeds the range of numbers.
    pub statistic: f64,
    /// The probability of a statistic at least this extreme if the means are equal.
    pub p_value: f64,
    /// Welch and Satterthwaite's degrees of freedom; those of the pooled test if neither sample varies.
    pub degrees_of_freedom: f64,
    /// The mean of `b` less that of `a`.
    pub difference: f64,
    /// Of `difference`. One-sided tests leave an end open.
    pub interval: Interval,
    /// `difference` in pooled standard deviations; `None` if neither sample varies, or if it exceeds the range of
    /// numbers.
    pub cohens_d: Option<f64>,
    /// Whether neither sample varies. Such samples do not say how far their means may move by chance: `p_value` then is
    /// 1 if the means are equal, else what it tends to as the variances shrink, 0 or 1.
    pub constant: bool,
}

/// Welch's t-test of two means, which does not suppose that the variances are equal (B. L. Welch, Biometrika 34, 1947,
/// [doi:10.1093/biomet/34.1-2.28]).
///
/// ```
/// use serinus_stats::TestOptions;
/// use serinus_stats::means::welch_t;
///
/// let (a, b) = ([10.0, 11.0, 12.0, 11.5], [14.0, 13.0, 15.5, 14.5, 13.5]);
/// let test = welch_t(&a, &b, TestOptions::default())?;
/// assert!(test.statistic < 0.0 && test.p_value < 0.01);
/// assert!(test.difference > 0.0 && !test.interval.contains(0.0));
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If a sample has fewer than two values or one that is not finite, the difference of the means exceeds the range of
/// numbers, or the confidence is not in (0, 1).
///
/// [doi:10.1093/biomet/34.1-2.28]: https://doi.org/10.1093/biomet/34.1-2.28
pub fn welch_t(a: &[f64], b: &[f64], options: TestOptions) -> Result<WelchT, StatisticsError> {
    check::sample("a", a, 2)?;
    check::sample("b", b, 2)?;
    welch_t_from_moments(&Moments::of_finite(a), &Moments::of_finite(b), options)
}

/// [`welch_t`] of samples of which only the moments are left.
///
/// ```
/// use serinus_stats::TestOptions;
/// use serinus_stats::means::{Moments, welch_t_from_moments};
///
/// let (mut a, mut b) = (Moments::new(), Moments::new());
/// for i in 0..100 {
///     a.update(f64::from(i % 10))?;
///     b.update(f64::from(i % 10) + 1.0)?;
/// }
/// let test = welch_t_from_moments(&a, &b, TestOptions::default())?;
/// assert!((test.difference - 1.0).abs() < 1e-12 && test.p_value < 0.05);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If there are fewer than two values behind the moments of a sample, the difference of the means exceeds the range of
/// numbers, or the confidence is not in (0, 1).
pub fn welch_t_from_moments(a: &Moments, b: &Moments, options: TestOptions) -> Result<WelchT, StatisticsError> {
    options.validate()?;
    let contrast = Contrast::new(a, b)?;
    let difference = contrast.difference;
    let TestOptions { alternative, confidence } = options;
    if contrast.constant() {
        let statistic = if difference == 0.0 { 0.0 } else { -difference * f64::INFINITY };
        let p_value = match alternative {
            _ if difference == 0.0 => 1.0,
            Alternative::TwoSided => 0.0,
            Alternative::Greater => f64::from(u8::from(difference > 0.0)),
            Alternative::Less => f64::from(u8::from(difference < 0.0)),
        };
        let degrees_of_freedom = contrast.counts.0 + contrast.counts.1 - 2.0;
        let interval = around(difference, 0.0, alternative);
        return Ok(WelchT {
            statistic,
            p_value,
            degrees_of_freedom,
            difference,
            interval,
            cohens_d: None,
            constant: true,
        });
    }
    let degrees_of_freedom = contrast.degrees_of_freedom();
    let statistic = 0.0 - contrast.statistic();
    // Beyond this many degrees the distribution is normal to the last digits, while sums with small numbers lose them.
    let degrees = degrees_of_freedom.min(1e15);
    let (p_value, critical) = match alternative {
        Alternative::TwoSided => (
            (2.0 * student_t::sf(statistic.abs(), degrees)).min(1.0),
            student_t::isf(0.5 * (1.0 - confidence), degrees),
        ),
        Alternative::Greater => (student_t::sf(statistic, degrees), -student_t::isf(confidence, degrees)),
        Alternative::Less => (student_t::sf(-statistic, degrees), -student_t::isf(confidence, degrees)),
    };
    let interval = around(difference, contrast.standard_errors(critical), alternative);
    let cohens_d = contrast.cohens_d();
    Ok(WelchT { statistic, p_value, degrees_of_freedom, difference, interval, cohens_d, constant: false })
}

/// This far to both sides, or to the side that the alternative, stated of `a`, leaves closed.
fn around(difference: f64, reach: f64, alternative: Alternative) -> Interval {
    let (low, high) = (difference - reach, difference + reach);
    match alternative {
        Alternative::TwoSided => Interval { low, high },
        Alternative::Greater => Interval { low: f64::NEG_INFINITY, high },
        Alternative::Less => Interval { low, high: f64::INFINITY },
    }
}
