//! Count, mean and spread of values in [0, 1], or of counts of failures.

use serde::{Deserialize, Serialize};

use super::Count;

/// How many values, their mean, and the sum of their squared distances from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Spread {
    pub(super) n: f64,
    pub(super) mean: f64,
    squares: f64,
}

impl Spread {
    /// Of values and how often each occurred.
    pub(super) fn of(values: impl Iterator<Item = (f64, u64)> + Clone) -> Self {
        let (n, sum) =
            values.clone().fold((0.0, 0.0), |(n, sum), (x, count)| (n + count as f64, sum + x * count as f64));
        if n == 0.0 {
            return Self::default();
        }
        let mean = sum / n;
        Self { n, mean, squares: values.map(|(x, count)| count as f64 * (x - mean) * (x - mean)).sum() }
    }

    pub(super) fn of_count(count: Count) -> Self {
        let (n, mean) = (count.trials() as f64, count.rate().unwrap_or(0.0));
        Self { n, mean, squares: n * mean * (1.0 - mean) }
    }

    /// What would have been known without data: so many values of this mean and variance.
    pub(super) const fn guess(n: f64, mean: f64, variance: f64) -> Self {
        Self { n, mean, squares: n * variance }
    }

    pub(super) fn add(&mut self, value: f64) {
        self.merge(&Self { n: 1.0, mean: value, squares: 0.0 });
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let n = self.n + other.n;
        if n > 0.0 {
            let gap = other.mean - self.mean;
            self.squares += other.squares + gap * gap * self.n * other.n / n;
            self.mean += gap * other.n / n;
            self.n = n;
        }
    }

    /// Forgets in proportion, so that the past weighs no more than `most` values.
    pub(super) fn forget(&mut self, most: f64) {
        if self.n > most {
            self.squares *= most / self.n;
            self.n = most;
        }
    }

    /// The variance, 0 without values.
    pub(super) fn variance(&self) -> f64 {
        if self.n > 0.0 { self.squares / self.n } else { 0.0 }
    }

    /// The sum of squared distances from any centre.
    pub(super) fn squares_about(&self, centre: f64) -> f64 {
        let gap = self.mean - centre;
        self.squares + self.n * gap * gap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_whole() {
        let values = [0.1, 0.4, 0.35, 0.9, 0.0, 1.0];
        let of = |values: &[f64]| Spread::of(values.iter().map(|x| (*x, 1)));
        let whole = of(&values);
        assert_eq!(Spread::of([(0.4, 2), (0.1, 1)].into_iter()), of(&[0.4, 0.4, 0.1]));
        let (mut merged, mut added) = (of(&values[..2]), Spread::default());
        merged.merge(&of(&values[2..]));
        for x in values {
            added.add(x);
        }
        for other in [merged, added] {
            assert!((other.mean - whole.mean).abs() < 1e-15 && (other.variance() - whole.variance()).abs() < 1e-15);
        }
        let about: f64 = values.iter().map(|x| (x - 0.3) * (x - 0.3)).sum();
        assert!((whole.squares_about(0.3) - about).abs() < 1e-14);
        whole.clone_into(&mut merged);
        merged.forget(3.0);
        assert_eq!((merged.n, merged.mean), (3.0, whole.mean));
        assert!((merged.variance() - whole.variance()).abs() < 1e-15);
    }
}
