//! The distribution of a sum of ranks, each of which is there or not with even chances.

/// Additions that may be made: some tenths of a second.
const MOST_STEPS: f64 = 3e8;

/// P(W ≤ w) for w = 0, 1, … up to the middle of the range.
pub(super) struct Lower {
    pub(super) at_most: Vec<f64>,
}

/// For ranks in ascending order; `None` if it takes too long.
pub(super) fn lower_half(ranks: impl Iterator<Item = u64> + Clone) -> Option<Lower> {
    let (count, sum) = ranks.clone().try_fold((0u64, 0u64), |(n, sum), rank| Some((n + 1, sum.checked_add(rank)?)))?;
    let middle = sum / 2;
    if count as f64 * middle as f64 > MOST_STEPS {
        return None;
    }
    let middle = usize::try_from(middle).ok()?;
    let mut chances = vec![0.0; middle + 1];
    chances[0] = 1.0;
    let mut reached = 0;
    for rank in ranks {
        let rank = usize::try_from(rank).ok()?;
        reached = middle.min(reached + rank);
        for w in (0..=reached).rev() {
            let with = if w >= rank { chances[w - rank] } else { 0.0 };
            chances[w] = 0.5 * (chances[w] + with);
        }
    }
    let mut sum = 0.0;
    for chance in &mut chances {
        sum += *chance;
        *chance = sum;
    }
    Some(Lower { at_most: chances })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_ranks() {
        let lower = lower_half(1..=3).unwrap();
        // Sums 0, 1, 2, 3, 3, 4, 5, 6.
        assert_eq!(lower.at_most, [1.0 / 8.0, 2.0 / 8.0, 3.0 / 8.0, 5.0 / 8.0]);
        assert!(lower_half(1..=10_000).is_none());
    }
}
