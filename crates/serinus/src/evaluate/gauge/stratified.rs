//! An estimate of the difference between two versions that drift and changing shares do not bend.

use serde::{Deserialize, Serialize};

use crate::observe::Count;
use serinus_stats::sequential::Margin;

/// Values of both versions averaged over blocks, each block with the weight `n_s n_c / (n_s + n_c)` for both
/// (Mantel & Haenszel, *Journal of the National Cancer Institute* 22, 1959). As both versions have the same weight in
/// each block, what drifts from block to block cancels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Stratified {
    weight: f64,
    stable: f64,
    canary: f64,
}

impl Stratified {
    pub(super) fn add(&mut self, stable: Count, canary: Count) {
        let number_and_sum = |count: Count| (count.trials() as f64, count.failures() as f64);
        self.add_sums(number_and_sum(stable), number_and_sum(canary));
    }

    /// Adds a block, given how many values each version has in it and their sum.
    pub(super) fn add_sums(&mut self, (n_s, stable): (f64, f64), (n_c, canary): (f64, f64)) {
        if n_s > 0.0 && n_c > 0.0 {
            let all = n_s + n_c;
            self.weight += n_s * (n_c / all);
            self.stable += stable * (n_c / all);
            self.canary += canary * (n_s / all);
        }
    }

    /// The canary's value over the stable version's, less one.
    pub(super) fn increase(&self) -> Option<f64> {
        (self.stable > 0.0).then(|| self.canary / self.stable - 1.0)
    }

    /// The canary's value less the stable version's.
    pub(super) fn difference(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| (self.canary - self.stable) / self.weight)
    }

    /// Whether the canary's value is estimated to lie inside the margin. Not without an estimate.
    pub(super) fn within(&self, margin: Margin) -> bool {
        let boundary = margin.ratio() * self.stable + margin.offset() * self.weight;
        self.weight > 0.0 && self.canary <= boundary + 1e-9 * self.weight
    }

    pub(super) fn is_empty(&self) -> bool {
        self.weight == 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(failures: u64, trials: u64) -> Count {
        Count::new(failures, trials).unwrap()
    }

    #[test]
    fn equal_rates_in_each_block_are_equal_however_shares_and_rates_move() {
        let mut estimate = Stratified::default();
        estimate.add(count(2, 100), count(1, 50));
        estimate.add(count(30, 100), count(270, 900));
        let increase = estimate.increase().unwrap();
        assert!(increase.abs() < 1e-12, "{increase}; the sums alone say 271/950 against 32/200");
    }

    #[test]
    fn an_estimate_lies_inside_a_margin_or_outside() {
        let (relative, absolute) = (Margin::new(1.5, 0.0).unwrap(), Margin::new(1.0, 0.005).unwrap());
        let mut estimate = Stratified::default();
        assert!(!estimate.within(relative) && estimate.is_empty(), "no estimate yet");
        estimate.add(count(1, 1_000), count(4, 1_000));
        assert!(!estimate.within(relative) && estimate.within(absolute));
        assert_eq!(estimate.increase().map(f64::round), Some(3.0));
    }

    #[test]
    fn a_baseline_of_zero_has_no_relative_increase() {
        let mut estimate = Stratified::default();
        estimate.add(count(0, 100), count(5, 60));
        assert_eq!(estimate.increase(), None);
        assert!(!estimate.within(Margin::new(1.5, 0.0).unwrap()));
    }
}
