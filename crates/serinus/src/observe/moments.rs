//! Mean and variance of a stream of numbers.

use serde::{Deserialize, Serialize};

/// Count, mean and variance of a stream of numbers, in constant memory and without cancellation (Welford's update,
/// *Technometrics* 4, 1962; merged as in Chan et al., *The American Statistician* 37, 1983).
///
/// ```
/// use serinus::observe::Moments;
///
/// let mut lengths = Moments::default();
/// for tokens in [180.0, 220.0] {
///     lengths.record(tokens);
/// }
/// assert_eq!(lengths.mean(), Some(200.0));
/// assert_eq!(lengths.variance(), Some(800.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    count: u64,
    mean: f64,
    /// Sum of squared distances from the mean.
    m2: f64,
}

impl Moments {
    /// Adds a number. One that is not finite is ignored.
    pub fn record(&mut self, value: f64) {
        if value.is_finite() {
            self.count = self.count.saturating_add(1);
            let before = value - self.mean;
            self.mean += before / self.count as f64;
            self.m2 += before * (value - self.mean);
        }
    }

    /// Adds another stream's numbers, as if they had been recorded here.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (own, theirs) = (self.count as f64, other.count as f64);
        let distance = other.mean - self.mean;
        self.count = self.count.saturating_add(other.count);
        self.mean += distance * (theirs / (own + theirs));
        self.m2 += other.m2 + distance * distance * (own * theirs / (own + theirs));
    }

    /// How many numbers were recorded.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; `None` of none.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Their sample variance (divided by n − 1); `None` of fewer than two.
    pub fn variance(&self) -> Option<f64> {
        (self.count > 1).then(|| self.m2 / (self.count - 1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        for &value in values {
            moments.record(value);
        }
        moments
    }

    fn close(a: Option<f64>, b: Option<f64>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs())),
            (a, b) => a == b,
        }
    }

    #[test]
    fn numbers_that_are_not_finite_are_ignored() {
        assert_eq!(of(&[f64::NAN, f64::INFINITY]), Moments::default());
        assert_eq!(Moments::default().mean(), None);
        assert_eq!(of(&[3.0]).variance(), None);
    }

    #[test]
    fn small_spread_on_a_large_mean_survives() {
        let shifted = of(&[1e9, 1e9 + 1.0, 1e9 + 2.0]);
        assert_eq!(shifted.variance(), Some(1.0));
    }

    proptest! {
        #[test]
        fn merging_equals_recording_everything(
            left in prop::collection::vec(-1e3..1e3f64, 0..40),
            right in prop::collection::vec(-1e3..1e3f64, 0..40),
        ) {
            let mut merged = of(&left);
            merged.merge(&of(&right));
            let whole = of(&[left, right].concat());
            prop_assert_eq!(merged.count(), whole.count());
            prop_assert!(close(merged.mean(), whole.mean()));
            prop_assert!(close(merged.variance(), whole.variance()));
        }
    }
}
