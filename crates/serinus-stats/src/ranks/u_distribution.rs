//! The distribution of Mann and Whitney's U among samples that are alike, exactly.

use super::ordering::Group;
use crate::distribution::hypergeometric;

/// Additions that the recursion may take: some tenths of a second.
const MOST_STEPS: f64 = 3e8;
/// Counts of arrangements are kept exactly below this.
const MOST_ARRANGEMENTS: f64 = 1e38;
/// Counts kept at a time.
const MOST_COUNTS: u64 = 4_000_000;

/// P(U ≤ u) of samples of `n` and `m` values without ties, for u = 0, 1, … up to the middle of its range; `None` if that
/// takes too long.
pub(super) fn lower_half(n: u64, m: u64) -> Option<Vec<f64>> {
    let (few, many) = (n.min(m), n.max(m));
    let middle = few.checked_mul(many)? / 2;
    let arrangements = (1..=few.min(200)).map(|i| (many + i) as f64 / i as f64).product::<f64>();
    if few <= 200 && arrangements < MOST_ARRANGEMENTS && middle < MOST_COUNTS {
        Some(by_counts(few, many, index(middle)?, arrangements))
    } else if few as f64 * many as f64 * middle as f64 <= MOST_STEPS {
        Some(by_chances(index(few)?, index(many)?, index(middle)?))
    } else {
        None
    }
}

fn index(n: u64) -> Option<usize> {
    usize::try_from(n).ok()
}

/// The arrangements with U = u are the coefficients of Π (1 − q^(many + i)) / (1 − q^i), i = 1 … `few`. Whole numbers, so
/// nothing is lost in the subtractions, whatever wraps around on the way.
fn by_counts(few: u64, many: u64, middle: usize, arrangements: f64) -> Vec<f64> {
    let mut counts = vec![0u128; middle + 1];
    counts[0] = 1;
    for i in 1..=few {
        let (Some(up), Some(down)) = (index(many + i), index(i)) else { break };
        for u in (up..=middle).rev() {
            counts[u] = counts[u].wrapping_sub(counts[u - up]);
        }
        for u in down..=middle {
            counts[u] = counts[u].wrapping_add(counts[u - down]);
        }
    }
    let mut sum = 0u128;
    let running = counts.iter().map(|count| {
        sum = sum.wrapping_add(*count);
        sum as f64 / arrangements
    });
    running.collect()
}

/// Of i and j values the greatest belongs to the first sample with probability i/(i + j), and then beats all j others.
fn by_chances(few: usize, many: usize, middle: usize) -> Vec<f64> {
    let mut rows = vec![vec![0.0; middle + 1]; few + 1];
    for row in &mut rows {
        row[0] = 1.0;
    }
    for i in 1..=many {
        for j in 1..=few {
            let (first, second) = (i as f64 / (i + j) as f64, j as f64 / (i + j) as f64);
            let (before, rest) = rows.split_at_mut(j);
            let (fewer, row) = (&before[j - 1], &mut rest[0]);
            for u in (0..=middle).rev() {
                let beating = if u >= j { first * row[u - j] } else { 0.0 };
                row[u] = beating + second * fewer[u];
            }
        }
    }
    let mut sum = 0.0;
    let running = rows[few].iter().map(|chance| {
        sum += chance;
        sum
    });
    running.collect()
}

/// P(U ≤ u) and P(U ≥ u) for `twice_u` = 2u, among all ways to deal the values of these groups to the samples; `None` if that
/// takes too long.
pub(super) fn tied_tails(groups: &[Group], twice_u: u128) -> Option<(f64, f64)> {
    let (n, m) = groups.iter().fold((0, 0), |(n, m), group| (n + group.a, m + group.b));

    let width = n.checked_mul(m)?.checked_mul(2)?.checked_add(1)?;
    if (n + m) as f64 * n as f64 * width as f64 > MOST_STEPS {
        return None;
    }
    let (n_index, width_index, twice_u) = (index(n)?, index(width)?, usize::try_from(twice_u).ok()?);
    // For each number of the first sample's values dealt so far, the chance of each 2U.
    let mut chances = vec![vec![0.0; width_index]; n_index + 1];
    chances[0][0] = 1.0;
    let mut seen = 0u64;
    for group in groups {
        let size = group.a + group.b;
        let mut next = vec![vec![0.0; width_index]; n_index + 1];
        for dealt in seen.saturating_sub(m)..=n.min(seen) {
            let row = &chances[index(dealt)?];
            for more in 0..=size.min(n - dealt) {
                let chance = hypergeometric::pmf(more, size, n - dealt, m - (seen - dealt));
                // Each beats the second sample's values below and ties with those of the group.
                let beaten = index(more * (2 * (seen - dealt) + size - more))?;
                if chance > 0.0 {
                    let into = &mut next[index(dealt + more)?];
                    for (sum, from) in into.iter_mut().skip(beaten).zip(row) {
                        *sum += chance * from;
                    }
                }
            }
        }
        chances = next;
        seen += size;
    }
    let row = &chances[n_index];
    let lower = row.iter().take(twice_u + 1).sum::<f64>();
    let upper = row.iter().skip(twice_u).rev().sum::<f64>();
    Some((lower.min(1.0), upper.min(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_chances_agree() {
        for (few, many) in [(1, 1), (3, 5), (8, 40), (20, 25)] {
            let middle = few * many / 2;
            let arrangements = (1..=few).map(|i| (many + i) as f64 / i as f64).product::<f64>();
            let counts = by_counts(few, many, index(middle).unwrap(), arrangements);
            let chances = by_chances(index(few).unwrap(), index(many).unwrap(), index(middle).unwrap());
            for (one, other) in counts.iter().zip(&chances) {
                assert!((one / other - 1.0).abs() < 1e-13, "{few} {many}: {one} {other}");
            }
        }
    }

    #[test]
    fn small_distributions() {
        // Of 2 and 2 values: 6 arrangements, U = 0, 1, 2, 2, 3, 4.
        let half = lower_half(2, 2).unwrap();
        for (got, expected) in half.iter().zip([1.0 / 6.0, 2.0 / 6.0, 4.0 / 6.0]) {
            assert!((got - expected).abs() < 1e-15);
        }
        assert_eq!(half.len(), 3);
        assert!(lower_half(100, 100).is_some() && lower_half(8, 100_000).is_some());
        assert!(lower_half(10_000, 10_000).is_none() && lower_half(u64::MAX, 2).is_none());
    }

    #[test]
    fn without_ties_both_agree() {
        let singles: Vec<Group> = (0..9).map(|i| Group { a: u64::from(i < 4), b: u64::from(i >= 4) }).collect();
        let half = lower_half(4, 5).unwrap();
        for (u, expected) in half.iter().enumerate() {
            let (lower, upper) = tied_tails(&singles, 2 * u as u128).unwrap();
            assert!((lower - expected).abs() < 1e-14);
            assert!((upper - (1.0 - if u > 0 { half[u - 1] } else { 0.0 })).abs() < 1e-14);
        }
    }

    #[test]
    fn all_tied_is_certain() {
        assert_eq!(tied_tails(&[Group { a: 3, b: 2 }], 6), Some((1.0, 1.0)));
        assert_eq!(tied_tails(&[Group { a: 3_000, b: 2_000 }], 6_000_000), None);
    }
}
