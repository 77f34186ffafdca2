//! Who asks.

use rand::{Rng, RngExt, SeedableRng};
use rand_distr::{Distribution, Gamma};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::traffic::Users;

/// The users of one run.
#[derive(Debug)]
pub(crate) enum Crowd {
    /// Each request comes from somebody new.
    Strangers { met: u64, name: String },
    /// Some come again and again.
    Regulars {
        names: Vec<String>,
        /// What each user's failures are multiplied by.
        fails_more: Vec<f64>,
        /// Walker's alias table: the chance to stay, and where to go otherwise.
        alias: Vec<(f64, usize)>,
    },
}

impl Crowd {
    pub(crate) fn new(users: &Users, seed: u64) -> Self {
        let Users::Regulars { users, exponent, variation, broken } = *users else {
            return Self::Strangers { met: 0, name: String::new() };
        };
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x005e_ed0f);
        let gamma = (variation > 0.0).then(|| Gamma::new(1.0 / (variation * variation), variation * variation));
        let fails_more = (0..users).map(|_| {
            if rng.random::<f64>() < broken {
                return f64::INFINITY;
            }
            gamma.and_then(Result::ok).map_or(1.0, |gamma| gamma.sample(&mut rng))
        });
        Self::Regulars {
            fails_more: fails_more.collect(),
            names: (0..users).map(|user| format!("user-{seed}-{user}")).collect(),
            alias: alias((1..=users).map(|rank| f64::from(rank).powf(-exponent)).collect()),
        }
    }

    /// Who asks next, and what his failures are multiplied by.
    pub(crate) fn next(&mut self, rng: &mut impl Rng) -> (&str, f64) {
        match self {
            Self::Strangers { met, name } => {
                use std::fmt::Write;
                *met += 1;
                name.clear();
                let _ = write!(name, "stranger-{met}");
                (name, 1.0)
            }
            Self::Regulars { names, fails_more, alias } => {
                let user = rng.random_range(0..alias.len());
                let (stay, other) = alias[user];
                let user = if rng.random::<f64>() < stay { user } else { other };
                (&names[user], fails_more[user])
            }
        }
    }
}

/// Walker's alias table (A. J. Walker, ACM TOMS 3, 1977) of these weights.
fn alias(mut weights: Vec<f64>) -> Vec<(f64, usize)> {
    let mean = weights.iter().sum::<f64>() / weights.len() as f64;
    for weight in &mut weights {
        *weight /= mean;
    }
    let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..weights.len()).partition(|&place| weights[place] < 1.0);
    let mut table: Vec<(f64, usize)> = (0..weights.len()).map(|place| (1.0, place)).collect();
    while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
        table[poor] = (weights[poor], rich);
        weights[rich] -= 1.0 - weights[poor];
        if weights[rich] < 1.0 {
            large.pop();
            small.push(rich);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activity_follows_zipfs_law() {
        let mut crowd = Crowd::new(&Users::zipf(1_000, 1.0), 1);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let n = 100_000;
        let first = (0..n).filter(|_| crowd.next(&mut rng).0 == "user-1-0").count();
        let harmonic: f64 = (1..=1_000).map(|rank| 1.0 / f64::from(rank)).sum();
        let expected = f64::from(n) / harmonic;
        // Five standard deviations.
        assert!((first as f64 - expected).abs() < 5.0 * expected.sqrt(), "{first} {expected}");
    }

    #[test]
    fn users_differ_as_they_are_told_to() {
        let users = Users::zipf(20_000, 1.0).failing_differently(1.0).with_broken(0.01);
        let Crowd::Regulars { fails_more, .. } = Crowd::new(&users, 3) else { panic!("they come again") };
        let whole: Vec<f64> = fails_more.into_iter().filter(|more| more.is_finite()).collect();
        let mean = whole.iter().sum::<f64>() / whole.len() as f64;
        let variance = whole.iter().map(|more| (more - mean).powi(2)).sum::<f64>() / whole.len() as f64;
        assert!((mean - 1.0).abs() < 0.05 && (variance - 1.0).abs() < 0.15, "{mean} {variance}");
        assert!((19_700..19_900).contains(&whole.len()), "{}", whole.len());
    }
}
