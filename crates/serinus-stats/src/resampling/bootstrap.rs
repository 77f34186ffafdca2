//! The bootstrap.

use serde::{Deserialize, Serialize};

use super::draws::Draws;
use super::statistic::Statistic;
use crate::distribution::normal;
use crate::quantiles::{QuantileType, of_sorted};
use crate::{Interval, StatisticsError, check};

/// Resamples this close to the estimate, relative to their size, equal it but for rounding.
const ROUNDING: f64 = 1e-13;

/// How an interval is read off the resamples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootstrapInterval {
    /// Bias-corrected and accelerated: the quantiles are moved by how far the resamples lie to one side, and by how the
    /// statistic's spread changes with its value (B. Efron, Journal of the American Statistical Association 82, 1987,
    /// <https://doi.org/10.1080/01621459.1987.10478410>).
    #[default]
    Bca,
    /// The resamples' own quantiles.
    Percentile,
}

/// What [`bootstrap`] and [`bootstrap_difference`] are asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BootstrapOptions {
    /// How the interval is read off. Default: [`BootstrapInterval::Bca`].
    pub interval: BootstrapInterval,
    /// The probability, in (0, 1), with which the interval covers the true value, in large samples. Default: 0.95.
    pub confidence: f64,
    /// Resamples, from 1 to 10,000,000. Default: 9,999.
    pub resamples: u32,
    /// The generator's seed. Default: 1.
    pub seed: u64,
}

impl Default for BootstrapOptions {
    fn default() -> Self {
        Self { interval: BootstrapInterval::default(), confidence: 0.95, resamples: 9_999, seed: 1 }
    }
}

/// What [`bootstrap`] and [`bootstrap_difference`] find.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The statistic of the sample, or that of `b` less that of `a`.
    pub estimate: f64,
    /// Of the statistic of the population.
    pub interval: Interval,
    /// The resamples' standard deviation; 0 of a single one.
    pub standard_error: f64,
    /// The resamples' mean less the estimate.
    pub bias: f64,
    /// What Efron calls ẑ₀: on the normal scale, how far the resamples lie below the estimate. 0 where they are all equal, and
    /// never beyond what half a resample on the other side would make of it.
    pub bias_correction: f64,
    /// What Efron calls â, by the jackknife. 0 where leaving out a value changes nothing, and of [`BootstrapInterval::Percentile`].
    pub acceleration: f64,
    /// Whether all resamples are equal: the interval then is the estimate, and says nothing of the population.
    pub degenerate: bool,
}

/// The bootstrap of one sample: an interval for any statistic, from what it is in samples drawn from the sample with replacement
/// (B. Efron and R. J. Tibshirani, *An Introduction to the Bootstrap*, 1993, chapters 13 and 14).
///
/// ```
/// use serinus_stats::resampling::{BootstrapOptions, Statistic, bootstrap};
///
/// let scores = [0.91, 0.85, 0.77, 0.95, 0.88, 0.40, 0.93, 0.81, 0.90, 0.86];
/// let median = bootstrap(&scores, Statistic::Median, BootstrapOptions::default())?;
/// assert!((median.estimate - 0.87).abs() < 1e-12);
/// assert!(median.interval.low > 0.7 && median.interval.high < 0.94);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If there are fewer than two values or one that is not finite, the confidence is not in (0, 1), resamples are out of range, a quantile
/// is not in [0, 1], or the statistic of a resample is not finite.
pub fn bootstrap(
    values: &[f64],
    statistic: Statistic<'_>,
    options: BootstrapOptions,
) -> Result<Bootstrap, StatisticsError> {
    check(&[("values", values)], statistic, options)?;
    let estimate = statistic.of(&mut values.to_vec());
    let (mut draws, mut resample) = (Draws::new(options.seed), Vec::with_capacity(values.len()));
    let resamples = || statistic.of_resample(values, &mut draws, &mut resample);
    let resamples = std::iter::repeat_with(resamples).take(options.resamples as usize).collect();
    finish(estimate, resamples, || vec![statistic.jackknife(values)], options)
}

/// The bootstrap of a difference: the statistic of `b` less that of `a`, with both resampled by themselves.
///
/// ```
/// use serinus_stats::resampling::{BootstrapOptions, Statistic, bootstrap_difference};
///
/// let (a, b) = ([10.0, 12.0, 11.0, 14.0, 13.0, 12.5], [17.0, 15.0, 19.0, 16.0, 18.0]);
/// let gap = bootstrap_difference(&a, &b, Statistic::Mean, BootstrapOptions::default())?;
/// assert!(gap.estimate > 4.9 && gap.interval.low > 3.0);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// As for [`bootstrap`].
pub fn bootstrap_difference(
    a: &[f64],
    b: &[f64],
    statistic: Statistic<'_>,
    options: BootstrapOptions,
) -> Result<Bootstrap, StatisticsError> {
    check(&[("a", a), ("b", b)], statistic, options)?;
    let estimate = statistic.of(&mut b.to_vec()) - statistic.of(&mut a.to_vec());
    let (mut draws, mut resample) = (Draws::new(options.seed), Vec::with_capacity(a.len().max(b.len())));
    let resamples = || {
        let of_a = statistic.of_resample(a, &mut draws, &mut resample);
        statistic.of_resample(b, &mut draws, &mut resample) - of_a
    };
    let resamples = std::iter::repeat_with(resamples).take(options.resamples as usize).collect();
    // Leaving out a value of `a` moves the difference the other way.
    let of_a = || statistic.jackknife(a).iter().map(|x| -x).collect();
    finish(estimate, resamples, || vec![of_a(), statistic.jackknife(b)], options)
}

fn check(
    samples: &[(&'static str, &[f64])],
    statistic: Statistic<'_>,
    options: BootstrapOptions,
) -> Result<(), StatisticsError> {
    for (argument, values) in samples {
        check::sample(argument, values, 2)?;
    }
    check::confidence(options.confidence)?;
    super::check_resamples(options.resamples)?;
    statistic.validate()
}

fn finish(
    estimate: f64,
    mut resamples: Vec<f64>,
    jackknives: impl FnOnce() -> Vec<Vec<f64>>,
    options: BootstrapOptions,
) -> Result<Bootstrap, StatisticsError> {
    if let Some(&got) = std::iter::once(&estimate).chain(&resamples).find(|value| !value.is_finite()) {
        return Err(StatisticsError { argument: "statistic", expected: "finite for every resample", got });
    }
    resamples.sort_unstable_by(f64::total_cmp);
    let count = resamples.len() as f64;
    // Relative to one of them, so that equal ones have no spread at all.
    let first = resamples.first().copied().unwrap_or(estimate);
    let mean = first + resamples.iter().map(|x| (x - first) / count).sum::<f64>();
    let squares = resamples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
    let standard_error = (squares / (count - 1.0).max(1.0)).sqrt();
    let degenerate = resamples.first() == resamples.last();
    let tails = [0.5 * (1.0 - options.confidence), 0.5 * (1.0 + options.confidence)];
    let (bias_correction, acceleration) = match options.interval {
        BootstrapInterval::Bca if !degenerate => (bias_correction(estimate, &resamples), acceleration(&jackknives())),
        _ => (0.0, 0.0),
    };
    let moved = tails.map(|tail| {
        let z = bias_correction + normal::quantile(tail);
        let slope = 1.0 - acceleration * z;
        // Beyond the pole the adjustment has no meaning but its limit.
        if slope > 0.0 { normal::cdf(bias_correction + z / slope) } else { f64::from(u8::from(z > 0.0)) }
    });
    let share = if bias_correction == 0.0 && acceleration == 0.0 { tails } else { moved };
    let at = |share| of_sorted(resamples.len(), share, QuantileType::Linear, |place| resamples[place]);
    let interval = Interval { low: at(share[0]), high: at(share[1]) };
    let bias = mean - estimate;
    Ok(Bootstrap { estimate, interval, standard_error, bias, bias_correction, acceleration, degenerate })
}

/// How far the resamples lie below the estimate, equal ones half.
fn bias_correction(estimate: f64, sorted: &[f64]) -> f64 {
    let size = sorted.iter().map(|x| x.abs()).fold(0.0, f64::max);
    let below = sorted.partition_point(|x| *x < estimate - ROUNDING * size);
    let at_most = sorted.partition_point(|x| *x <= estimate + ROUNDING * size);
    let count = sorted.len() as f64;
    let share = (below + at_most) as f64 / (2.0 * count);
    normal::quantile(share.clamp(0.5 / count, 1.0 - 0.5 / count))
}

/// A sixth of the skewness of the statistic's influence over all samples' values.
fn acceleration(jackknives: &[Vec<f64>]) -> f64 {
    let (mut cubes, mut squares) = (0.0, 0.0);
    for values in jackknives {
        let n = values.len() as f64;
        let mean = values.iter().map(|x| x / n).sum::<f64>();
        for value in values {
            let influence = (mean - value) * (n - 1.0) / n;
            cubes += influence.powi(3);
            squares += influence.powi(2);
        }
    }
    let acceleration = cubes / (6.0 * squares.powf(1.5));
    if acceleration.is_finite() { acceleration } else { 0.0 }
}
