//! The k-th smallest of many pairs' differences or means, without making them all.

/// Pairs of values in which every row is in ascending order of a value that can be worked out.
pub(super) trait Pairs {
    /// How many pairs have at most this value.
    fn at_most(&self, value: f64) -> u64;

    /// The least and the greatest value.
    fn range(&self) -> (f64, f64);
}

/// The value of the given rank, from 1 on.
pub(super) fn nth_smallest(pairs: &impl Pairs, rank: u64) -> f64 {
    let (least, greatest) = pairs.range();
    // Integers in the order of the numbers, halved until one is left.
    let (mut low, mut high) = (key(least), key(greatest));
    while low < high {
        let middle = low + (high - low) / 2;
        if pairs.at_most(number(middle)) >= rank { high = middle } else { low = middle + 1 }
    }
    number(low)
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

    fn range(&self) -> (f64, f64) {
        (ends(&self.b).0 - ends(&self.a).1, ends(&self.b).1 - ends(&self.a).0)
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

    fn range(&self) -> (f64, f64) {
        ends(&self.0)
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
        prop::collection::vec(prop_oneof![-3.0..3.0f64, (-3i32..3).prop_map(f64::from), Just(1e300)], 1..20)
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
