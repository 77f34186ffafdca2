//! The empirical-Bernstein confidence sequence behind every anytime-valid interval of this crate.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::spread::Spread;
use crate::{Interval, StatisticsError, check};

/// Exponents side by side.
const EXPONENTS: usize = 16;
const SMALLEST: f64 = 1e-3;
const LARGEST: f64 = 0.8;
/// Newton's steps to a bound: some ten are made.
const STEPS: u32 = 200;

static GRID: LazyLock<[f64; EXPONENTS]> =
    LazyLock::new(|| std::array::from_fn(|i| SMALLEST * (LARGEST / SMALLEST).powf(i as f64 / (EXPONENTS - 1) as f64)));

/// A sum of weighted values in [0, 1], what each was expected to be taken away, and how far it can stray.
///
/// For a value X in [0, 1] with mean μ, a guess m fixed before and an exponent λ in (0, 1),
/// exp(λ(X − μ) − ψ(λ)(X − m)²) with ψ(λ) = −ln(1 − λ) − λ is expected to be at most 1, and so is the same with the
/// sign of X − μ reversed (S. Howard, A. Ramdas, J. McAuliffe and J. Sekhon, "Time-uniform, nonparametric, nonasymptotic
/// confidence sequences", Annals of Statistics 49 (2021), theorem 4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Drift {
    /// The weighted sum.
    sum: f64,
    weight: f64,
    /// For each exponent the sum of ψ(λ·weight)·(X − m)².
    penalties: [f64; EXPONENTS],
}

impl Drift {
    pub(super) const fn new() -> Self {
        Self { sum: 0.0, weight: 0.0, penalties: [0.0; EXPONENTS] }
    }

    /// Adds `weight` · `mean` to the sum and as much to the weight.
    pub(super) fn shift(&mut self, mean: f64, weight: f64) {
        self.sum += weight * mean;
        self.weight += weight;
    }

    /// Accounts for the chance in values of weight `each` (at most 1) that were expected at `guess`.
    pub(super) fn penalise(&mut self, values: &Spread, guess: f64, each: f64) {
        let squares = values.squares_about(guess);
        for (penalty, exponent) in self.penalties.iter_mut().zip(GRID.iter()) {
            let lambda = exponent * each;
            *penalty += (-(-lambda).ln_1p() - lambda) * squares;
        }
    }

    /// Exponents of evidence from disjoint data add.
    pub(super) fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.weight += other.weight;
        for (mine, other) in self.penalties.iter_mut().zip(other.penalties) {
            *mine += other;
        }
    }

    /// The weighted mean so far.
    pub(super) fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }

    /// An interval for the weighted mean of the expectations, which lies in [`low`, `high`].
    pub(super) fn interval(&self, confidence: f64, low: f64, high: f64) -> Result<Interval, StatisticsError> {
        check::confidence(confidence)?;
        if self.weight <= 0.0 {
            return Ok(Interval { low, high });
        }
        let target = (2.0 / (1.0 - confidence)).ln();
        let bound = |end: f64, sign: f64| {
            if self.log_evidence(end, sign).0 < target {
                return end;
            }
            // Convex and falling towards the mean: Newton's steps from the end come closer and never past.
            let mut outside = end;
            for _ in 0..STEPS {
                let (evidence, slope) = self.log_evidence(outside, sign);
                let next = outside + sign * ((evidence - target) / slope).max(0.0);
                if !next.is_finite() || (next - outside).abs() <= 1e-12 {
                    break;
                }
                outside = next;
            }
            outside.clamp(low, high)
        };
        Ok(Interval { low: bound(low, 1.0), high: bound(high, -1.0) })
    }

    /// The evidence against the mean of expectations being at `candidate`, or on the far side of it, as a logarithm, and how fast
    /// it falls towards the mean.
    fn log_evidence(&self, candidate: f64, sign: f64) -> (f64, f64) {
        let distance = sign * (self.sum - self.weight * candidate);
        let mut logs = [0.0; EXPONENTS];
        for ((log, lambda), penalty) in logs.iter_mut().zip(GRID.iter()).zip(self.penalties) {
            *log = lambda * distance - penalty;
        }
        let greatest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut sum, mut slope) = (0.0, 0.0);
        for (log, lambda) in logs.iter().zip(GRID.iter()) {
            let share = (log - greatest).exp();
            sum += share;
            slope += share * lambda;
        }
        (greatest + sum.ln() - (EXPONENTS as f64).ln(), self.weight * slope / sum)
    }
}

/// Two versions' values in [0, 1] and an interval for the canary's mean less the stable one's, averaged over blocks with
/// the smaller of the two counts as weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Difference {
    drift: Drift,
    stable: Spread,
    canary: Spread,
}

impl Difference {
    pub(super) const fn new() -> Self {
        Self { drift: Drift::new(), stable: Spread::guess(1.0, 0.5, 0.0), canary: Spread::guess(0.0, 0.0, 0.0) }
    }

    /// Takes in a block.
    pub(super) fn update(&mut self, stable: &Spread, canary: &Spread) {
        if stable.n > 0.0 && canary.n > 0.0 {
            let weight = stable.n.min(canary.n);
            self.drift.shift(canary.mean - stable.mean, weight);
            self.drift.penalise(stable, self.stable.mean, weight / stable.n);
            // Until the canary is known, it is taken to be like the stable version.
            let mut guess = Spread::guess(4.0, self.stable.mean, 0.0);
            guess.merge(&self.canary);
            self.drift.penalise(canary, guess.mean, weight / canary.n);
        }
        self.stable.merge(stable);
        self.canary.merge(canary);
    }

    pub(super) fn estimate(&self) -> Option<f64> {
        self.drift.mean()
    }

    pub(super) fn interval(&self, confidence: f64) -> Result<Interval, StatisticsError> {
        self.drift.interval(confidence, -1.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_narrows_around_the_truth() {
        let mut difference = Difference::new();
        assert_eq!(difference.interval(0.95).unwrap(), Interval { low: -1.0, high: 1.0 });
        let mut last = 2.0;
        for _ in 0..6 {
            for _ in 0..200 {
                let (stable, canary) = ([(0.2, 2), (0.4, 2)], [(0.3, 1), (0.5, 1)]);
                difference.update(&Spread::of(stable.into_iter()), &Spread::of(canary.into_iter()));
            }
            let interval = difference.interval(0.95).unwrap();
            assert!(interval.contains(0.1) && interval.width() < last, "{interval:?}");
            last = interval.width();
        }
        assert!(last < 0.03, "{last}");
        assert!((difference.estimate().unwrap() - 0.1).abs() < 1e-12);
        assert!(difference.interval(1.0).is_err() && difference.interval(f64::NAN).is_err());
    }
}
