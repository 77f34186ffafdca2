//! The k-th smallest of many pairs' differences or means, without making them all.

/// Pairs of values in which every row is in ascending order of a value that can be worked out.
pub(super) trait Pairs {
    /// How many pairs have at most this value.
    fn at_most(&self, value: f64) -> u64;

    /// The values above one and up to another.
    fn between(&self, above: f64, up_to: f64) -> Vec<f64>;

    /// The least and the greatest value.
    fn range(&self) -> (f64, f64);

    /// As many values as may well be made at a time.
    fn few(&self) -> u64;
}

/// The value of the given rank, from 1 on.
///
/// Narrows down where it lies by interpolating between counts, and makes the values once they are few.
pub(super) fn nth_smallest(pairs: &impl Pairs, rank: u64) -> f64 {
    let (least, greatest) = pairs.range();
    let (mut low, mut high) = (least, greatest);
    let (mut below, mut up_to) = (pairs.at_most(least), pairs.at_most(greatest));
    if below >= rank {
        return least;
    }
    let mut interpolate = true;
    while up_to - below > pairs.few() {
        let share = (rank - below) as f64 / (up_to - below) as f64;
        let guess = low + (high - low) * share;
        // Where the counts rise unevenly, halving the numbers in between always gets on.
        let middle =
            if interpolate && guess > low && guess < high { guess } else { number(half_way(key(low), key(high))) };
        if middle <= low || middle >= high {
            return high;
        }
        let count = pairs.at_most(middle);
        let before = up_to - below;
        if count >= rank {
            (high, up_to) = (middle, count);
        } else {
            (low, below) = (middle, count);
        }
        interpolate = 2 * (up_to - below) < before;
    }
    let mut rest = pairs.between(low, high);
    let nth = usize::try_from(rank - below - 1).unwrap_or(usize::MAX).min(rest.len().saturating_sub(1));
    if rest.is_empty() { high } else { *rest.select_nth_unstable_by(nth, f64::total_cmp).1 }
}

/// The median of so many pairs.
pub(super) fn median(pairs: &impl Pairs, count: u64) -> f64 {
    let lower = nth_smallest(pairs, count.div_ceil(2));
    // Of an even number the upper middle one is often the same.
    if count % 2 == 1 || pairs.at_most(lower) > count / 2 {
        return lower;
    }
    f64::midpoint(lower, nth_smallest(pairs, count / 2 + 1))
}

const fn half_way(low: u64, high: u64) -> u64 {
    low + (high - low) / 2
}

const SIGN: u64 = 1 << 63;

fn key(x: f64) -> u64 {
    let bits = (x + 0.0).to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

fn number(key: u64) -> f64 {
    f64::from_bits(if key & SIGN == 0 { !key } else { key ^ SIGN })
}

/// All differences b − a.
pub(super) struct Differences {
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Differences {
    /// Of samples of finite values, neither of them empty.
    pub(super) fn new(a: &[f64], b: &[f64]) -> Self {
        Self { a: sorted(a), b: sorted(b) }
    }
}

impl Pairs for Differences {
    fn at_most(&self, value: f64) -> u64 {
        // As b grows, fewer of the small values of a are far enough below.
        let mut from = 0;
        let count = |b: &f64| {
            while self.a.get(from).is_some_and(|a| b - a > value) {
                from += 1;
            }
            (self.a.len() - from) as u64
        };
        self.b.iter().map(count).sum()
    }

    fn between(&self, above: f64, up_to: f64) -> Vec<f64> {
        let (mut from, mut end) = (0, 0);
        let mut values = Vec::new();
        for b in &self.b {
            while self.a.get(from).is_some_and(|a| b - a > up_to) {
                from += 1;
            }
            while self.a.get(end).is_some_and(|a| b - a > above) {
                end += 1;
            }
            values.extend(self.a[from..end].iter().map(|a| b - a));
        }
        values
    }

    fn range(&self) -> (f64, f64) {
        (ends(&self.b).0 - ends(&self.a).1, ends(&self.b).1 - ends(&self.a).0)
    }

    fn few(&self) -> u64 {
        4 * (self.a.len() + self.b.len()) as u64
    }
}

/// The means of all pairs of a sample's values, each with itself included: Walsh's averages.
pub(super) struct WalshAverages(Vec<f64>);

impl WalshAverages {
    /// Of a sample of finite values that is not empty.
    pub(super) fn new(values: &[f64]) -> Self {
        Self(sorted(values))
    }

    pub(super) fn len(&self) -> u64 {
        let n = self.0.len() as u64;
        n * (n + 1) / 2
    }
}

impl Pairs for WalshAverages {
    fn at_most(&self, value: f64) -> u64 {
        let (mut count, mut end) = (0, self.0.len());
        for (i, x) in self.0.iter().enumerate() {
            while end > 0 && f64::midpoint(*x, self.0[end - 1]) > value {
                end -= 1;
            }
            if end <= i {
                break;
            }
            count += (end - i) as u64;
        }
        count
    }

    fn between(&self, above: f64, up_to: f64) -> Vec<f64> {
        let (mut from, mut end) = (self.0.len(), self.0.len());
        let mut values = Vec::new();
        for (i, x) in self.0.iter().enumerate() {
            while end > 0 && f64::midpoint(*x, self.0[end - 1]) > up_to {
                end -= 1;
            }
            while from > 0 && f64::midpoint(*x, self.0[from - 1]) > above {
                from -= 1;
            }
            if end <= i {
                break;
            }
            values.extend(self.0[from.max(i)..end].iter().map(|y| f64::midpoint(*x, *y)));
        }
        values
    }

    fn range(&self) -> (f64, f64) {
        ends(&self.0)
    }

    fn few(&self) -> u64 {
        4 * self.0.len() as u64
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

fn ends(sorted: &[f64]) -> (f64, f64) {
    (sorted.first().copied().unwrap_or(0.0), sorted.last().copied().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> impl Strategy<Value = Vec<f64>> {
        let value = prop_oneof![6 => -3.0..3.0f64, 3 => (-3i32..3).prop_map(f64::from), 1 => Just(1e300)];
        prop::collection::vec(value, 1..40)
    }

    proptest! {
        #[test]
        fn every_rank_of_the_differences(a in sample(), b in sample()) {
            let mut all: Vec<f64> = b.iter().flat_map(|b| a.iter().map(move |a| b - a)).collect();
            all.sort_unstable_by(f64::total_cmp);
            let pairs = Differences::new(&a, &b);
            for (i, expected) in all.iter().enumerate() {
                prop_assert_eq!(nth_smallest(&pairs, i as u64 + 1), *expected);
            }
        }

        #[test]
        fn every_rank_of_walshs_averages(values in sample()) {
            let mean = |i: usize, j: usize| f64::midpoint(values[i], values[j]);
            let mut all: Vec<f64> =
                (0..values.len()).flat_map(|i| (i..values.len()).map(move |j| (i, j))).map(|(i, j)| mean(i, j)).collect();
            all.sort_unstable_by(f64::total_cmp);
            let pairs = WalshAverages::new(&values);
            prop_assert_eq!(pairs.len(), all.len() as u64);
            for (i, expected) in all.iter().enumerate() {
                prop_assert_eq!(nth_smallest(&pairs, i as u64 + 1), *expected);
            }
        }
    }

    #[test]
    fn keys_keep_the_order() {
        let numbers = [f64::NEG_INFINITY, -2.0, -5e-324, 0.0, 5e-324, 1.0, f64::INFINITY];
        assert!(numbers.windows(2).all(|pair| key(pair[0]) < key(pair[1])));
        assert!(numbers.iter().all(|x| number(key(*x)) == *x));
    }
}
