//! The distribution of latencies in bounded memory.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Buckets to an octave, a power of two so that a bucket is read off the float's own bits.
const OCTAVE: usize = 64;
/// Bits of an `f64` to the right of its exponent and of the six mantissa bits that choose the bucket in its octave.
const SHIFT: u32 = 52 - 6;
const SMALLEST: f64 = 1.0 / 1024.0;
const OCTAVES: usize = 40;
const BUCKETS: usize = OCTAVES * OCTAVE;

/// A log-linear histogram of values that are not negative: 64 buckets to each power of two, so that a bucket's half
/// width is at most 0.8% of its values.
///
/// It resolves values from 2⁻¹⁰ to 2³⁰, in milliseconds from a microsecond to twelve days; smaller and larger ones count
/// in the outermost buckets. Memory grows, octave by octave, over the range in use only: 512 bytes an octave, at most
/// 20 KiB. Recording takes a few nanoseconds and allocates only when the range in use grows.
///
/// ```
/// use serinus::observe::Histogram;
///
/// let mut latency_ms = Histogram::default();
/// for request in 1..=1_000 {
///     latency_ms.record(f64::from(request));
/// }
/// let p99 = latency_ms.quantile(0.99).unwrap();
/// assert!((p99 - 990.0).abs() < 0.016 * 990.0);
/// assert_eq!(latency_ms.quantile(1.0), Some(1_000.0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Sparse", into = "Sparse")]
pub struct Histogram {
    /// Octaves left out before the first one kept.
    skipped: usize,
    counts: Vec<u64>,
    count: u64,
    range: Option<(f64, f64)>,
}

impl Histogram {
    /// Adds a value. One that is negative or not finite is ignored.
    pub fn record(&mut self, value: f64) {
        if (0.0..=f64::MAX).contains(&value) {
            self.add(bucket_of(value), 1);
            self.widen(value, value);
        }
    }

    /// Adds another histogram's values.
    pub fn merge(&mut self, other: &Self) {
        let Some((least, greatest)) = other.range else { return };
        let octaves = other.counts.len() / OCTAVE;
        self.make_room(other.skipped);
        self.make_room(other.skipped + octaves.saturating_sub(1));
        let start = (other.skipped - self.skipped) * OCTAVE;
        for (count, theirs) in self.counts[start..].iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*theirs);
        }
        self.count = self.count.saturating_add(other.count);
        self.widen(least, greatest);
    }

    /// How many values were recorded.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The value that a fraction `q` of all values do not exceed, to within a bucket's width (1.6%); exact for the
    /// smallest (`q` = 0) and the largest (`q` = 1). `None` of no values or of a `q` outside [0, 1].
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let (least, greatest) = self.range?;
        if !(0.0..=1.0).contains(&q) {
            return None;
        }
        if q == 0.0 {
            return Some(least);
        }
        let rank = q * self.count as f64;
        let mut below = 0.0;
        for (bucket, count) in self.filled() {
            let count = count as f64;
            if below + count >= rank {
                let (low, high) = (lower_bound(bucket).max(least), lower_bound(bucket + 1).min(greatest));
                return Some((low + (high - low) * ((rank - below) / count)).clamp(least, greatest));
            }
            below += count;
        }
        Some(greatest)
    }

    /// Where each filled bucket begins, and how many values are in it.
    pub(crate) fn beginnings(&self) -> impl Iterator<Item = (f64, u64)> + Clone {
        self.filled().map(|(bucket, count)| (lower_bound(bucket), count))
    }

    /// How many values are in this bucket or above it.
    pub(crate) fn count_from(&self, bucket: usize) -> u64 {
        let start = self.skipped * OCTAVE;
        let above = self.counts.get(bucket.saturating_sub(start)..).unwrap_or_default();
        above.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The bucket that holds the value at a quantile in (0, 1).
    pub(crate) fn bucket_at(&self, quantile: f64) -> Option<usize> {
        let rank = quantile * self.count as f64;
        let mut through = 0.0;
        self.filled().find_map(|(bucket, count)| {
            through += count as f64;
            (through > rank).then_some(bucket)
        })
    }

    fn filled(&self) -> impl Iterator<Item = (usize, u64)> + Clone {
        let start = self.skipped * OCTAVE;
        self.counts.iter().enumerate().filter(|(_, count)| **count > 0).map(move |(i, count)| (start + i, *count))
    }

    fn add(&mut self, bucket: usize, count: u64) {
        self.make_room(bucket / OCTAVE);
        let place = &mut self.counts[bucket - self.skipped * OCTAVE];
        *place = place.saturating_add(count);
        self.count = self.count.saturating_add(count);
    }

    #[inline]
    fn make_room(&mut self, octave: usize) {
        if self.counts.is_empty() {
            self.skipped = octave;
        }
        if octave < self.skipped {
            let missing = (self.skipped - octave) * OCTAVE;
            self.counts.splice(..0, std::iter::repeat_n(0, missing));
            self.skipped = octave;
        }
        let octaves = octave - self.skipped + 1;
        if octaves * OCTAVE > self.counts.len() {
            self.counts.resize(octaves * OCTAVE, 0);
        }
    }

    fn widen(&mut self, least: f64, greatest: f64) {
        let (low, high) = self.range.unwrap_or((least, greatest));
        self.range = Some((low.min(least), high.max(greatest)));
    }
}

/// The bucket that holds a value.
pub(crate) fn bucket_of(value: f64) -> usize {
    let position = |value: f64| value.to_bits() >> SHIFT;
    let bucket = position(value).saturating_sub(position(SMALLEST));
    usize::try_from(bucket).map_or(BUCKETS - 1, |bucket| bucket.min(BUCKETS - 1))
}

/// Where a bucket begins; the outermost ones reach to zero and to infinity.
pub(crate) fn lower_bound(bucket: usize) -> f64 {
    match bucket {
        0 => 0.0,
        BUCKETS => f64::INFINITY,
        _ => f64::from_bits(((SMALLEST.to_bits() >> SHIFT) + bucket as u64) << SHIFT),
    }
}

/// The histogram as it is written down: filled buckets only.
#[derive(Serialize, Deserialize)]
struct Sparse {
    range: Option<(f64, f64)>,
    buckets: Vec<(usize, u64)>,
}

impl From<Histogram> for Sparse {
    fn from(histogram: Histogram) -> Self {
        Self { range: histogram.range, buckets: histogram.filled().collect() }
    }
}

impl TryFrom<Sparse> for Histogram {
    type Error = HistogramError;

    fn try_from(sparse: Sparse) -> Result<Self, HistogramError> {
        let mut histogram = Self::default();
        for &(bucket, count) in &sparse.buckets {
            if bucket >= BUCKETS {
                return Err(HistogramError::Bucket { bucket, buckets: BUCKETS });
            }
            if count > 0 {
                histogram.add(bucket, count);
            }
        }
        match sparse.range {
            None if histogram.count == 0 => Ok(histogram),
            Some((least, greatest))
                if histogram.count > 0 && 0.0 <= least && least <= greatest && greatest.is_finite() =>
            {
                histogram.range = Some((least, greatest));
                Ok(histogram)
            }
            range => Err(HistogramError::Range { range, count: histogram.count }),
        }
    }
}

/// Why stored data is not a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum HistogramError {
    /// A bucket that does not exist.
    #[error("bucket {bucket} of a histogram that has {buckets}")]
    Bucket {
        /// The bucket's number.
        bucket: usize,
        /// How many there are.
        buckets: usize,
    },
    /// The smallest and largest values do not go with the counts.
    #[error("expected the smallest and the largest of {count} values (none of no values), got {range:?}")]
    Range {
        /// The smallest and the largest value, as stored.
        range: Option<(f64, f64)>,
        /// How many values the buckets hold.
        count: u64,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> Histogram {
        let mut histogram = Histogram::default();
        for &value in values {
            histogram.record(value);
        }
        histogram
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(Histogram::default().quantile(0.5), None);
        assert_eq!(of(&[f64::NAN, -1.0, f64::INFINITY]), Histogram::default());
        assert_eq!(of(&[1.0]).quantile(f64::NAN), None);
        assert_eq!(of(&[1.0]).quantile(1.5), None);
    }

    #[test]
    fn values_outside_the_resolved_range_count_at_its_ends() {
        let histogram = of(&[0.0, 1e-300, f64::MIN_POSITIVE, f64::MAX, 1e12]);
        assert_eq!(histogram.count(), 5);
        assert_eq!(histogram.quantile(0.0), Some(0.0));
        assert_eq!(histogram.quantile(1.0), Some(f64::MAX));
        assert!(histogram.counts.len() <= BUCKETS);
    }

    #[test]
    fn memory_follows_the_range_in_use() {
        assert_eq!(of(&[100.0; 1_000]).counts.len(), OCTAVE);
        assert_eq!(of(&[5_000.0, 70.0, 100.0]).counts.len(), 7 * OCTAVE);
    }

    #[test]
    fn stored_data_that_is_no_histogram_is_refused() {
        let read = |json: &str| serde_json::from_str::<Histogram>(json).map_err(|error| error.to_string());
        let far = read(r#"{"range":[1.0,2.0],"buckets":[[99999999,1]]}"#);
        assert!(far.unwrap_err().contains("bucket 99999999 of a histogram that has 2560"));
        assert!(read(r#"{"range":null,"buckets":[[3,1]]}"#).is_err());
        assert!(read(r#"{"range":[2.0,1.0],"buckets":[[3,1]]}"#).is_err());
        let full = format!(r#"{{"range":[1.0,2.0],"buckets":[[3,{0}],[4,{0}]]}}"#, u64::MAX);
        assert_eq!(read(&full).unwrap().count(), u64::MAX, "counts do not overflow");
    }

    #[test]
    fn buckets_are_counted_from_their_beginnings() {
        let histogram = of(&[1.0, 2.0, 2.0, 100.0]);
        assert_eq!(histogram.beginnings().collect::<Vec<_>>(), [(1.0, 1), (2.0, 2), (100.0, 1)]);
        for (value, above) in [(0.0, 4), (1.0, 4), (1.5, 3), (2.0, 3), (99.0, 1), (1e9, 0)] {
            assert_eq!(histogram.count_from(bucket_of(value)), above, "{value}");
        }
        assert_eq!([0.1, 0.5, 0.8].map(|q| histogram.bucket_at(q).map(lower_bound)), [1.0, 2.0, 100.0].map(Some));
        assert_eq!(Histogram::default().bucket_at(0.5), None);
        assert_eq!(Histogram::default().count_from(0), 0);
    }

    proptest! {
        #[test]
        fn quantiles_are_those_of_the_sorted_values(
            mut values in prop::collection::vec((0.0..25.0f64).prop_map(|e| 0.002 * e.exp2()), 1..300),
            q in 0.0..=1.0f64,
        ) {
            let estimate = of(&values).quantile(q).unwrap();
            values.sort_by(f64::total_cmp);
            let n = values.len();
            let exact = (1..=n).find(|&k| k as f64 >= q * n as f64).map_or(values[n - 1], |k| values[k - 1]);
            prop_assert!((estimate - exact).abs() <= exact / 64.0 + 1e-12, "{estimate} for {exact}");
        }

        #[test]
        fn merging_and_storing_lose_nothing(
            left in prop::collection::vec((0..1u32 << 30).prop_map(|ms| f64::from(ms) / 8.0), 0..60),
            right in prop::collection::vec((0..9_999u32).prop_map(f64::from), 0..60),
        ) {
            let mut merged = of(&left);
            merged.merge(&of(&right));
            let whole = of(&[left, right].concat());
            prop_assert_eq!(&merged, &whole);
            let stored = serde_json::to_string(&whole).unwrap();
            prop_assert_eq!(serde_json::from_str::<Histogram>(&stored).unwrap(), whole);
        }
    }
}
