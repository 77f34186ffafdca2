//! The limit that a promoted version is held against, once nothing runs beside it.

use std::collections::VecDeque;

use crate::observe::Count;
use serinus_stats::sequential::Margin;

/// Trials that an estimate of the old version's rate rests on: enough for a sharp bound, few enough to be its last.
const TRIALS: u64 = 5_000;
/// Blocks are kept in pieces of at least this many trials, which bounds their number.
const PIECE: u64 = TRIALS / 20;
/// A limit this close to 1 limits nothing.
const GREATEST: f64 = 0.95;

/// The old version's latest failures.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    pieces: VecDeque<Count>,
    trials: u64,
}

impl Recent {
    pub(super) fn add(&mut self, count: Count) {
        if count.trials() == 0 {
            return;
        }
        match self.pieces.back_mut() {
            Some(last) if last.trials() < PIECE => last.merge(count),
            _ => self.pieces.push_back(count),
        }
        self.trials = self.trials.saturating_add(count.trials());
        while let Some(oldest) =
            self.pieces.front().filter(|oldest| self.trials.saturating_sub(oldest.trials()) >= TRIALS)
        {
            self.trials = self.trials.saturating_sub(oldest.trials());
            self.pieces.pop_front();
        }
    }

    /// The rate that the margin allows, if the old version's rate is as high as its latest failures leave possible with
    /// probability `error`. `None` if they limit nothing.
    ///
    /// A limit set from the estimate itself would roll back a version identical to the old one whenever the estimate came
    /// out low. The bound also gives an old version without failures a limit above zero.
    pub(super) fn limit(&self, margin: Margin, error: f64) -> Option<f64> {
        let mut count = Count::default();
        for piece in &self.pieces {
            count.merge(*piece);
        }
        let limit = margin.ratio() * upper_bound(count, error) + margin.offset();
        (limit < GREATEST).then_some(limit)
    }
}

/// The rate that exceeds the true one with probability at least 1 − `error`: the largest u with
/// n KL(failures/n ‖ u) ≤ ln(1/error) (Chernoff's bound for the binomial; Hoeffding, *JASA* 58, 1963, theorem 1).
fn upper_bound(count: Count, error: f64) -> f64 {
    let trials = count.trials() as f64;
    if count.trials() == 0 {
        return 1.0;
    }
    let rate = count.failures() as f64 / trials;
    let most = -error.ln() / trials;
    let (mut low, mut high) = (rate, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if divergence(rate, middle) <= most { low = middle } else { high = middle }
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

    fn count(failures: u64, trials: u64) -> Count {
        Count::new(failures, trials).unwrap()
    }

    #[test]
    fn a_rate_seldom_exceeds_its_bound() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for rate in [0.002, 0.03, 0.4] {
            let exceeded = (0..2_000).filter(|_| {
                let failures = (0..300).filter(|_| rng.random_bool(rate)).count();
                upper_bound(count(failures as u64, 300), 0.05) < rate
            });
            // A binomial with p = 0.05 stays below 140 of 2,000 but for one in 30,000.
            assert!(exceeded.count() < 140, "{rate}");
        }
    }

    #[test]
    fn bounds_have_their_known_values() {
        assert_eq!(upper_bound(count(0, 0), 0.01), 1.0);
        assert_eq!(upper_bound(count(7, 7), 0.01), 1.0);
        let none_of_thousand = upper_bound(count(0, 1_000), 0.01);
        assert!((none_of_thousand - (1.0 - 0.01_f64.powf(1e-3))).abs() < 1e-9);
    }

    #[test]
    fn only_the_latest_trials_count() {
        let mut recent = Recent::default();
        for _ in 0..1_000 {
            recent.add(count(10, 10));
        }
        for _ in 0..1_000 {
            recent.add(count(0, 10));
        }
        assert!((TRIALS..TRIALS + 2 * PIECE).contains(&recent.trials));
        assert!(recent.pieces.len() <= 22);
        let margin = Margin::new(1.25, 0.0).unwrap();
        assert!(recent.limit(margin, 1e-3).unwrap() < 0.002);
        assert_eq!(Recent::default().limit(margin, 1e-3), None);
    }
}
