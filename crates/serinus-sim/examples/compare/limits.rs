//! What no test can beat: Wald's limit, log(1/α) over the information of one canary request.

use statrs::distribution::{Beta, Continuous, ContinuousCDF, Normal};

/// The Kullback–Leibler divergence between Bernoulli distributions.
fn divergence(p: f64, q: f64) -> f64 {
    let term = |p: f64, q: f64| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
    term(p, q) + term(1.0 - p, 1.0 - q)
}

/// Of a rate whose truth is `truth`, against the highest rate of the null hypothesis.
pub(crate) fn rate(alpha: f64, truth: f64, null: f64) -> f64 {
    -alpha.ln() / divergence(truth, null)
}

/// Of times, by the best single threshold: log-normal with this σ, of which the slowest share `tail` is slower by `factor`, granted
/// `granted` at every quantile.
pub(crate) fn time(alpha: f64, sigma: f64, tail: f64, factor: f64, granted: f64) -> f64 {
    let normal = Normal::standard();
    let from = if tail >= 1.0 { f64::NEG_INFINITY } else { normal.inverse_cdf(1.0 - tail) };
    let information = (1..2_000).map(|step| {
        let threshold = normal.inverse_cdf(f64::from(step) / 2_000.0);
        let moved = |by: f64| threshold + ((1.0 + granted) / by).ln() / sigma;
        // Slow ones exceed from `moved(factor)` on, the others from `moved(1)` on, up to where the slow ones begin.
        let slow = normal.sf(moved(factor).max(from));
        let others = (normal.sf(moved(1.0)) - normal.sf(from)).max(0.0);
        divergence(slow + others, normal.sf(threshold))
    });
    -alpha.ln() / information.fold(0.0, f64::max)
}

/// Of scores, beta-distributed with this mean and deviation, against a mean of at least `null`: by the best bet.
pub(crate) fn score(alpha: f64, mean: f64, deviation: f64, null: f64) -> f64 {
    let size = mean * (1.0 - mean) / (deviation * deviation) - 1.0;
    let Ok(beta) = Beta::new(mean * size, (1.0 - mean) * size) else { return f64::NAN };
    let points: Vec<f64> = (0..4_000).map(|i| (f64::from(i) + 0.5) / 4_000.0).collect();
    let weights: Vec<f64> = points.iter().map(|x| beta.pdf(*x)).collect();
    let all: f64 = weights.iter().sum();
    let growth = |bet: f64| {
        let logs = points.iter().zip(&weights).map(|(x, weight)| weight * (bet * (null - x)).ln_1p());
        logs.sum::<f64>() / all
    };
    let most = 1.0 / (1.0 - null);
    let information = (1..1_000).map(|i| growth(most * f64::from(i) / 1_000.0)).fold(0.0, f64::max);
    -alpha.ln() / information
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_the_known_ones() {
        assert!((rate(0.05, 0.14, 0.03) - 26.7).abs() < 0.05);
        assert!((rate(0.0025, 0.14, 0.0375) - 68.0).abs() < 0.5);
        assert!((time(0.05, 0.6, 1.0, 1.5, 0.2) - 60.0).abs() < 30.0);
        assert!((score(0.05, 0.80, 0.11, 0.85) - 28.7).abs() < 1.0);
    }
}
