//! Two samples in one order, by a distribution sort.
//!
//! Values become integers in the same order, which are dealt into so many buckets that most hold a value or two; what is left
//! to sort is next to nothing. A bucket's place comes from a count of values in 4,096 cells of equal width, so that buckets
//! are narrow where values are dense. Samples too large for the cache are dealt twice: first into coarse buckets that fit it.

use crate::{StatisticsError, check};

const CELL_BITS: u32 = 12;
const CELLS: usize = 1 << CELL_BITS;
/// Cells are sorted together until they have so many values.
const PIECE: usize = 1_024;
/// A bucket with more values than this is sorted by comparisons: they are all but equal.
const FEW: u32 = 24;
/// The least key of a number with a positive sign.
const POSITIVE: u64 = 1 << 63;

/// A group of equal values: how many of the first sample and of the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) a: u64,
    pub(super) b: u64,
}

/// Calls `visit` for each group of equal values, from the least to the greatest.
///
/// # Errors
///
/// Unless both samples have at least `least` values, all of them finite.
pub(super) fn visit_groups(
    a: &[f64],
    b: &[f64],
    least: usize,
    visit: &mut impl FnMut(Group),
) -> Result<(), StatisticsError> {
    let (mut below, mut above) = (Range::EMPTY, Range::EMPTY);
    a.iter().chain(b).for_each(|x| {
        // Masks, for a branch on the sign would be guessed wrong half of the time.
        let key = key(*x);
        let negative = if_negative(key);
        below.add(key | !negative, key & negative);
        above.add(key | negative, key & !negative);
    });
    if a.len() < least || b.len() < least || below.low < key(f64::MIN) || above.high > key(f64::MAX) {
        check::sample("a", a, least)?;
        check::sample("b", b, least)?;
    }
    let places = u32::try_from(a.len() + b.len());
    let (Some(marks), Ok(_)) = (Marks::new(below, above), places) else {
        visit_sorted_pairs(a, b, visit);
        return Ok(());
    };
    let mut scan = Scan { shift: marks.shift, group: Group::default(), last: 0, visit };
    let keys = Keys { a, b, marks };
    keys.sort(&mut |sorted| scan.add(sorted));
    scan.finish();
    Ok(())
}

/// An integer in the order of the numbers; −0 is 0.
fn key(x: f64) -> u64 {
    let bits = (x + 0.0).to_bits();
    let negative = bits >> 63;
    bits ^ (negative.wrapping_neg() | POSITIVE)
}

/// All bits for the key of a negative number, none for another's.
fn if_negative(key: u64) -> u64 {
    (key >> 63).wrapping_sub(1)
}

#[derive(Clone, Copy)]
struct Range {
    low: u64,
    high: u64,
}

impl Range {
    const EMPTY: Self = Self { low: u64::MAX, high: 0 };

    fn add(&mut self, low: u64, high: u64) {
        self.low = self.low.min(low);
        self.high = self.high.max(high);
    }

    const fn is_empty(self) -> bool {
        self.low > self.high
    }
}

/// For more values than 32 bits count, and for values of both signs from the whole range of exponents, which leave no bit free.
fn visit_sorted_pairs(a: &[f64], b: &[f64], visit: &mut impl FnMut(Group)) {
    let marked = |values: &[f64], second: bool| values.iter().map(|x| (key(*x), second)).collect::<Vec<_>>();
    let mut pairs = [marked(a, false), marked(b, true)].concat();
    pairs.sort_unstable();
    for group in pairs.chunk_by(|one, other| one.0 == other.0) {
        let b = group.iter().filter(|(_, second)| *second).count() as u64;
        visit(Group { a: group.len() as u64 - b, b });
    }
}

/// How keys are made to start at 0 and end, shifted up as far as they go, with a mark for the sample in the lowest used bit. The
/// integers between the greatest negative and the least positive number are taken out to make room for it.
#[derive(Clone, Copy)]
struct Marks {
    from_negative: u64,
    from_positive: u64,
    shift: u32,
}

impl Marks {
    /// `None` if there is no bit free.
    fn new(below: Range, above: Range) -> Option<Self> {
        let (from_negative, negatives) =
            if below.is_empty() { (0, 0) } else { (below.low, below.high - below.low + 1) };
        let from_positive = above.low.checked_sub(negatives);
        let span = if above.is_empty() { negatives } else { above.high - from_positive? };
        // Without numbers of one sign nothing is subtracted from them.
        let from_positive = from_positive.filter(|_| !above.is_empty()).unwrap_or(0);
        (span < POSITIVE).then(|| Self { from_negative, from_positive, shift: (2 * span + 1).leading_zeros() })
    }

    fn mark(self, x: f64, second: u64) -> u64 {
        let key = key(x);
        let negative = if_negative(key);
        let from_zero = key.wrapping_sub(self.from_negative & negative | self.from_positive & !negative);
        (from_zero << 1 | second) << self.shift
    }
}

/// Both samples as marked keys, which are made whenever they are asked for: to keep them would take more memory, and time, than
/// to make them again.
struct Keys<'a> {
    a: &'a [f64],
    b: &'a [f64],
    marks: Marks,
}

/// Gathers marked keys in order into groups.
struct Scan<'a, F> {
    shift: u32,
    group: Group,
    last: u64,
    visit: &'a mut F,
}

impl<F: FnMut(Group)> Scan<'_, F> {
    fn add(&mut self, sorted: &[u64]) {
        for marked in sorted {
            let key = marked >> self.shift;
            let second = key & 1;
            if key ^ self.last > 1 {
                self.finish();
                self.group = Group::default();
                self.last = key;
            }
            self.group.a += 1 - second;
            self.group.b += second;
        }
    }

    fn finish(&mut self) {
        if self.group != Group::default() {
            (self.visit)(self.group);
        }
    }
}

/// Where keys go: for each cell its first bucket and how many buckets it has, as many as values.
struct Deal {
    cells: Vec<(u32, u32)>,
}

impl Deal {
    fn new(keys: &Keys<'_>) -> Self {
        let mut cells = vec![(0u32, 0u32); CELLS];
        keys.each(|key| cells[cell(key)].1 += 1);
        let mut buckets = 0;
        for (first, count) in &mut cells {
            *first = buckets;
            buckets += *count;
        }
        Self { cells }
    }

    fn bucket(&self, key: u64) -> usize {
        let (first, count) = self.cells[cell(key)];
        let within = (key << CELL_BITS) >> 32;
        first as usize + ((within * u64::from(count)) >> 32) as usize
    }
}

fn cell(key: u64) -> usize {
    (key >> (64 - CELL_BITS)) as usize
}

impl Keys<'_> {
    fn each(&self, mut visit: impl FnMut(u64)) {
        self.a.iter().for_each(|x| visit(self.marks.mark(*x, 0)));
        self.b.iter().for_each(|x| visit(self.marks.mark(*x, 1)));
    }

    /// Sorts the keys, and hands them on in order, in pieces.
    fn sort(&self, next: &mut impl FnMut(&[u64])) {
        let deal = Deal::new(self);
        let mut places: Vec<u32> = deal.cells.iter().map(|(first, _)| *first).collect();
        let mut dealt = vec![0; self.a.len() + self.b.len()];
        self.each(|key| {
            let place = &mut places[cell(key)];
            dealt[*place as usize] = key;
            *place += 1;
        });
        let (mut sorted, mut counts, mut begin) = (Vec::new(), Vec::new(), 0);
        for (first, count) in &deal.cells {
            let end = (first + count) as usize;
            if end - begin >= PIECE || end == dealt.len() {
                sorted.resize(end - begin, 0);
                fine(&dealt[begin..end], &mut sorted, &mut counts, |key| deal.bucket(key) - begin);
                next(&sorted);
                begin = end;
            }
            if end == dealt.len() {
                break;
            }
        }
    }
}

/// Sorts keys into `sorted`, by counting buckets and then within them.
fn fine(keys: &[u64], sorted: &mut [u64], counts: &mut Vec<u32>, bucket: impl Fn(u64) -> usize) {
    counts.clear();
    counts.resize(keys.len(), 0);
    for key in keys {
        counts[bucket(*key)] += 1;
    }
    let (mut end, mut most) = (0, 0);
    for count in counts.iter_mut() {
        most = most.max(*count);
        end += *count;
        *count = end;
    }
    for key in keys {
        let place = &mut counts[bucket(*key)];
        *place -= 1;
        sorted[*place as usize] = *key;
    }
    if most > FEW {
        // Counts are the buckets' beginnings now.
        let ends = counts.iter().skip(1).copied().chain([end]);
        for (begin, end) in counts.iter().zip(ends).filter(|(begin, end)| end - *begin > FEW) {
            sorted[*begin as usize..end as usize].sort_unstable();
        }
    }
    insertion_sort(sorted);
}

fn insertion_sort(values: &mut [u64]) {
    for i in 1..values.len() {
        let value = values[i];
        let mut hole = i;
        while hole > 0 && values[hole - 1] > value {
            values[hole] = values[hole - 1];
            hole -= 1;
        }
        values[hole] = value;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn groups(a: &[f64], b: &[f64]) -> Vec<Group> {
        let mut groups = Vec::new();
        visit_groups(a, b, 0, &mut |group| groups.push(group)).unwrap();
        groups
    }

    fn by_comparison(a: &[f64], b: &[f64]) -> Vec<Group> {
        let mut all: Vec<(f64, bool)> = a.iter().map(|x| (*x, false)).chain(b.iter().map(|x| (*x, true))).collect();
        all.sort_by(|one, other| (one.0 + 0.0).total_cmp(&(other.0 + 0.0)));
        let group = |equal: &[(f64, bool)]| {
            let b = equal.iter().filter(|(_, second)| *second).count() as u64;
            Group { a: equal.len() as u64 - b, b }
        };
        all.chunk_by(|one, other| one.0 == other.0).map(group).collect()
    }

    fn any_finite() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<u64>().prop_map(|bits| Some(f64::from_bits(bits)).filter(|x| x.is_finite()).unwrap_or(0.0)),
            -5.0..5.0f64,
            (-4i32..4).prop_map(f64::from),
            Just(-0.0),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn the_order_is_that_of_a_sort(
            a in prop::collection::vec(any_finite(), 0..60),
            b in prop::collection::vec(any_finite(), 0..60),
        ) {
            prop_assert_eq!(groups(&a, &b), by_comparison(&a, &b));
        }

        #[test]
        fn of_large_samples_too(seed in any::<u64>(), n in 3_000..20_000usize, kind in 0..5u8) {
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let unit = (state >> 40) as f64 / f64::from(1 << 24);
                match kind {
                    0 => unit,
                    1 => unit - 0.5,
                    2 => (20.0 * unit).floor() - 10.0,
                    3 => (40.0 * (unit - 0.5)).exp(),
                    _ => 1e9 + unit,
                }
            };
            let a: Vec<f64> = (0..n).map(|_| next()).collect();
            let b: Vec<f64> = (0..n / 2).map(|_| next()).collect();
            prop_assert_eq!(groups(&a, &b), by_comparison(&a, &b));
        }
    }

    #[test]
    fn signs_and_extremes() {
        assert_eq!(groups(&[-0.0], &[0.0]), [Group { a: 1, b: 1 }]);
        assert_eq!(groups(&[f64::MIN, f64::MAX], &[-5e-324, 5e-324]).len(), 4);
        assert_eq!(groups(&[-2.0, -1.0], &[-1.0]), [Group { a: 1, b: 0 }, Group { a: 1, b: 1 }]);
        assert_eq!(groups(&vec![7.0; 5_000], &vec![7.0; 4_000]), [Group { a: 5_000, b: 4_000 }]);
        for bad in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(visit_groups(&[1.0, bad], &[1.0], 1, &mut |_| ()).is_err());
        }
        assert!(visit_groups(&[], &[1.0], 1, &mut |_| ()).is_err());
    }
}
