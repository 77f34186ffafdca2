//! What is asked about power.

use super::{Allocation, Design};
use crate::Alternative;

/// What a comparison is to be, and how sure. The default is a two-sided test of two independent means with equal arms,
/// at a level of 0.05 and a power of 0.80.
///
/// ```
/// use serinus_stats::{Alternative, power::{Design, PowerOptions, sample_size}};
///
/// // b is to be shown less than 0.05 standard deviations worse than a. In truth they are equal.
/// let not_worse = PowerOptions { alternative: Alternative::Less, margin: -0.05, ..Design::TwoSample.into() };
/// assert_eq!(sample_size(0.0, not_worse)?.per_group, 4_947);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerOptions {
    /// What is compared. Default: [`Design::TwoSample`].
    pub design: Design,
    /// The probability, in (0, 1), of finding a difference that is not there. Default: 0.05.
    pub alpha: f64,
    /// The probability, above `alpha` and below 1, of finding a difference that is there. [`power`](super::power) finds
    /// it instead of taking it from here. Default: 0.80.
    pub power: f64,
    /// What the test looks for, stated of `a` as for all tests: [`Less`](Alternative::Less) is `a` less than `b`, and
    /// so an effect above `margin`. Default: [`Alternative::TwoSided`].
    pub alternative: Alternative,
    /// The difference, `b` minus `a`, that a one-sided test is to disprove, in the effect's units. Where higher is
    /// better, −0.05 with [`Less`](Alternative::Less) asks whether `b` is less than 0.05 worse; where lower is better,
    /// 0.05 with [`Greater`](Alternative::Greater) does. Default: 0.
    pub margin: f64,
    /// How the observations divide between the arms. Default: [`Allocation::EQUAL`], which is all that a paired design
    /// has.
    pub allocation: Allocation,
}

impl Default for PowerOptions {
    fn default() -> Self {
        Self {
            design: Design::default(),
            alpha: 0.05,
            power: 0.80,
            alternative: Alternative::default(),
            margin: 0.0,
            allocation: Allocation::EQUAL,
        }
    }
}

impl From<Design> for PowerOptions {
    fn from(design: Design) -> Self {
        Self { design, ..Self::default() }
    }
}
