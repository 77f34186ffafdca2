//! McNemar's test.

#![expect(clippy::doc_markdown, reason = "McNemar is a name")]

use serde::{Deserialize, Serialize};

use super::{arms, clopper_pearson};
use crate::{Alternative, Interval, StatisticsError, check, distribution::binomial, sequential::Count};

/// What [`McNemarMethod::Exact`] and [`McNemarMethod::MidP`] take, and the interval: some √(b + c) steps are made.
const MOST: u64 = 1_000_000_000_000;

/// How [`mcnemar`] finds its p-value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum McNemarMethod {
    /// The binomial test, which never rejects too often.
    #[default]
    Exact,
    /// The binomial test with half the probability of the observed outcome: more powerful, and seldom rejects too often.
    MidP,
    /// The normal approximation.
    ChiSquared {
        /// Whether to correct for continuity, by Edwards: never where `b` and `c` are the same.
        continuity: bool,
    },
}

/// What [`mcnemar`] asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct McNemarOptions {
    /// How the p-value is found. Default: [`McNemarMethod::Exact`].
    pub method: McNemarMethod,
    /// What the test looks for; `Greater`: that `b` outweighs `c`. Default: [`Alternative::TwoSided`].
    pub alternative: Alternative,
    /// The probability, in (0, 1), with which the interval covers the true share. Default: 0.95.
    pub confidence: f64,
}

impl Default for McNemarOptions {
    fn default() -> Self {
        Self { method: McNemarMethod::default(), alternative: Alternative::default(), confidence: 0.95 }
    }
}

/// What [`mcnemar`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct McNemar {
    /// The lesser of `b` and `c`; with [`McNemarMethod::ChiSquared`] (|b − c| − 1)²/(b + c), or without the 1.
    pub statistic: f64,
    /// The probability of numbers at least as uneven if each discordant pair may go either way.
    pub p_value: f64,
    /// b/(b + c), in [0, 1]; ½ if both are 0. The odds ratio b/c is share/(1 − share).
    pub share: f64,
    /// Clopper and Pearson's interval of the share, of which the exact test is the dual.
    pub interval: Interval,
}

/// McNemar's test of pairs that are judged twice, by the numbers of discordant pairs: `b` that failed the first time
/// alone, and `c` that failed the second time alone. It says whether one fails more often than the other. Pairs with the
/// same outcome twice tell nothing and are not asked for; without any discordant pair the p-value is 1.
///
/// ```
/// use serinus_stats::proportions::{McNemarOptions, mcnemar};
///
/// let test = mcnemar(5, 17, McNemarOptions::default())?;
/// assert_eq!(test.statistic, 5.0);
/// assert!((test.p_value - 0.0169).abs() < 1e-4 && test.interval.high < 0.5);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If `b` and `c` sum to more than 10¹², or the confidence is not in (0, 1).
///
/// # Source
///
/// Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
/// Psychometrika 12 (1947), <https://doi.org/10.1007/BF02295996>; M. W. Fagerland, S. Lydersen and P. Laake, "The McNemar
/// test for binary matched-pairs data: mid-p and asymptotic are better than exact conditional", BMC Medical Research
/// Methodology 13 (2013), <https://doi.org/10.1186/1471-2288-13-91>.
pub fn mcnemar(b: u64, c: u64, options: McNemarOptions) -> Result<McNemar, StatisticsError> {
    let McNemarOptions { method, alternative, confidence } = options;
    check::confidence(confidence)?;
    let n = b.saturating_add(c);
    if n > MOST {
        let expected = "at most 1000000000000 together with c";
        return Err(StatisticsError { argument: "b", expected, got: b as f64 });
    }
    let least = b.min(c) as f64;
    if n == 0 {
        return Ok(McNemar { statistic: 0.0, p_value: 1.0, share: 0.5, interval: Interval { low: 0.0, high: 1.0 } });
    }
    let (statistic, p_value) = match method {
        McNemarMethod::Exact => (least, binomial_p(b, n, alternative, 1.0)),
        McNemarMethod::MidP => (least, binomial_p(b, n, alternative, 0.5)),
        McNemarMethod::ChiSquared { continuity } => chi_squared(b, c, alternative, continuity),
    };
    let count = Count::new(b, n)?;
    let interval = clopper_pearson::for_alternative(count, alternative, confidence);
    Ok(McNemar { statistic, p_value, share: b as f64 / n as f64, interval })
}

/// The p-value of `b` of `n` at ½ each, where the outcome itself counts by `weight`.
fn binomial_p(b: u64, n: u64, alternative: Alternative, weight: f64) -> f64 {
    let at_most = |k: u64| {
        let own = binomial::pmf(k, n, 0.5);
        if 2 * k < n {
            binomial::cdf(k, n, 0.5) - (1.0 - weight) * own
        } else {
            1.0 - binomial::cdf(n - k, n, 0.5) + weight * own
        }
    };
    match alternative {
        Alternative::Less => at_most(b),
        Alternative::Greater => at_most(n - b),
        Alternative::TwoSided if 2 * b == n => 1.0,
        Alternative::TwoSided => (2.0 * at_most(b.min(n - b))).min(1.0),
    }
}

fn chi_squared(b: u64, c: u64, alternative: Alternative, continuity: bool) -> (f64, f64) {
    let root = ((b + c) as f64).sqrt();
    let gap = b as f64 - c as f64;
    let correction = if continuity { 1.0 } else { 0.0 };
    let size = (gap.abs() - correction).max(0.0) / root;
    let z = match alternative {
        Alternative::TwoSided => size,
        Alternative::Greater => (gap - correction) / root,
        Alternative::Less => (gap + correction) / root,
    };
    (size * size, arms::p_value(z, alternative))
}
