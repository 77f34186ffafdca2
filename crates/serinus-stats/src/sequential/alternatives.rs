//! The alternatives that a test bets on, and how much on each.

use std::sync::LazyLock;

/// Distances from the boundary, on the logit scale.
pub(super) const DISTANCES: usize = 24;
const NEAREST: f64 = 0.08;
const FARTHEST: f64 = 4.0;
const SCALE: f64 = 0.7;
/// The share of the safe side's bet on a canary that fails exactly as often as the stable version.
const ON_EQUALITY: f64 = 0.6;

/// Distances η, log-spaced, with prior weights in proportion to η² e^(−η/0.7).
static GRID: LazyLock<[(f64, f64); DISTANCES]> = LazyLock::new(|| {
    let steps = (DISTANCES - 1) as f64;
    let distances: [f64; DISTANCES] = std::array::from_fn(|i| NEAREST * (FARTHEST / NEAREST).powf(i as f64 / steps));
    let weight = |eta: f64| eta * eta * (-eta / SCALE).exp();
    let sum: f64 = distances.iter().map(|eta| weight(*eta)).sum();
    distances.map(|eta| (eta, weight(eta) / sum))
});

/// What one bet is on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bet {
    /// A canary that is this far beyond the boundary, on the logit scale.
    Distance(f64),
    /// A canary that fails as often as the stable version.
    Equality,
}

/// Bets on a canary worse than the margin, with weights that sum to 1.
pub(super) fn worse() -> impl Iterator<Item = (Bet, f64)> {
    GRID.iter().map(|(eta, weight)| (Bet::Distance(*eta), *weight))
}

/// Bets on a canary better than the margin, with weights that sum to 1.
pub(super) fn safe() -> impl Iterator<Item = (Bet, f64)> {
    let distances = GRID.iter().map(|(eta, weight)| (Bet::Distance(*eta), (1.0 - ON_EQUALITY) * weight));
    distances.chain([(Bet::Equality, ON_EQUALITY)])
}

/// The rate at `distance` from `rate` on the logit scale.
pub(super) fn shifted(rate: f64, distance: f64) -> f64 {
    let logit = (rate / (1.0 - rate)).ln() + distance;
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one() {
        for sum in [worse().map(|bet| bet.1).sum::<f64>(), safe().map(|bet| bet.1).sum()] {
            assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        }
        assert!((shifted(0.2, 0.0) - 0.2).abs() < 1e-15);
    }
}
