//! The limit that a promoted version is held against, once nothing runs beside it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Values that an estimate of the old version rests on: enough for a sharp bound, few enough to be its last.
const VALUES: f64 = 5_000.0;
/// Blocks are kept in pieces of at least this many values, which bounds their number.
const PIECE: f64 = VALUES / 20.0;
/// A limit this close to 1 limits nothing.
const GREATEST: f64 = 0.95;

/// The old version's latest values in [0, 1]: in pieces, how many there are and their sum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Recent {
    pieces: VecDeque<(f64, f64)>,
    values: f64,
}

/// The old version's latest values of each stratum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RecentStrata(Vec<(u8, Recent)>);

impl RecentStrata {
    pub(super) fn add(&mut self, stratum: u8, values: (f64, f64)) {
        let place = self.0.iter().position(|(label, _)| *label == stratum).unwrap_or_else(|| {
            self.0.push((stratum, Recent::default()));
            self.0.len() - 1
        });
        self.0[place].1.add(values);
    }

    /// Fixes the limits that do not stand yet, given how a limit follows from the latest values and its error. All errors
    /// together are at most `error`.
    pub(super) fn fix(&self, limits: &mut Limits, error: f64, limit: impl Fn(&Recent, f64) -> f64) {
        let error = error / self.0.len().max(1) as f64;
        for (stratum, recent) in &self.0 {
            if limits.of(*stratum).is_none()
                && let Some(limit) = useful(limit(recent, error))
            {
                limits.0.push((*stratum, limit));
            }
        }
    }
}

/// What a promoted version is held against, by stratum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Limits(Vec<(u8, f64)>);

impl Limits {
    pub(super) fn of(&self, stratum: u8) -> Option<f64> {
        self.0.iter().find(|(label, _)| *label == stratum).map(|(_, limit)| *limit)
    }

    /// The limit, where there is one for all requests.
    pub(super) fn only(&self) -> Option<f64> {
        match self.0[..] {
            [(_, limit)] => Some(limit),
            _ => None,
        }
    }
}

impl Recent {
    fn add(&mut self, (n, sum): (f64, f64)) {
        if n <= 0.0 {
            return;
        }
        match self.pieces.back_mut() {
            Some(last) if last.0 < PIECE => *last = (last.0 + n, last.1 + sum),
            _ => self.pieces.push_back((n, sum)),
        }
        self.values += n;
        while let Some(oldest) = self.pieces.front().filter(|oldest| self.values - oldest.0 >= VALUES) {
            self.values -= oldest.0;
            self.pieces.pop_front();
        }
    }

    /// The highest mean that the latest values leave plausible: the true one is above it with probability at most `error`.
    pub(super) fn highest(&self, error: f64) -> f64 {
        let (n, sum) = self.pieces.iter().fold((0.0, 0.0), |(n, sum), piece| (n + piece.0, sum + piece.1));
        upper_bound(sum, n, error)
    }

    /// The lowest mean that they leave plausible.
    pub(super) fn lowest(&self, error: f64) -> f64 {
        let (n, sum) = self.pieces.iter().fold((0.0, 0.0), |(n, sum), piece| (n + piece.0, sum + piece.1));
        1.0 - upper_bound(n - sum, n, error)
    }
}

/// A limit, unless it limits nothing.
///
/// A limit set from an estimate itself would roll back a version identical to the old one whenever the estimate came out
/// low; limits are therefore set from bounds, which also gives an old version without failures a limit above zero.
fn useful(limit: f64) -> Option<f64> {
    (limit > 0.0 && limit < GREATEST).then_some(limit)
}

/// The mean of values in [0, 1] that exceeds the true one with probability at least 1 − `error`: the largest u with
/// n KL(mean ‖ u) ≤ ln(1/error) (Chernoff's bound; Hoeffding, *JASA* 58, 1963, theorem 1).
pub(super) fn upper_bound(sum: f64, n: f64, error: f64) -> f64 {
    if n <= 0.0 {
        return 1.0;
    }
    let mean = (sum / n).clamp(0.0, 1.0);
    let most = -error.ln() / n;
    let (mut low, mut high) = (mean, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if divergence(mean, middle) <= most { low = middle } else { high = middle }
    }
    high
}

/// The Kullback–Leibler divergence between Bernoulli distributions.
fn divergence(p: f64, q: f64) -> f64 {
    let term = |p: f64, q: f64| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
    term(p, q) + term(1.0 - p, 1.0 - q)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn a_mean_seldom_exceeds_its_bound() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for rate in [0.002, 0.03, 0.4] {
            let exceeded = (0..2_000).filter(|_| {
                let failures = (0..300).filter(|_| rng.random_bool(rate)).count();
                upper_bound(failures as f64, 300.0, 0.05) < rate
            });
            // A binomial with p = 0.05 stays below 140 of 2,000 but for one in 30,000.
            assert!(exceeded.count() < 140, "{rate}");
        }
    }

    #[test]
    fn bounds_have_their_known_values() {
        assert_eq!(upper_bound(0.0, 0.0, 0.01), 1.0);
        assert_eq!(upper_bound(7.0, 7.0, 0.01), 1.0);
        let none_of_thousand = upper_bound(0.0, 1_000.0, 0.01);
        assert!((none_of_thousand - (1.0 - 0.01_f64.powf(1e-3))).abs() < 1e-9);
        let mut all = Recent::default();
        all.add((1_000.0, 1_000.0));
        assert!((all.lowest(0.01) - 0.01_f64.powf(1e-3)).abs() < 1e-9);
        assert_eq!([0.0, 0.3, 0.99, f64::NAN].map(useful), [None, Some(0.3), None, None]);
    }

    #[test]
    fn only_the_latest_values_count() {
        let mut recent = Recent::default();
        for _ in 0..1_000 {
            recent.add((10.0, 10.0));
        }
        for _ in 0..1_000 {
            recent.add((10.0, 0.0));
        }
        assert!((VALUES..VALUES + 2.0 * PIECE).contains(&recent.values));
        assert!(recent.pieces.len() <= 22);
        assert!(recent.highest(1e-3) < 0.002);
        assert_eq!(Recent::default().highest(1e-3), 1.0);
    }
}
