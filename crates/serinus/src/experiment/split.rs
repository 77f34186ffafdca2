//! Users and arms: points of a circle, cut by shares.

use serde::{Deserialize, Serialize};

use crate::route::sticky_point;

/// Points that a user can stand on.
pub(super) const POINTS: u64 = 1 << 32;

/// So many of all points, rounded down: shares that sum to 1 fit.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 2^32")]
pub(super) fn points(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * POINTS as f64) as u64
}

/// The shares of arms, which sum to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Split(Vec<f64>);

impl Split {
    /// Weights of any sum, scaled; `None` unless all are finite and above 0 and their sum is finite.
    pub(super) fn new(weights: &[f64]) -> Option<Self> {
        let sum: f64 = weights.iter().sum();
        let sound = sum.is_finite() && weights.iter().all(|weight| *weight > 0.0);
        sound.then(|| Self(weights.iter().map(|weight| weight / sum).collect()))
    }

    pub(super) fn shares(&self) -> &[f64] {
        &self.0
    }

    pub(super) fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(super) fn greatest(&self) -> f64 {
        self.0.iter().copied().fold(0.0, f64::max)
    }

    /// The place of the arm that a user is in under this salt.
    pub(super) fn arm(&self, salt: &str, key: &str) -> usize {
        let point = u64::from(sticky_point(salt, key));
        let mut end = 0.0;
        for (place, share) in self.0.iter().enumerate() {
            end += share;
            if point < points(end) {
                return place;
            }
        }
        // Rounding may leave the last points to nobody.
        self.0.len().saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_that_sum_to_one_fit() {
        for parts in 1..200u32 {
            let each = points(1.0 / f64::from(parts));
            assert!(each * u64::from(parts) <= POINTS && each * u64::from(parts) > POINTS - 400);
        }
        assert_eq!((points(0.0), points(1.0), points(2.0)), (0, POINTS, POINTS));
    }

    #[test]
    fn arms_get_their_shares() {
        let split = Split::new(&[8.0, 1.0, 1.0]).unwrap();
        let mut counts = [0u32; 3];
        for user in 0..50_000 {
            counts[split.arm("salt", &format!("user-{user}"))] += 1;
        }
        for (count, share) in counts.into_iter().zip(split.shares()) {
            let error = (50_000.0 * share * (1.0 - share)).sqrt();
            assert!((f64::from(count) - 50_000.0 * share).abs() < 4.0 * error, "{counts:?}");
        }
        for bad in [&[1.0, 0.0][..], &[1.0, -1.0], &[1.0, f64::NAN], &[1.0, f64::INFINITY], &[f64::MAX, f64::MAX]] {
            assert_eq!(Split::new(bad), None);
        }
    }
}
