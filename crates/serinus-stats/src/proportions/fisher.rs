//! Fisher's exact test.

use serde::{Deserialize, Serialize};

use crate::{Alternative, StatisticsError, distribution::hypergeometric, sequential::Count};

/// What a table of [`fisher_exact`] may sum to: the test takes some √total steps.
const MOST: u64 = 1_000_000_000_000;
/// Tables whose probabilities differ by no more than this, relatively, are equally likely: they differ by rounding alone.
const SAME: f64 = 1e-12;

/// What [`fisher_exact`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FisherExact {
    /// The sample odds ratio ad/(bc) of the table [[a, b], [c, d]], in [0, ∞]: infinite if b or c is 0. 1 if
    /// `empty_margin`.
    pub statistic: f64,
    /// The probability, given rows and columns that sum to the same, of a table at least as extreme.
    pub p_value: f64,
    /// Whether a row or a column sums to 0, which tells nothing of the odds ratio: `p_value` is 1.
    pub empty_margin: bool,
}

/// Two counts as the table [[failures of `a`, failures of `b`], [successes of `a`, successes of `b`]]. With
/// [`Alternative::Greater`], [`fisher_exact`] and [`boschloo_exact`](super::boschloo_exact) then test whether `a` fails
/// more often than `b`.
pub fn failure_table(a: Count, b: Count) -> [[u64; 2]; 2] {
    [[a.failures(), b.failures()], [a.trials() - a.failures(), b.trials() - b.failures()]]
}

/// Fisher's exact test of whether the rows and the columns of a 2×2 table are independent (the odds ratio is 1).
///
/// The two-sided p-value is the probability of all tables no likelier than this one. The test never rejects too often,
/// and rather too seldom: [`boschloo_exact`](super::boschloo_exact) rejects more often and is exact too.
/// [`Alternative::Greater`] is an odds ratio above 1.
///
/// ```
/// use serinus_stats::{Alternative, proportions::fisher_exact};
///
/// let test = fisher_exact([[8, 2], [1, 5]], Alternative::TwoSided)?;
/// assert_eq!(test.statistic, 20.0);
/// assert!((test.p_value - 0.034_965).abs() < 1e-6);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If the table sums to more than 10¹².
///
/// # Source
///
/// R. A. Fisher, "The logic of inductive inference", Journal of the Royal Statistical Society 98 (1935),
/// <https://doi.org/10.2307/2342435>.
pub fn fisher_exact(table: [[u64; 2]; 2], alternative: Alternative) -> Result<FisherExact, StatisticsError> {
    let [[a, b], [c, d]] = table;
    let sum: u128 = table.iter().flatten().map(|&cell| u128::from(cell)).sum();
    if sum > u128::from(MOST) {
        let expected = "a table that sums to at most 1000000000000";
        return Err(StatisticsError { argument: "table", expected, got: sum as f64 });
    }
    let (drawn, marked, plain) = (a + c, a + b, c + d);
    if drawn == 0 || b + d == 0 || marked == 0 || plain == 0 {
        return Ok(FisherExact { statistic: 1.0, p_value: 1.0, empty_margin: true });
    }
    let p_value = match alternative {
        Alternative::TwoSided => two_sided(a, drawn, marked, plain),
        Alternative::Greater => hypergeometric::at_least(a, drawn, marked, plain),
        Alternative::Less => hypergeometric::cdf(a, drawn, marked, plain),
    };
    let cross = |x: u64, y: u64| x as f64 * y as f64;
    Ok(FisherExact { statistic: cross(a, d) / cross(b, c), p_value, empty_margin: false })
}

/// The probability of all numbers no likelier than `k`.
fn two_sided(k: u64, drawn: u64, marked: u64, plain: u64) -> f64 {
    let mode = hypergeometric::mode(drawn, marked, plain);
    let most = hypergeometric::pmf(k, drawn, marked, plain) * (1.0 + SAME);
    let as_extreme = |i: u64| hypergeometric::pmf(i, drawn, marked, plain) <= most;
    if as_extreme(mode) {
        return 1.0;
    }
    if k < mode {
        let top = drawn.min(marked);
        let (mut inside, mut outside) = (mode, top + 1);
        while outside - inside > 1 {
            let middle = u64::midpoint(inside, outside);
            if as_extreme(middle) { outside = middle } else { inside = middle }
        }
        let near = hypergeometric::cdf(k, drawn, marked, plain);
        let far = if outside > top { 0.0 } else { hypergeometric::at_least(outside, drawn, marked, plain) };
        (near + far).min(1.0)
    } else {
        // The same from the other side: the unmarked ones are few where the marked ones are many.
        two_sided(drawn - k, drawn, plain, marked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equally_likely_tables_on_both_sides_count() {
        for (n, x) in [(50, 18), (5_000, 700), (500_000, 8_000), (50_000_000_000, 2_000_000)] {
            let p = |alternative| fisher_exact([[n - x, n], [n, n - x]], alternative).unwrap().p_value;
            let ratio = p(Alternative::TwoSided) / p(Alternative::Less);
            assert!((ratio - 2.0).abs() < 1e-12, "{n} {x}: {ratio}");
        }
    }
}
