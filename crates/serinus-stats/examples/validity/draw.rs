//! Made-up scores and latencies.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Binomial, Distribution, LogNormal, StandardNormal};
use serinus_stats::sequential::Count;

/// So many trials at this rate.
pub(crate) fn count(rng: &mut ChaCha8Rng, trials: usize, rate: f64) -> Count {
    let failures = Binomial::new(trials as u64, rate).expect("a rate in [0, 1]").sample(rng);
    Count::new(failures, trials as u64).expect("no more failures than trials")
}

/// Where scores come from.
#[derive(Clone, Copy)]
pub(crate) enum Scores {
    /// Beta with this mean; at 0.85 the standard deviation is 0.11.
    Beta(f64),
    /// Five grades from 0 to 1 with binomial chances.
    Grades(f64),
    /// 0 or 1.
    Bimodal(f64),
}

impl Scores {
    pub(crate) const fn mean(self) -> f64 {
        match self {
            Self::Beta(mean) | Self::Grades(mean) | Self::Bimodal(mean) => mean,
        }
    }

    pub(crate) fn draw(self, rng: &mut ChaCha8Rng, n: usize) -> Vec<f64> {
        match self {
            Self::Beta(mean) => {
                let strength = 0.85 * 0.15 / (0.11 * 0.11) - 1.0;
                let beta = Beta::new(mean * strength, (1.0 - mean) * strength).expect("a mean inside (0, 1)");
                (0..n).map(|_| beta.sample(rng)).collect()
            }
            Self::Grades(mean) => {
                let grades = Binomial::new(4, mean).expect("a mean in [0, 1]");
                (0..n).map(|_| grades.sample(rng) as f64 / 4.0).collect()
            }
            Self::Bimodal(mean) => (0..n).map(|_| f64::from(u8::from(rng.random_bool(mean)))).collect(),
        }
    }
}

/// Where latencies come from: log-normal around 1 with this σ, all times `scale`, a share `tail` of them four times that.
#[derive(Clone, Copy)]
pub(crate) struct Latencies {
    pub sigma: f64,
    pub scale: f64,
    pub tail: f64,
}

impl Latencies {
    pub(crate) const fn normal(sigma: f64, scale: f64) -> Self {
        Self { sigma, scale, tail: 0.0 }
    }

    pub(crate) fn draw(self, rng: &mut ChaCha8Rng, n: usize) -> Vec<f64> {
        let normal = LogNormal::new(0.0, self.sigma).expect("σ is finite");
        let slow = |rng: &mut ChaCha8Rng| if self.tail > 0.0 && rng.random_bool(self.tail) { 4.0 } else { 1.0 };
        (0..n).map(|_| self.scale * normal.sample(rng) * slow(rng)).collect()
    }
}

/// Two scores of one prompt, normal with standard deviation 0.11 and this correlation, clipped to [0, 1].
pub(crate) fn pair(rng: &mut ChaCha8Rng, means: (f64, f64), correlation: f64) -> (f64, f64) {
    let normal = |rng: &mut ChaCha8Rng| -> f64 { StandardNormal.sample(rng) };
    let (common, own) = (normal(rng), normal(rng));
    let other = correlation * common + (1.0 - correlation * correlation).sqrt() * own;
    ((means.0 + 0.11 * common).clamp(0.0, 1.0), (means.1 + 0.11 * other).clamp(0.0, 1.0))
}
