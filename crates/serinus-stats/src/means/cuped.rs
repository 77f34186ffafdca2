//! Means with less noise, by a covariate from before the experiment.

use serde::{Deserialize, Serialize};

use crate::{StatisticsError, TestOptions, check};

use super::moments::unit;
use super::{Moments, WelchT, welch_t_from_moments};

/// The result of [`cuped`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cuped {
    /// The metric without what the covariate explains, in the given order; its mean is that of the metric.
    pub adjusted: Vec<f64>,
    /// By how much the metric moves with the covariate.
    pub theta: f64,
    /// The share of the metric's variance that the covariate explains, in [0, 1]: the squared correlation.
    pub variance_reduction: f64,
}

/// The result of [`cuped_welch_t`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CupedWelchT {
    /// By how much the metric moves with the covariate, in both arms pooled.
    pub theta: f64,
    /// Welch's test of the adjusted values.
    pub test: WelchT,
}

/// By how much a metric `y` moves with a covariate `x` in both arms pooled: θ = Σ (y − ȳ)(x − x̄) / Σ (x − x̄)², the
/// sums over both arms and the means each arm's own, so that an effect on `y` does not change it. 0 if the covariate
/// does not vary within the arms.
///
/// ```
/// use serinus_stats::means::cuped_theta;
///
/// let theta = cuped_theta(&[2.0, 4.0], &[1.0, 2.0], &[9.0, 7.0], &[4.0, 3.0])?;
/// assert!((theta - 2.0).abs() < 1e-12);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If a sample has fewer than two values or one that is not finite, an arm's metric and covariate differ in length, or
/// θ exceeds the range of numbers.
pub fn cuped_theta(y_a: &[f64], x_a: &[f64], y_b: &[f64], x_b: &[f64]) -> Result<f64, StatisticsError> {
    check_arm(("y_a", y_a), ("x_a", x_a))?;
    check_arm(("y_b", y_b), ("x_b", x_b))?;
    Slope::of(&[Arm::new(y_a, x_a), Arm::new(y_b, x_b)]).theta()
}

/// One arm's metric `y` without what the covariate `x` explains: y − θ (x − x̄) (A. Deng, Y. Xu, R. Kohavi, T. Walker,
/// *Improving the sensitivity of online controlled experiments by utilizing pre-experiment data*, WSDM 2013,
/// [doi:10.1145/2433396.2433413]).
///
/// θ here is this arm's own. To compare two arms use [`cuped_welch_t`]: with a θ and a mean covariate of its own, each
/// arm would be adjusted differently. The covariate must be one that the experiment cannot change.
///
/// ```
/// use serinus_stats::means::cuped;
///
/// let cuped = cuped(&[2.0, 4.0, 6.5], &[1.0, 2.0, 3.0])?;
/// assert!((cuped.theta - 2.25).abs() < 1e-12 && cuped.variance_reduction > 0.99);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If a sample has fewer than two values or one that is not finite, the samples differ in length, or θ or an adjusted
/// value exceeds the range of numbers.
///
/// [doi:10.1145/2433396.2433413]: https://doi.org/10.1145/2433396.2433413
pub fn cuped(y: &[f64], x: &[f64]) -> Result<Cuped, StatisticsError> {
    check_arm(("y", y), ("x", x))?;
    let arm = Arm::new(y, x);
    let slope = Slope::of(&[arm]);
    let theta = slope.theta()?;
    let residuals = || slope.residuals(&arm, &arm.y_moments, &arm.x_moments);
    let adjusted: Vec<f64> =
        residuals().map(|residual| arm.y_moments.onto(residual, slope.y_unit) / slope.y_unit).collect();
    all_finite("y", &adjusted)?;
    let variance_reduction = if slope.y_squares > 0.0 {
        let left: f64 = residuals().map(|residual| residual * residual).sum();
        (1.0 - left / slope.y_squares).clamp(0.0, 1.0)
    } else {
        0.0
    };
    Ok(Cuped { adjusted, theta, variance_reduction })
}

/// Welch's t-test of a metric `y` without what a covariate `x` explains, with θ from both arms pooled (see
/// [`cuped_theta`]).
///
/// `difference`, and the interval of it, are of the adjusted means: that of the metric less θ times that of the
/// covariate. The test takes θ as known, which is sound from some hundred values an arm on.
///
/// ```
/// use serinus_stats::TestOptions;
/// use serinus_stats::means::{cuped_welch_t, welch_t};
///
/// let (x_a, x_b) = ([1.0, 5.0, 9.0, 13.0], [2.0, 4.0, 10.0, 12.0]);
/// let (y_a, y_b) = ([1.1, 5.0, 8.9, 13.2], [4.0, 6.1, 12.0, 13.8]);
/// let options = TestOptions::default();
/// let adjusted = cuped_welch_t(&y_a, &x_a, &y_b, &x_b, options)?;
/// assert!(adjusted.test.p_value < 0.001 && welch_t(&y_a, &y_b, options)?.p_value > 0.5);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If a sample has fewer than two values or one that is not finite, an arm's metric and covariate differ in length, the
/// confidence is not in (0, 1), or θ, an adjusted value's distance from the mean of `a` or the difference of the means
/// exceeds the range of numbers.
pub fn cuped_welch_t(
    y_a: &[f64],
    x_a: &[f64],
    y_b: &[f64],
    x_b: &[f64],
    options: TestOptions,
) -> Result<CupedWelchT, StatisticsError> {
    check_arm(("y_a", y_a), ("x_a", x_a))?;
    check_arm(("y_b", y_b), ("x_b", x_b))?;
    let (a, b) = (Arm::new(y_a, x_a), Arm::new(y_b, x_b));
    let slope = Slope::of(&[a, b]);
    let theta = slope.theta()?;
    // Relative to the same means: the arms' difference stays, and keeps its digits where the metric is great.
    let adjusted = |argument, arm| {
        let residuals = slope.residuals(arm, &a.y_moments, &a.x_moments);
        let values: Vec<f64> = residuals.map(|residual| residual / slope.y_unit).collect();
        all_finite(argument, &values)?;
        Ok(Moments::of_finite(&values))
    };
    let test = welch_t_from_moments(&adjusted("y_a", &a)?, &adjusted("y_b", &b)?, options)?;
    Ok(CupedWelchT { theta, test })
}

#[derive(Clone, Copy)]
struct Arm<'a> {
    y: &'a [f64],
    x: &'a [f64],
    y_moments: Moments,
    x_moments: Moments,
}

impl<'a> Arm<'a> {
    fn new(y: &'a [f64], x: &'a [f64]) -> Self {
        Self { y, x, y_moments: Moments::of_finite(y), x_moments: Moments::of_finite(x) }
    }
}

/// θ of metric and covariate, each multiplied by a unit of its own.
struct Slope {
    theta: f64,
    y_unit: f64,
    x_unit: f64,
    /// The metric's squared deviations from its mean, in the squared unit.
    y_squares: f64,
}

impl Slope {
    fn of(arms: &[Arm]) -> Self {
        let largest = |values: for<'a> fn(&Arm<'a>) -> &'a [f64]| {
            let sizes = arms.iter().map(|arm| values(arm).iter().fold(0.0, |size: f64, value| size.max(value.abs())));
            sizes.fold(0.0, f64::max)
        };
        let (y_unit, x_unit) = (unit(largest(|arm| arm.y)), unit(largest(|arm| arm.x)));
        let (mut products, mut x_squares, mut y_squares) = (0.0, 0.0, 0.0);
        for arm in arms {
            for (&y, &x) in arm.y.iter().zip(arm.x) {
                let (y, x) = (arm.y_moments.offset(y, y_unit), arm.x_moments.offset(x, x_unit));
                products += y * x;
                x_squares += x * x;
                y_squares += y * y;
            }
        }
        let theta = if x_squares > 0.0 { products / x_squares } else { 0.0 };
        Self { theta, y_unit, x_unit, y_squares }
    }

    fn theta(&self) -> Result<f64, StatisticsError> {
        // In two steps, as the ratio of the units itself may exceed the range of numbers.
        let step = self.x_unit.sqrt() / self.y_unit.sqrt();
        let got = self.theta * step * step;
        if got.is_finite() {
            return Ok(got);
        }
        Err(StatisticsError { argument: "y", expected: "such that the slope is finite", got })
    }

    /// What the covariate does not explain of the metric's distance from its mean, in the metric's unit.
    fn residuals<'a>(
        &'a self,
        arm: &'a Arm,
        y_moments: &'a Moments,
        x_moments: &'a Moments,
    ) -> impl Iterator<Item = f64> + 'a {
        arm.y
            .iter()
            .zip(arm.x)
            .map(|(&y, &x)| y_moments.offset(y, self.y_unit) - self.theta * x_moments.offset(x, self.x_unit))
    }
}

fn check_arm(y: (&'static str, &[f64]), x: (&'static str, &[f64])) -> Result<(), StatisticsError> {
    check::sample(y.0, y.1, 2)?;
    check::sample(x.0, x.1, 2)?;
    check::same_length(x.0, x.1, y.1)
}

fn all_finite(argument: &'static str, adjusted: &[f64]) -> Result<(), StatisticsError> {
    match adjusted.iter().find(|value| !value.is_finite()) {
        Some(&got) => Err(StatisticsError { argument, expected: "such that the adjusted values are finite", got }),
        None => Ok(()),
    }
}
