//! Wilcoxon's signed-rank test.

use serde::{Deserialize, Serialize};

use super::selection::{WalshAverages, median, nth_smallest};
use super::signed_rank_distribution::{Lower, lower_half};
use crate::distribution::normal;
use crate::{Alternative, Interval, Method, StatisticsError, check};

/// Differences up to which [`Method::Auto`] is exact without ties, and with ties or zeros.
const SMALL: usize = 50;
const SMALL_WITH_TIES: usize = 13;
/// Differences up to which the interval is exact; beyond, the normal approximation is right to a rank or so.
const MOST_FOR_EXACT_RANK: usize = 200;

/// What becomes of differences that are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZeroMethod {
    /// They are left out before ranking, as Wilcoxon did.
    #[default]
    Wilcox,
    /// They are ranked and then left out (J. W. Pratt, Journal of the American Statistical Association 54, 1959,
    /// <https://doi.org/10.1080/01621459.1959.10501526>).
    Pratt,
    /// They are ranked, and count half for either sign.
    Zsplit,
}

/// What [`wilcoxon_signed_rank`] is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WilcoxonOptions {
    /// What the test looks for; `Greater`: that differences tend to be above 0. Default: [`Alternative::TwoSided`].
    pub alternative: Alternative,
    /// How the p-value is found. Default: [`Method::Auto`], exact for up to 50 differences, or 13 if some are tied or 0.
    pub method: Method,
    /// What becomes of zeros. Default: [`ZeroMethod::Wilcox`].
    pub zero_method: ZeroMethod,
    /// Whether the normal approximation is corrected by ½. Default: no.
    pub continuity: bool,
    /// The probability, in (0, 1), with which the interval covers the centre. Default: 0.95.
    pub confidence: f64,
}

impl Default for WilcoxonOptions {
    fn default() -> Self {
        Self {
            alternative: Alternative::default(),
            method: Method::Auto,
            zero_method: ZeroMethod::default(),
            continuity: false,
            confidence: 0.95,
        }
    }
}

/// The result of [`wilcoxon_signed_rank`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wilcoxon {
    /// The sum of the ranks of positive differences; two-sided, the lesser of that and the sum of the negative ones'.
    pub statistic: f64,
    /// The probability of a statistic at least this extreme if differences are symmetric about 0.
    pub p_value: f64,
    /// How the p-value was found: [`Method::Exact`] or [`Method::Asymptotic`].
    pub method: Method,
    /// The share of the rank sum that is of positive differences less that of negative ones, in [−1, 1]; 0 if all are 0.
    pub rank_biserial: f64,
    /// Hodges and Lehmann's centre: the median of the means of all pairs of differences, each with itself included.
    pub centre: f64,
    /// Of the centre of a symmetric distribution, the two-sided test's dual. Its ends are such means, or infinite where there
    /// are too few.
    pub interval: Interval,
    /// Whether all differences are 0. They then say nothing, and `p_value` is 1.
    pub all_zero: bool,
}

/// Wilcoxon's signed-rank test of whether paired differences are symmetric about 0 (F. Wilcoxon, Biometrics Bulletin 1,
/// 1945, [doi:10.2307/3001968]).
///
/// The normal approximation is corrected for ties and zeros. [`Method::Exact`] takes the distribution over all signs that the
/// observed ranks may have, ties and zeros included, and doubles the smaller tail for [`Alternative::TwoSided`].
///
/// ```
/// use serinus_stats::ranks::{WilcoxonOptions, wilcoxon_signed_rank};
///
/// let differences = [6.0, 8.0, 14.0, 16.0, 23.0, 24.0, 28.0, 29.0, 41.0, -48.0, 49.0, 56.0, 60.0, -67.0, 75.0];
/// let test = wilcoxon_signed_rank(&differences, WilcoxonOptions::default())?;
/// assert_eq!(test.statistic, 24.0);
/// assert!((test.p_value - 0.041_259_765_625).abs() < 1e-15);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If there is no difference or one that is not finite, the confidence is not in (0, 1), or an exact p-value is asked for
/// that would take more than some tenths of a second: from some 1,000 differences on, or some 800 with ties.
///
/// [doi:10.2307/3001968]: https://doi.org/10.2307/3001968
pub fn wilcoxon_signed_rank(differences: &[f64], options: WilcoxonOptions) -> Result<Wilcoxon, StatisticsError> {
    check::confidence(options.confidence)?;
    check::sample("differences", differences, 1)?;
    let ranks = SignedRanks::new(differences, options.zero_method);
    let exact = match options.method {
        Method::Asymptotic => None,
        Method::Auto => ranks.is_small(differences.len()).then(|| ranks.exact(options.alternative)).flatten(),
        Method::Exact => Some(ranks.exact(options.alternative).ok_or(StatisticsError {
            argument: "method",
            expected: "asymptotic for as many differences as these",
            got: differences.len() as f64,
        })?),
    };
    let (positive, negative) = ranks.sums();
    let both = positive + negative;
    let walsh = WalshAverages::new(differences);
    Ok(Wilcoxon {
        statistic: if options.alternative == Alternative::TwoSided { positive.min(negative) } else { positive },
        p_value: exact.unwrap_or_else(|| ranks.asymptotic(options.alternative, options.continuity)),
        method: if exact.is_some() { Method::Exact } else { Method::Asymptotic },
        rank_biserial: if both > 0.0 { (positive - negative) / both } else { 0.0 },
        centre: median(&walsh, walsh.len()),
        interval: match rank(differences.len(), 0.5 * (1.0 - options.confidence)) {
            0 => Interval { low: f64::NEG_INFINITY, high: f64::INFINITY },
            rank => Interval { low: nth_smallest(&walsh, rank), high: nth_smallest(&walsh, walsh.len() + 1 - rank) },
        },
        all_zero: ranks.doubled.is_empty(),
    })
}

/// The greatest k with P(W < k) ≤ `tail` for `n` differences.
fn rank(n: usize, tail: f64) -> u64 {
    if let Some(lower) = (n <= MOST_FOR_EXACT_RANK).then(|| lower_half(1..=n as u64)).flatten() {
        return lower.at_most.partition_point(|chance| *chance <= tail) as u64;
    }
    let n = n as f64;
    let k = n * (n + 1.0) / 4.0 + 0.5 - normal::isf(tail) * (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0).sqrt();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least 0 and at most half the pairs"
    )]
    let k = k.max(0.0) as u64;
    k
}

/// Differences by the ranks of their sizes.
struct SignedRanks {
    /// Twice the rank of each difference that is not 0, in ascending order.
    doubled: Vec<u64>,
    /// Twice the sums of the ranks of positive and negative differences, without what zeros give.
    positive: u64,
    negative: u64,
    /// What zeros give to either sign, doubled.
    split: f64,
    /// Differences that are ranked.
    ranked: f64,
    /// Zeros that are ranked and then left out.
    left_out: f64,
    /// Σ t³ − t over groups of t equal sizes.
    ties: f64,
    tied_or_zero: bool,
}

impl SignedRanks {
    fn new(differences: &[f64], zero_method: ZeroMethod) -> Self {
        let zeros = differences.iter().filter(|x| **x == 0.0).count();
        let mut sorted: Vec<f64> = differences.iter().copied().filter(|x| *x != 0.0).collect();
        sorted.sort_unstable_by(|x, y| x.abs().total_cmp(&y.abs()));
        let ranked_zeros = if zero_method == ZeroMethod::Wilcox { 0 } else { zeros };
        let cubes = |size: f64| size * (size * size - 1.0);
        let zero_count = ranked_zeros as f64;
        let split = zero_method == ZeroMethod::Zsplit;
        let mut ranks = Self {
            doubled: Vec::with_capacity(sorted.len()),
            positive: 0,
            negative: 0,
            split: if split { zero_count * (zero_count + 1.0) / 2.0 } else { 0.0 },
            ranked: (sorted.len() + ranked_zeros) as f64,
            left_out: if zero_method == ZeroMethod::Pratt { zero_count } else { 0.0 },
            ties: if split { cubes(zero_count) } else { 0.0 },
            tied_or_zero: zeros > 0,
        };
        let mut below = ranked_zeros as u64;
        for group in sorted.chunk_by(|x, y| x.abs() == y.abs()) {
            let size = group.len() as u64;
            let doubled = 2 * below + size + 1;
            for x in group {
                ranks.doubled.push(doubled);
                if *x > 0.0 { ranks.positive += doubled } else { ranks.negative += doubled }
            }
            ranks.ties += cubes(size as f64);
            ranks.tied_or_zero |= size > 1;
            below += size;
        }
        ranks
    }

    fn is_small(&self, differences: usize) -> bool {
        differences <= if self.tied_or_zero { SMALL_WITH_TIES } else { SMALL }
    }

    fn sums(&self) -> (f64, f64) {
        (f64::midpoint(self.positive as f64, self.split), f64::midpoint(self.negative as f64, self.split))
    }

    fn asymptotic(&self, alternative: Alternative, continuity: bool) -> f64 {
        let squares = |n: f64| n * (n + 1.0) * (2.0 * n + 1.0);
        let variance = (squares(self.ranked) - squares(self.left_out) - self.ties / 2.0) / 24.0;
        if self.doubled.is_empty() || variance <= 0.0 {
            return 1.0;
        }
        let mean = (self.ranked * (self.ranked + 1.0) - self.left_out * (self.left_out + 1.0)) / 4.0;
        let gap = self.sums().0 - mean;
        let correction = if continuity { 0.5 } else { 0.0 };
        let tail = |distance: f64| normal::sf((distance - correction) / variance.sqrt());
        match alternative {
            Alternative::TwoSided if gap == 0.0 => 1.0,
            Alternative::TwoSided => (2.0 * tail(gap.abs())).min(1.0),
            Alternative::Greater => tail(gap),
            Alternative::Less => tail(-gap),
        }
    }

    fn exact(&self, alternative: Alternative) -> Option<f64> {
        // Without ties ranks are whole, and half as many sums are possible.
        let whole = self.doubled.iter().all(|doubled| doubled % 2 == 0);
        let unit = if whole { 2 } else { 1 };
        let lower = lower_half(self.doubled.iter().map(|doubled| doubled / unit))?;
        let (positive, negative) = (self.positive / unit, self.negative / unit);
        // Symmetric: P(W ≥ w) = P(W ≤ sum − w).
        let (at_most, at_least) = (lower.tail(positive, negative), lower.tail(negative, positive));
        Some(match alternative {
            Alternative::TwoSided => (2.0 * at_most.min(at_least)).min(1.0),
            Alternative::Greater => at_least,
            Alternative::Less => at_most,
        })
    }
}

impl Lower {
    /// P(W ≤ w), where `rest` is the sum of all ranks less w.
    fn tail(&self, w: u64, rest: u64) -> f64 {
        let chance = |w: u64| usize::try_from(w).ok().and_then(|w| self.at_most.get(w)).copied();
        // Above the middle, 1 − P(W > w) = 1 − P(W ≤ rest − 1).
        chance(w).unwrap_or_else(|| 1.0 - rest.checked_sub(1).and_then(chance).unwrap_or(0.0))
    }
}
