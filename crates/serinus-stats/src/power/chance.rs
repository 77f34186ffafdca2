//! The chance of finding an effect.

use super::{PowerOptions, question::Question};
use crate::{StatisticsError, distribution::normal};

/// Fewer than two observations have no spread.
pub(super) const LEAST: u64 = 2;

/// The probability that a test with `n` observations in its smaller arm finds this effect, in (0, 1) but for rounding.
/// The other arm has as many more as [`PowerOptions::allocation`] says. [`PowerOptions::power`] is not looked at.
///
/// ```
/// use serinus_stats::power::{Allocation, Design, PowerOptions, power};
///
/// let options = PowerOptions::from(Design::TwoProportions { baseline: 0.03 });
/// assert!((power(0.01, 5_301, options)? - 0.80).abs() < 1e-4);
/// // A tenth of the traffic: 589 canary requests beside 5,301 stable ones.
/// let tenth = PowerOptions { allocation: Allocation::canary_share(0.1)?, ..options };
/// assert!(power(0.01, 589, tenth)? < 0.3);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If `effect` is not finite, not in the design's range, or not where the alternative looks for it (equal to the
/// margin, or on its other side); if `n` is below 2; if the options' `alpha` is not in (0, 1), or their margin,
/// baseline or allocation makes no sense for the design.
pub fn power(effect: f64, n: u64, options: PowerOptions) -> Result<f64, StatisticsError> {
    let question = Question::new(options)?;
    let distance = question.distance(effect)?;
    enough(n)?;
    Ok(normal::cdf(question.z_power(effect, distance, n as f64)))
}

/// Enough observations to ask about.
pub(super) fn enough(n: u64) -> Result<(), StatisticsError> {
    if n >= LEAST {
        return Ok(());
    }
    Err(StatisticsError { argument: "n", expected: "at least 2", got: n as f64 })
}
