//! An estimate of the difference between two rates that drift and changing shares do not bend.

use super::stopgap::RateMargin;
use crate::observe::Count;

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
        let all = (stable.trials() + canary.trials()) as f64;
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
    pub(super) fn within(&self, margins: &[RateMargin]) -> bool {
        let inside = |margin: &RateMargin| {
            self.canary <= margin.ratio() * self.stable + margin.offset() * self.weight + 1e-9 * self.weight
        };
        self.weight > 0.0 && margins.iter().any(inside)
    }
}
