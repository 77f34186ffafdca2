//! The alternatives that a test of rates bets on, and how much on each.

use std::sync::LazyLock;

/// Distances from the boundary, on the logit scale.
const DISTANCES: usize = 24;
const NEAREST: f64 = 0.08;
const FARTHEST: f64 = 4.0;
const SCALE: f64 = 0.7;
/// The share of the safe side's bet on a canary that fails exactly as often as the stable version.
const ON_EQUALITY: f64 = 0.6;

/// What one bet is on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bet {
    /// A canary whose odds of failing are those of the boundary times (or, on the safe side, divided by) this factor.
    Odds(f64),
    /// A canary that fails as often as the stable version.
    Equality,
}

/// Bets with their prior weights, which sum to 1.
pub(super) type Bets = [(Bet, f64)];

/// Bets on distances η from the boundary, log-spaced, with weights in proportion to η² e^(−η/0.7).
pub(super) static DISTANT: LazyLock<Vec<(Bet, f64)>> = LazyLock::new(|| {
    let ratio = FARTHEST / NEAREST;
    let distances = (0..DISTANCES).map(|i| NEAREST * ratio.powf(i as f64 / (DISTANCES - 1) as f64));
    let weight = |eta: f64| eta * eta * (-eta / SCALE).exp();
    let sum: f64 = distances.clone().map(weight).sum();
    distances.map(|eta| (Bet::Odds(eta.exp()), weight(eta) / sum)).collect()
});

/// The same, and one on equality, which only a margin keeps away from the boundary.
pub(super) static DISTANT_OR_EQUAL: LazyLock<Vec<(Bet, f64)>> = LazyLock::new(|| {
    let distances = DISTANT.iter().map(|(bet, weight)| (*bet, weight * (1.0 - ON_EQUALITY)));
    distances.chain([(Bet::Equality, ON_EQUALITY)]).collect()
});

/// The rate whose odds are those of `rate` times `factor`.
pub(super) fn scaled_odds(rate: f64, factor: f64) -> f64 {
    let odds = rate / (1.0 - rate) * factor;
    odds / (1.0 + odds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one() {
        for bets in [&*DISTANT, &*DISTANT_OR_EQUAL] {
            let sum: f64 = bets.iter().map(|bet| bet.1).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        }
        assert!((scaled_odds(0.2, 1.0) - 0.2).abs() < 1e-15);
        assert!((scaled_odds(0.2, 4.0) - 0.5).abs() < 1e-15);
    }
}
