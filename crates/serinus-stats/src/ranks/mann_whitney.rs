//! Mann and Whitney's U test.

use serde::{Deserialize, Serialize};

use super::ordering::{self, Group};
use super::u_distribution::{lower_half, tied_tails};
use crate::distribution::normal;
use crate::{Alternative, Method, StatisticsError};

/// A sample of at most this many values is small: its normal approximation would be rough.
const SMALL: usize = 8;

/// What [`mann_whitney_u`] is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannWhitneyOptions {
    /// What the test looks for. Default: [`Alternative::TwoSided`].
    pub alternative: Alternative,
    /// How the p-value is found. Default: [`Method::Auto`], which is exact if a sample has at most 8 values, there are no
    /// ties, and it can be done in some tenths of a second.
    pub method: Method,
    /// Whether the normal approximation is corrected by ½ for U's being a count. Default: yes.
    pub continuity: bool,
}

impl Default for MannWhitneyOptions {
    fn default() -> Self {
        Self { alternative: Alternative::default(), method: Method::Auto, continuity: true }
    }
}

impl From<Alternative> for MannWhitneyOptions {
    fn from(alternative: Alternative) -> Self {
        Self { alternative, ..Self::default() }
    }
}

/// The result of [`mann_whitney_u`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MannWhitneyU {
    /// U of the first sample: the pairs in which `a` is greater, ties counted half.
    pub statistic: f64,
    /// The probability of a U at least this extreme if neither sample tends to be greater.
    pub p_value: f64,
    /// How the p-value was found: [`Method::Exact`] or [`Method::Asymptotic`].
    pub method: Method,
    /// P(b > a) + ½ P(b = a), in [0, 1]; [`win_rate`](super::win_rate) has its interval.
    pub win_rate: f64,
    /// P(b > a) − P(b < a), in [−1, 1].
    pub cliffs_delta: f64,
    /// Whether all values are equal. They then say nothing, and `p_value` is 1.
    pub all_tied: bool,
}

/// Mann and Whitney's test of whether one of two samples tends to be greater (H. B. Mann and D. R. Whitney, Annals of
/// Mathematical Statistics 18, 1947, [doi:10.1214/aoms/1177730491]).
///
/// The normal approximation is corrected for ties. With ties, [`Method::Exact`] takes the distribution over all ways to
/// deal the observed values to the two samples, and doubles the smaller tail for [`Alternative::TwoSided`].
///
/// ```
/// use serinus_stats::ranks::{MannWhitneyOptions, mann_whitney_u};
///
/// let (a, b) = ([12.0, 15.0, 11.0, 18.0], [21.0, 25.0, 19.0, 30.0, 17.0]);
/// let test = mann_whitney_u(&a, &b, MannWhitneyOptions::default())?;
/// assert_eq!(test.statistic, 1.0);
/// assert!((test.p_value - 4.0 / 126.0).abs() < 1e-15);
/// assert_eq!(test.win_rate, 0.95);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If a sample is empty or has a value that is not finite, or an exact p-value is asked for that would take more than some
/// tenths of a second: from some 150 values a sample on, or some 90 with ties.
///
/// [doi:10.1214/aoms/1177730491]: https://doi.org/10.1214/aoms/1177730491
pub fn mann_whitney_u(a: &[f64], b: &[f64], options: MannWhitneyOptions) -> Result<MannWhitneyU, StatisticsError> {
    let MannWhitneyOptions { alternative, method, continuity } = options;
    let keep = method == Method::Exact;
    let (mut tally, mut groups) = (Tally::default(), Vec::new());
    ordering::visit_groups(a, b, 1, &mut |group| {
        tally.add(group);
        if keep {
            groups.push(group);
        }
    })?;
    let exact = match method {
        Method::Asymptotic => None,
        Method::Auto if a.len().min(b.len()) > SMALL || tally.ties > 0 => None,
        Method::Auto => tally.untied(alternative),
        Method::Exact => Some(tally.exact(&groups, alternative).ok_or(StatisticsError {
            argument: "method",
            expected: "asymptotic for samples as large as these",
            got: (a.len() + b.len()) as f64,
        })?),
    };
    let win_rate = tally.win_rate();
    Ok(MannWhitneyU {
        statistic: tally.twice_u as f64 / 2.0,
        p_value: exact.unwrap_or_else(|| tally.asymptotic(alternative, continuity)),
        method: if exact.is_some() { Method::Exact } else { Method::Asymptotic },
        win_rate,
        cliffs_delta: tally.cliffs_delta(),
        all_tied: tally.all_tied(),
    })
}

/// What the groups of equal values add up to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) n: u64,
    pub(super) m: u64,
    /// 2U of the first sample.
    twice_u: u128,
    /// Σ t³ − t over groups of t values.
    ties: u128,
}

impl Tally {
    pub(super) fn add(&mut self, group: Group) {
        self.twice_u += u128::from(2 * self.m + group.b) * u128::from(group.a);
        self.n += group.a;
        self.m += group.b;
        let size = u128::from(group.a + group.b);
        if size > 1 {
            self.ties += size * (size * size - 1);
        }
    }

    fn pairs(&self) -> u128 {
        u128::from(self.n) * u128::from(self.m)
    }

    /// 2U of the second sample.
    fn twice_other(&self) -> u128 {
        2 * self.pairs() - self.twice_u
    }

    pub(super) fn win_rate(&self) -> f64 {
        self.twice_other() as f64 / (2 * self.pairs()) as f64
    }

    pub(super) fn cliffs_delta(&self) -> f64 {
        let (ours, others) = (self.twice_u, self.twice_other());
        let sign = if others < ours { -1.0 } else { 1.0 };
        sign * (ours.abs_diff(others) as f64 / (2 * self.pairs()) as f64)
    }

    fn all_tied(&self) -> bool {
        let all = u128::from(self.n + self.m);
        self.ties == all * (all * all - 1)
    }

    /// What is asked as an upper tail: the 2U whose being great speaks for the alternative.
    fn speaking(&self, alternative: Alternative) -> u128 {
        match alternative {
            Alternative::TwoSided => self.twice_u.max(self.twice_other()),
            Alternative::Greater => self.twice_u,
            Alternative::Less => self.twice_other(),
        }
    }

    fn asymptotic(&self, alternative: Alternative, continuity: bool) -> f64 {
        if self.all_tied() {
            return 1.0;
        }
        let (all, pairs) = ((self.n + self.m) as f64, self.pairs() as f64);
        let spread = (pairs / 12.0 * (all + 1.0 - self.ties as f64 / (all * (all - 1.0)))).sqrt();
        let (u, correction) = (self.speaking(alternative), if continuity { 0.5 } else { 0.0 });
        let apart = u.abs_diff(self.pairs()) as f64 / 2.0 * if u < self.pairs() { -1.0 } else { 1.0 };
        let tail = normal::sf((apart - correction) / spread);
        if alternative == Alternative::TwoSided { (2.0 * tail).min(1.0) } else { tail }
    }

    /// The p-value by the distribution without ties, if it can be had.
    fn untied(&self, alternative: Alternative) -> Option<f64> {
        let half = lower_half(self.n, self.m)?;
        let beaten = usize::try_from((2 * self.pairs() - self.speaking(alternative)) / 2).ok()?;
        // P(U ≥ u) = P(U ≤ pairs − u).
        let tail = match half.get(beaten) {
            Some(tail) => *tail,
            None => 1.0 - usize::try_from(self.pairs()).ok()?.checked_sub(beaten + 1).map_or(0.0, |rest| half[rest]),
        };
        Some(if alternative == Alternative::TwoSided { (2.0 * tail).min(1.0) } else { tail })
    }

    fn exact(&self, groups: &[Group], alternative: Alternative) -> Option<f64> {
        if self.ties == 0 {
            return self.untied(alternative);
        }
        let (lower, upper) = tied_tails(groups, self.twice_u)?;
        Some(match alternative {
            Alternative::TwoSided => (2.0 * lower.min(upper)).min(1.0),
            Alternative::Greater => upper,
            Alternative::Less => lower,
        })
    }
}
