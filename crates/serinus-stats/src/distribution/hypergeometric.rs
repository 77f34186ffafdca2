//! The hypergeometric distribution.

use std::f64::consts::TAU;

use super::saddle_point::{deviance_apart, stirling_error};

/// P(X = k) of `drawn` from a population with `marked` and `plain` members, of at most 2^53 in all.
pub(crate) fn pmf(k: u64, drawn: u64, marked: u64, plain: u64) -> f64 {
    if k > drawn || k > marked || drawn - k > plain {
        return 0.0;
    }
    let total = marked + plain;
    let left = total - drawn;
    if drawn == 0 || left == 0 || marked == 0 || plain == 0 {
        return 1.0;
    }
    // The cells of the 2×2 table are all as far from what is expected of them.
    let (seen, due) = (u128::from(k) * u128::from(total), u128::from(drawn) * u128::from(marked));
    let gap = seen.abs_diff(due) as f64 / total as f64 * if seen < due { -1.0 } else { 1.0 };
    let log_of_margins = rest(drawn) + rest(left) + rest(marked) + rest(plain) - rest(total);
    let cells = [
        (k, drawn, marked, gap),
        (drawn - k, drawn, plain, -gap),
        (marked - k, left, marked, -gap),
        (plain - (drawn - k), left, plain, gap),
    ];
    let log_of_cells: f64 = cells
        .iter()
        .map(|&(cell, row, column, gap)| {
            let expected = row as f64 * column as f64 / total as f64;
            let deviance = if cell == 0 { expected } else { deviance_apart(cell as f64, expected, gap) };
            rest(cell) + deviance
        })
        .sum();
    (log_of_margins - log_of_cells).exp().min(1.0)
}

/// ln n! − n ln n + n.
fn rest(n: u64) -> f64 {
    let n = n as f64;
    if n == 0.0 { 0.0 } else { stirling_error(n) + 0.5 * (TAU * n).ln() }
}

/// P(X ≤ k).
pub(crate) fn cdf(k: u64, drawn: u64, marked: u64, plain: u64) -> f64 {
    if k >= drawn.min(marked) {
        1.0
    } else if k < mode(drawn, marked, plain) {
        lower_tail(k, drawn, marked, plain)
    } else {
        1.0 - upper_tail(k + 1, drawn, marked, plain)
    }
}

/// P(X ≥ k).
pub(crate) fn at_least(k: u64, drawn: u64, marked: u64, plain: u64) -> f64 {
    if k <= drawn.saturating_sub(plain) {
        1.0
    } else if k > mode(drawn, marked, plain) {
        upper_tail(k, drawn, marked, plain)
    } else {
        1.0 - lower_tail(k - 1, drawn, marked, plain)
    }
}

/// The likeliest number of marked ones.
pub(crate) fn mode(drawn: u64, marked: u64, plain: u64) -> u64 {
    let total = u128::from(marked) + u128::from(plain);
    u64::try_from((u128::from(drawn) + 1) * (u128::from(marked) + 1) / (total + 2)).unwrap_or(drawn)
}

/// P(X ≤ k) for k below the mode.
fn lower_tail(k: u64, drawn: u64, marked: u64, plain: u64) -> f64 {
    let mass = pmf(k, drawn, marked, plain);
    let (k, drawn, marked) = (k as f64, drawn as f64, marked as f64);
    let spare = plain as f64 - drawn;
    let ratio = |i: f64| (k - i) * (spare + k - i) / ((marked - k + i + 1.0) * (drawn - k + i + 1.0));
    mass * falling_sum(ratio)
}

/// P(X ≥ k) for k above the mode.
fn upper_tail(k: u64, drawn: u64, marked: u64, plain: u64) -> f64 {
    let mass = pmf(k, drawn, marked, plain);
    let (k, drawn, marked) = (k as f64, drawn as f64, marked as f64);
    let spare = plain as f64 - drawn;
    let ratio = |i: f64| (marked - k - i) * (drawn - k - i) / ((k + i + 1.0) * (spare + k + i + 1.0));
    mass * falling_sum(ratio)
}

/// 1 + r(0) + r(0) r(1) + …, where r falls from below 1 to 0.
fn falling_sum(ratio: impl Fn(f64) -> f64) -> f64 {
    let (mut sum, mut term, mut i) = (1.0, 1.0, 0.0);
    loop {
        let ratio = ratio(i);
        term *= ratio;
        sum += term;
        // All terms to come are less than those of the geometric series.
        if term * ratio <= sum * 1e-17 * (1.0 - ratio) {
            return sum;
        }
        i += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mass_sums_to_one() {
        let sum: f64 = (0..=30).map(|k| pmf(k, 30, 50, 80)).sum();
        assert!((sum - 1.0).abs() < 1e-13);
        assert!((pmf(1, 2, 2, 2) - 4.0 / 6.0).abs() < 1e-15);
        assert_eq!((pmf(3, 2, 5, 5), pmf(0, 9, 5, 5), pmf(0, 0, 5, 5)), (0.0, 0.0, 1.0));
    }

    #[test]
    fn tails_are_sums_of_the_mass() {
        for (drawn, marked, plain) in [(30, 50, 80), (100, 50, 80), (1, 1, 1), (5, 5, 0), (0, 4, 3), (20, 400, 3)] {
            for k in 0..=drawn {
                let below: f64 = (0..=k).map(|i| pmf(i, drawn, marked, plain)).sum();
                let above: f64 = (k..=drawn).map(|i| pmf(i, drawn, marked, plain)).sum();
                let close =
                    |got: f64, sum: f64| got == sum || (got / sum - 1.0).abs() < 1e-12 || (got < 1e-13 && sum == 0.0);
                assert!(close(cdf(k, drawn, marked, plain), below), "{k} of {drawn} {marked} {plain}");
                assert!(close(at_least(k, drawn, marked, plain), above), "{k} of {drawn} {marked} {plain}");
            }
        }
    }
}
