//! The stable version's latest values.

use serde::{Deserialize, Serialize};

/// Values kept. 16 kB of memory; 20 of them lie above the 0.99 quantile.
const KEPT: usize = 2_048;

/// The stable version's latest values, and when to look at their quantiles again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Recent {
    values: Vec<f64>,
    oldest: usize,
    unseen: usize,
}

impl Recent {
    pub(super) fn add(&mut self, values: &[f64]) {
        // Of more than fit, only the last are kept.
        let values = &values[values.len().saturating_sub(KEPT)..];
        for value in values {
            if self.values.len() < KEPT {
                self.values.push(*value);
            } else if let Some(slot) = self.values.get_mut(self.oldest % KEPT) {
                *slot = *value;
                self.oldest = (self.oldest + 1) % KEPT;
            }
        }
        self.unseen = self.unseen.saturating_add(values.len());
    }

    /// The values in order, if a quarter of them are new since the last time.
    pub(super) fn look(&mut self) -> Option<Vec<f64>> {
        if self.unseen == 0 || self.unseen * 4 < self.values.len() {
            return None;
        }
        self.unseen = 0;
        let mut sorted = self.values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        Some(sorted)
    }
}

/// The value below which the share `quantile` of values in order lies.
pub(super) fn at(sorted: &[f64], quantile: f64) -> Option<f64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
    let place = (sorted.len() as f64 * quantile) as usize;
    sorted.get(place).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_are_kept() {
        let mut recent = Recent::default();
        assert!(recent.look().is_none());
        recent.add(&[5.0; 100]);
        assert_eq!(recent.look().unwrap().len(), 100);
        recent.add(&[6.0; 10]);
        assert!(recent.look().is_none(), "too few are new");
        recent.add(&vec![7.0; 3_000]);
        assert_eq!(recent.look().unwrap(), vec![7.0; KEPT]);
        recent.add(&[8.0; KEPT / 2]);
        assert_eq!(recent.look().unwrap()[KEPT / 2 - 1..=KEPT / 2], [7.0, 8.0]);
    }
}
