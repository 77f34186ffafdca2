//! How many observations an effect needs.

use serde::{Deserialize, Serialize};

use super::{PowerOptions, chance, question::Question};
use crate::{StatisticsError, check, distribution::normal};

/// Counts above it are not whole numbers in an `f64`.
const MOST: f64 = 9_007_199_254_740_992.0;
/// The larger arm may fall short of its ratio by this share, so that 49 times 100 is not 4,901.
const ROUNDING: f64 = 1e-12;

/// How many observations a comparison needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SampleSize {
    /// In the smaller arm: what [`power`](super::power) and
    /// [`minimum_detectable_effect`](super::minimum_detectable_effect) call `n`. At least 2.
    pub per_group: u64,
    /// In `a`.
    pub a: u64,
    /// In `b`.
    pub b: u64,
    /// In both. A paired design needs `per_group` requests and this many answers.
    pub total: u64,
}

/// The fewest observations with which a test finds this effect with the power asked for.
///
/// ```
/// use serinus_stats::power::{Allocation, Design, PowerOptions, sample_size};
///
/// assert_eq!(sample_size(0.05, Design::Paired.into())?.per_group, 3_140);
/// assert_eq!(sample_size(0.05, Design::TwoSample.into())?.per_group, 6_280);
/// assert_eq!(sample_size(0.05, Design::MannWhitney.into())?.per_group, 6_576);
///
/// let canary = PowerOptions { allocation: Allocation::canary_share(0.1)?, ..Design::TwoSample.into() };
/// let size = sample_size(0.05, canary)?;
/// assert_eq!((size.a, size.b, size.total), (31_401, 3_489, 34_890));
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// As for [`power`](super::power); if the options' `power` is not above `alpha` and below 1; or if 2⁵³ observations are
/// too few.
pub fn sample_size(effect: f64, options: PowerOptions) -> Result<SampleSize, StatisticsError> {
    let question = Question::new(options)?;
    let distance = question.distance(effect)?;
    let z_power = power_quantile(options)?;
    let root = question.needed(effect, z_power).max(0.0) / distance;
    let mut n = (root * root).ceil().max(chance::LEAST as f64);
    // The formula rounds too: hold its result against the power itself.
    let suffices = |n: f64| question.suffices(effect, distance, n, options.power);
    if n < MOST && !suffices(n) {
        n += 1.0;
    } else if n > chance::LEAST as f64 && suffices(n - 1.0) {
        n -= 1.0;
    }
    let (a, b) = question.times();
    let (a, b) = (arm(n, a), arm(n, b));
    if a + b > MOST {
        let expected = "far enough from the margin that 2^53 observations are enough";
        return Err(StatisticsError { argument: "effect", expected, got: effect });
    }
    let [per_group, a, b] = [n, a, b].map(whole);
    Ok(SampleSize { per_group, a, b, total: a + b })
}

/// The quantile of the power asked for.
pub(super) fn power_quantile(options: PowerOptions) -> Result<f64, StatisticsError> {
    check::open_unit("power", options.power)?;
    if options.power <= options.alpha {
        return Err(StatisticsError { argument: "power", expected: "above alpha", got: options.power });
    }
    Ok(normal::quantile(options.power))
}

/// The observations in an arm that has this many for each one in the smaller.
fn arm(n: f64, times: f64) -> f64 {
    (n * times * (1.0 - ROUNDING)).ceil().max(n)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number in [2, 2^53]")]
fn whole(n: f64) -> u64 {
    n as u64
}
