//! How the observations divide between two arms.

use crate::{StatisticsError, check};

/// How the observations divide between the arms `a` and `b`.
///
/// ```
/// use serinus_stats::power::Allocation;
///
/// assert_eq!(Allocation::canary_share(0.5)?, Allocation::EQUAL);
/// assert_eq!(Allocation::canary_share(0.2)?, Allocation::ratio(0.25)?);
/// assert!(Allocation::canary_share(1.0).is_err());
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allocation {
    a: f64,
    b: f64,
}

impl Default for Allocation {
    fn default() -> Self {
        Self::EQUAL
    }
}

impl Allocation {
    /// As many in one arm as in the other. The default.
    pub const EQUAL: Self = Self { a: 1.0, b: 1.0 };

    /// This many observations of `b` for each one of `a`.
    ///
    /// # Errors
    ///
    /// Unless the ratio and its inverse are finite and above 0.
    pub fn ratio(b_to_a: f64) -> Result<Self, StatisticsError> {
        let a_to_b = 1.0 / b_to_a;
        if !(b_to_a > 0.0 && b_to_a.is_finite() && a_to_b.is_finite()) {
            let expected = "above 0 and finite, and its inverse too";
            return Err(StatisticsError { argument: "ratio", expected, got: b_to_a });
        }
        Ok(Self { a: a_to_b.max(1.0), b: b_to_a.max(1.0) })
    }

    /// This share of the observations in `b`, the canary; the rest in `a`, the stable version.
    ///
    /// # Errors
    ///
    /// Unless the share is above 0 and below 1, and one over it finite.
    pub fn canary_share(share: f64) -> Result<Self, StatisticsError> {
        check::open_unit("canary_share", share)?;
        let rest = 1.0 - share;
        // The larger by the smaller, so that a share of 2% is 49 to 1 and not a digit off.
        let times = share.max(rest) / share.min(rest);
        if times.is_infinite() {
            let expected = "above 0 and below 1, and one over it finite";
            return Err(StatisticsError { argument: "canary_share", expected, got: share });
        }
        Ok(if share < rest { Self { a: times, b: 1.0 } } else { Self { a: 1.0, b: times } })
    }

    /// How many of `a` and of `b` there are for each one in the smaller arm.
    pub(super) fn times(self) -> (f64, f64) {
        (self.a, self.b)
    }
}
