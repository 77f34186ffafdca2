//! Boschloo's exact test.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a table sums to at most MOST")]

use std::f64::consts::FRAC_PI_2;

use serde::{Deserialize, Serialize};

use crate::{
    Alternative, StatisticsError,
    distribution::{binomial, hypergeometric},
};

/// What a table of [`boschloo_exact`] may sum to: the test takes some total^1.5 steps.
const MOST: u64 = 10_000;
/// Fisher's p-values that differ by no more than this, relatively, are the same: they differ by rounding alone.
const SAME: f64 = 1e-12;
/// Hills whose tops seem to be this close to the highest are looked at more closely.
const CLOSE_TO_HIGHEST: f64 = 0.999;
/// Steps of the golden section: they shrink a cell of the grid to 1e-5 of it, within which the maximum is flat.
const REFINEMENTS: u32 = 24;

/// What [`boschloo_exact`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoschlooExact {
    /// Fisher's one-sided p-value; with a two-sided alternative, that of the side with the smaller `p_value`.
    pub statistic: f64,
    /// The probability of a statistic this small, at the common rate that makes it greatest.
    pub p_value: f64,
    /// Whether a column sums to 0, which tells nothing of a difference: `statistic` and `p_value` are 1.
    pub empty_column: bool,
}

/// Boschloo's exact test of whether the two columns of a 2×2 table, two binomial samples of fixed size, have the same
/// rate in the first row; [`failure_table`](super::failure_table) makes such a table of two counts.
///
/// Like [`fisher_exact`](super::fisher_exact) it never rejects too often, and it is more powerful.
/// [`Alternative::Greater`] is a higher rate in the first column. The two-sided p-value is twice the smaller one-sided.
///
/// ```
/// use serinus_stats::{Alternative, proportions::boschloo_exact};
///
/// let test = boschloo_exact([[74, 31], [43, 32]], Alternative::Greater)?;
/// assert!((test.statistic - 0.0483).abs() < 1e-4 && (test.p_value - 0.0355).abs() < 1e-4);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If the table sums to more than 10,000; with that many trials [`two_proportion_z`](super::two_proportion_z) and
/// [`fisher_exact`](super::fisher_exact) will do.
///
/// # Source
///
/// R. D. Boschloo, "Raised conditional level of significance for the 2×2-table when testing the equality of two
/// probabilities", Statistica Neerlandica 24 (1970), <https://doi.org/10.1111/j.1467-9574.1970.tb00104.x>.
pub fn boschloo_exact(table: [[u64; 2]; 2], alternative: Alternative) -> Result<BoschlooExact, StatisticsError> {
    let sum: u128 = table.iter().flatten().map(|&cell| u128::from(cell)).sum();
    if sum > u128::from(MOST) {
        let expected = "a table that sums to at most 10000";
        return Err(StatisticsError { argument: "table", expected, got: sum as f64 });
    }
    let [[a, b], [c, d]] = table;
    if a + c == 0 || b + d == 0 {
        return Ok(BoschlooExact { statistic: 1.0, p_value: 1.0, empty_column: true });
    }
    // The first column is greater where the second one is less.
    let less = || one_sided([a, c], [b, d]);
    let greater = || one_sided([b, d], [a, c]);
    let (statistic, p_value) = match alternative {
        Alternative::Less => less(),
        Alternative::Greater => greater(),
        Alternative::TwoSided => {
            let (less, greater) = (less(), greater());
            let smaller = if less.1 < greater.1 { less } else { greater };
            (smaller.0, (2.0 * smaller.1).min(1.0))
        }
    };
    Ok(BoschlooExact { statistic, p_value, empty_column: false })
}

/// Fisher's and Boschloo's p-values of a `first` sample that fails less often than the `second`; both are given as
/// failures and successes.
fn one_sided(first: [u64; 2], second: [u64; 2]) -> (f64, f64) {
    let (n, m) = (first[0] + first[1], second[0] + second[1]);
    let fisher = |k: u64, l: u64| hypergeometric::cdf(k, n, k + l, n + m - k - l);
    let statistic = fisher(first[0], second[0]);
    // Fisher's p-value rises with `k` and falls with `l`: for each `k`, the tables from some `l` on are as extreme.
    let mut least = Vec::with_capacity(n as usize + 1);
    let mut l = 0;
    for k in 0..=n {
        while l <= m && fisher(k, l) > statistic * (1.0 + SAME) {
            l += 1;
        }
        if l > m {
            break;
        }
        least.push(l as usize);
    }
    (statistic, greatest(&Region { n, m, least }).min(1.0))
}

/// Tables as extreme as one: those with `k` failures of the first sample's `n` and `least[k]` or more of the second's `m`.
struct Region {
    n: u64,
    m: u64,
    least: Vec<usize>,
}

impl Region {
    /// Its probability at a common rate of sin²(`angle`).
    fn probability(&self, angle: f64) -> f64 {
        let rate = angle.sin().powi(2);
        let first = masses(self.n, rate);
        let mut tail = masses(self.m, rate);
        for l in (0..tail.len() - 1).rev() {
            tail[l] += tail[l + 1];
        }
        self.least.iter().zip(&first).map(|(&l, mass)| mass * tail[l]).sum()
    }
}

/// The greatest probability of a region over all rates. A cell of the grid is a fifth of the spread of the samples, which
/// smooth the probability, so that no hill falls between its points, and parabolas through them tell how high it is.
fn greatest(region: &Region) -> f64 {
    let total = (region.n + region.m) as f64;
    let cells = (16.0 * total.sqrt()).ceil().max(200.0);
    let width = FRAC_PI_2 / cells;
    let grid: Vec<f64> = (0..=cells as u32).map(|i| region.probability(f64::from(i) * width)).collect();
    let top = |hill: &[f64]| {
        let bend = 2.0 * hill[1] - hill[0] - hill[2];
        if bend > 0.0 { hill[1] + (hill[2] - hill[0]).powi(2) / (8.0 * bend) } else { hill[1] }
    };
    let is_hill = |hill: &[f64]| hill[1] >= hill[0] && hill[1] >= hill[2];
    let highest = grid.windows(3).filter(|hill| is_hill(hill)).map(top).fold(0.0, f64::max);
    let mut best = grid.iter().copied().fold(0.0, f64::max);
    for (i, hill) in grid.windows(3).enumerate() {
        if is_hill(hill) && top(hill) >= CLOSE_TO_HIGHEST * highest {
            best = best.max(peak(region, i as f64 * width, (i + 2) as f64 * width));
        }
    }
    best
}

/// The greatest probability between two angles, by golden section.
fn peak(region: &Region, mut low: f64, mut high: f64) -> f64 {
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut left, mut right) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_left, mut at_right) = (region.probability(left), region.probability(right));
    for _ in 0..REFINEMENTS {
        if at_left > at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - golden * (high - low);
            at_left = region.probability(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + golden * (high - low);
            at_right = region.probability(right);
        }
    }
    at_left.max(at_right)
}

/// P(X = k) for all k, from the likeliest outwards.
fn masses(n: u64, rate: f64) -> Vec<f64> {
    let mode = (((n + 1) as f64 * rate) as u64).min(n);
    let mut masses = vec![0.0; n as usize + 1];
    let most = binomial::pmf(mode, n, rate);
    masses[mode as usize] = most;
    let odds = rate / (1.0 - rate);
    let mut mass = most;
    for k in mode + 1..=n {
        mass *= (n - k + 1) as f64 * odds / k as f64;
        if mass < f64::MIN_POSITIVE {
            break;
        }
        masses[k as usize] = mass;
    }
    let odds = (1.0 - rate) / rate;
    mass = most;
    for k in (0..mode).rev() {
        mass *= (k + 1) as f64 * odds / (n - k) as f64;
        if mass < f64::MIN_POSITIVE {
            break;
        }
        masses[k as usize] = mass;
    }
    masses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masses_are_those_of_the_binomial() {
        for (n, rate) in [(1, 0.0), (7, 0.0), (7, 1.0), (40, 0.3), (3_000, 1e-4), (3_000, 0.97)] {
            for (k, &mass) in masses(n, rate).iter().enumerate() {
                let expected = binomial::pmf(k as u64, n, rate);
                assert!(
                    (mass - expected).abs() <= 1e-11 * expected + f64::MIN_POSITIVE,
                    "{k} of {n} at {rate}: {mass:e} {expected:e}"
                );
            }
        }
    }

    #[test]
    fn no_rate_makes_it_greater() {
        for (first, second) in [([3, 17], [9, 11]), ([0, 40], [3, 200]), ([30, 30], [31, 29]), ([1, 90], [1, 9])] {
            let (n, m) = (first[0] + first[1], second[0] + second[1]);
            let (statistic, p_value) = one_sided(first, second);
            let fisher = |k: u64, l: u64| hypergeometric::cdf(k, n, k + l, n + m - k - l);
            let extreme = |k: u64| (0..=m).filter(move |&l| fisher(k, l) <= statistic * (1.0 + SAME));
            let tables: Vec<_> = (0..=n).flat_map(|k| extreme(k).map(move |l| (k, l))).collect();
            let mut most = 0.0_f64;
            for step in 0..=20_000 {
                let rate = f64::from(step) / 20_000.0;
                let (first, second) = (masses(n, rate), masses(m, rate));
                most = most.max(tables.iter().map(|&(k, l)| first[k as usize] * second[l as usize]).sum());
            }
            assert!(p_value >= most * (1.0 - 1e-12) && p_value < most * (1.0 + 1e-5), "{p_value} {most}");
        }
    }
}
