//! An estimate of the difference between two rates that drift and changing shares do not bend.

use crate::observe::Count;
use serinus_stats::sequential::Margin;

/// Failure rates of both versions averaged over blocks, each block with the weight `n_s n_c / (n_s + n_c)` for both
/// (Mantel & Haenszel, *Journal of the National Cancer Institute* 22, 1959). As both versions have the same weight in
/// each block, what drifts from block to block cancels.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stratified {
    weight: f64,
    stable: f64,
    canary: f64,
}

impl Stratified {
    pub(super) fn add(&mut self, stable: Count, canary: Count) {
        let all = stable.trials() as f64 + canary.trials() as f64;
        if stable.trials() > 0 && canary.trials() > 0 {
            self.weight += stable.trials() as f64 * (canary.trials() as f64 / all);
            self.stable += stable.failures() as f64 * (canary.trials() as f64 / all);
            self.canary += canary.failures() as f64 * (stable.trials() as f64 / all);
        }
    }

    /// The canary's rate over the stable version's, less one.
    pub(super) fn increase(&self) -> Option<f64> {
        (self.stable > 0.0).then(|| self.canary / self.stable - 1.0)
    }

    /// Whether the canary's rate is estimated to lie inside at least one of the margins. Not without an estimate.
    pub(super) fn within(&self, margins: &[Margin]) -> bool {
        let inside = |margin: &Margin| {
            self.canary <= margin.ratio() * self.stable + margin.offset() * self.weight + 1e-9 * self.weight
        };
        self.weight > 0.0 && margins.iter().any(inside)
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
    fn one_margin_of_several_suffices() {
        let (relative, absolute) = (Margin::new(1.5, 0.0).unwrap(), Margin::new(1.0, 0.005).unwrap());
        let mut estimate = Stratified::default();
        assert!(!estimate.within(&[relative, absolute]), "no estimate yet");
        estimate.add(count(1, 1_000), count(4, 1_000));
        assert!(!estimate.within(&[relative]));
        assert!(estimate.within(&[relative, absolute]));
        assert_eq!(estimate.increase().map(f64::round), Some(3.0));
    }

    #[test]
    fn a_baseline_of_zero_has_no_relative_increase() {
        let mut estimate = Stratified::default();
        estimate.add(count(0, 100), count(5, 60));
        assert_eq!(estimate.increase(), None);
        assert!(!estimate.within(&[Margin::new(1.5, 0.0).unwrap()]));
    }
}
