//! The boundary between two rates or means that a test is about.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::StatisticsError;

/// Margins that make sense; beyond them the arithmetic would not either.
const RATIOS: RangeInclusive<f64> = 1e-3..=1e3;

/// The boundary `canary = ratio · stable + offset` between two failure rates, or two means of values of which more is worse.
///
/// ```
/// use serinus_stats::sequential::Margin;
///
/// let by_half = Margin::relative(0.5)?;
/// assert_eq!((by_half.ratio(), by_half.offset()), (1.5, 0.0));
/// let by_two_points = Margin::absolute(0.02)?;
/// assert_eq!((by_two_points.ratio(), by_two_points.offset()), (1.0, 0.02));
/// assert!(Margin::relative(f64::NAN).is_err());
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Margin {
    ratio: f64,
    offset: f64,
}

#[derive(Serialize, Deserialize)]
struct Raw {
    ratio: f64,
    offset: f64,
}

impl Margin {
    /// No margin: the boundary where both are equal.
    pub const EQUAL: Self = Self { ratio: 1.0, offset: 0.0 };

    /// The boundary `ratio · stable + offset`.
    ///
    /// # Errors
    ///
    /// Unless `ratio` is from 0.001 to 1,000, and `offset` is in [0, 1).
    pub fn new(ratio: f64, offset: f64) -> Result<Self, StatisticsError> {
        if !RATIOS.contains(&ratio) {
            return Err(StatisticsError { argument: "ratio", expected: "from 0.001 to 1000", got: ratio });
        }
        if !(0.0..1.0).contains(&offset) {
            return Err(StatisticsError { argument: "offset", expected: "at least 0 and below 1", got: offset });
        }
        Ok(Self { ratio, offset })
    }

    /// An increase in proportion: 0.5 is the boundary at 1.5 times the stable rate.
    ///
    /// # Errors
    ///
    /// Unless `increase` is from −0.999 to 999.
    pub fn relative(increase: f64) -> Result<Self, StatisticsError> {
        let expected = "from -0.999 to 999";
        Self::new(1.0 + increase, 0.0).map_err(|_| StatisticsError { argument: "increase", expected, got: increase })
    }

    /// An increase by a fixed amount: 0.02 is the boundary two points above the stable rate.
    ///
    /// # Errors
    ///
    /// Unless `increase` is in [0, 1).
    pub fn absolute(increase: f64) -> Result<Self, StatisticsError> {
        Self::new(1.0, increase)
    }

    /// The factor on the stable rate.
    pub const fn ratio(&self) -> f64 {
        self.ratio
    }

    /// What is added to it.
    pub const fn offset(&self) -> f64 {
        self.offset
    }

    /// Whether the boundary is where the two are equal.
    pub(super) fn is_none(&self) -> bool {
        *self == Self::EQUAL
    }

    /// The boundary for a stable rate.
    pub(super) fn at(&self, stable: f64) -> f64 {
        self.ratio * stable + self.offset
    }

    /// The stable rate for a boundary.
    pub(super) fn stable_for(&self, boundary: f64) -> f64 {
        (boundary - self.offset) / self.ratio
    }
}

impl TryFrom<Raw> for Margin {
    type Error = StatisticsError;

    fn try_from(raw: Raw) -> Result<Self, Self::Error> {
        Self::new(raw.ratio, raw.offset)
    }
}

impl From<Margin> for Raw {
    fn from(margin: Margin) -> Self {
        Self { ratio: margin.ratio, offset: margin.offset }
    }
}
