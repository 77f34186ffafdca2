//! Permutation tests.

use serde::{Deserialize, Serialize};

use super::draws::Draws;
use crate::{Alternative, StatisticsError, check};

/// Statistics this close, relatively, are the same but for rounding.
const ROUNDING: f64 = 1e-14;

/// What [`permutation_test`] is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PermutationOptions {
    /// What the test looks for; `Greater`: a great statistic. Default: [`Alternative::TwoSided`].
    pub alternative: Alternative,
    /// Random deals, from 1 to 10,000,000. If there are no more ways to deal the values than this, each of them is taken once. Default:
    /// 9,999.
    pub resamples: u32,
    /// The generator's seed. Default: 1.
    pub seed: u64,
}

impl Default for PermutationOptions {
    fn default() -> Self {
        Self { alternative: Alternative::default(), resamples: 9_999, seed: 1 }
    }
}

/// What [`permutation_test`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PermutationTest {
    /// The statistic of the samples as they are.
    pub statistic: f64,
    /// The share of deals with a statistic at least as extreme, the samples as they are among them: never 0. Two-sided, twice the
    /// smaller tail.
    pub p_value: f64,
    /// Whether every way to deal the values was taken, so that `p_value` is exact.
    pub exact: bool,
    /// Deals that were taken.
    pub deals: u32,
}

/// A permutation test of whether two samples are of one distribution, by any statistic: if they are, each way to deal all values to
/// the two is as likely (E. J. G. Pitman, Supplement to the Journal of the Royal Statistical Society 4, 1937,
/// [doi:10.2307/2984124]). With random deals the samples as they are count as one of them, which keeps the level (B. Phipson and
/// G. K. Smyth, Statistical Applications in Genetics and Molecular Biology 9, 2010, [doi:10.2202/1544-6115.1585]).
///
/// ```
/// use serinus_stats::resampling::{PermutationOptions, mean_difference, permutation_test};
///
/// let (a, b) = ([12.0, 15.0, 11.0, 18.0], [21.0, 25.0, 19.0, 30.0]);
/// let test = permutation_test(&a, &b, mean_difference, PermutationOptions::default())?;
/// assert!(test.exact && test.deals == 70);
/// assert!((test.p_value - 2.0 / 70.0).abs() < 1e-12);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If a sample is empty or has a value that is not finite, resamples are out of range, or the statistic is not finite for some deal.
///
/// [doi:10.2307/2984124]: https://doi.org/10.2307/2984124
/// [doi:10.2202/1544-6115.1585]: https://doi.org/10.2202/1544-6115.1585
pub fn permutation_test(
    a: &[f64],
    b: &[f64],
    statistic: impl Fn(&[f64], &[f64]) -> f64,
    options: PermutationOptions,
) -> Result<PermutationTest, StatisticsError> {
    check::sample("a", a, 1)?;
    check::sample("b", b, 1)?;
    super::check_resamples(options.resamples)?;
    let mut tails = Tails::around(finite(statistic(a, b))?);
    let mut pool = [a, b].concat();
    let exact = ways(pool.len(), a.len(), options.resamples);
    if let Some(deals) = exact {
        let mut chosen: Vec<usize> = (0..a.len()).collect();
        let (mut first, mut second) = (Vec::with_capacity(a.len()), Vec::with_capacity(b.len()));
        loop {
            deal(&pool, &chosen, &mut first, &mut second);
            tails.add(finite(statistic(&first, &second))?);
            if !next_choice(&mut chosen, pool.len()) {
                break;
            }
        }
        return Ok(tails.test(options.alternative, true, deals));
    }
    let mut draws = Draws::new(options.seed);
    tails.add(tails.observed);
    for _ in 0..options.resamples {
        for place in 0..a.len() {
            let other = place + draws.below(pool.len() - place);
            pool.swap(place, other);
        }
        let (first, second) = pool.split_at(a.len());
        tails.add(finite(statistic(first, second))?);
    }
    Ok(tails.test(options.alternative, false, options.resamples))
}

/// The mean of `a` less that of `b`.
pub fn mean_difference(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    mean(a) - mean(b)
}

fn finite(got: f64) -> Result<f64, StatisticsError> {
    if got.is_finite() {
        return Ok(got);
    }
    Err(StatisticsError { argument: "statistic", expected: "finite for every deal", got })
}

/// The ways to choose `chosen` of `all`, if they are at most `most`.
fn ways(all: usize, chosen: usize, most: u32) -> Option<u32> {
    let mut ways = 1u64;
    for i in 0..chosen.min(all - chosen) as u64 {
        ways = ways * (all as u64 - i) / (i + 1);
        if ways > u64::from(most) {
            return None;
        }
    }
    u32::try_from(ways).ok()
}

fn deal(pool: &[f64], chosen: &[usize], first: &mut Vec<f64>, second: &mut Vec<f64>) {
    first.clear();
    second.clear();
    let mut next = chosen.iter().peekable();
    for (i, value) in pool.iter().enumerate() {
        if next.next_if(|place| **place == i).is_some() { first.push(*value) } else { second.push(*value) }
    }
}

/// The next choice of places below `all` in lexicographic order; false after the last.
fn next_choice(chosen: &mut [usize], all: usize) -> bool {
    let many = chosen.len();
    let Some(grows) = (0..many).rev().find(|i| chosen[*i] < all - many + i) else { return false };
    chosen[grows] += 1;
    for i in grows + 1..many {
        chosen[i] = chosen[i - 1] + 1;
    }
    true
}

/// Deals with a statistic at least, and at most, that observed.
struct Tails {
    observed: f64,
    slack: f64,
    at_least: u32,
    at_most: u32,
    all: u32,
}

impl Tails {
    fn around(observed: f64) -> Self {
        Self { observed, slack: ROUNDING * observed.abs(), at_least: 0, at_most: 0, all: 0 }
    }

    fn add(&mut self, statistic: f64) {
        self.at_least += u32::from(statistic >= self.observed - self.slack);
        self.at_most += u32::from(statistic <= self.observed + self.slack);
        self.all = self.all.saturating_add(1);
    }

    fn test(&self, alternative: Alternative, exact: bool, deals: u32) -> PermutationTest {
        let share = |count: u32| f64::from(count) / f64::from(self.all);
        let p_value = match alternative {
            Alternative::TwoSided => (2.0 * share(self.at_least.min(self.at_most))).min(1.0),
            Alternative::Greater => share(self.at_least),
            Alternative::Less => share(self.at_most),
        };
        PermutationTest { statistic: self.observed, p_value, exact, deals }
    }
}
