//! The bets of tests of means: how much of the capital, and how likely each is to be the right one.

use std::sync::LazyLock;

use super::spread::Spread;

/// Bets side by side.
pub(super) const BETS: usize = 24;
/// The distances, in standard deviations, that the bets are best for.
const NEAREST: f64 = 0.03;
const FARTHEST: f64 = 3.0;
/// Where the prior over distances has its middle, and its spread on the logarithmic scale.
const LIKELY: f64 = 0.3;
const SPREAD: f64 = 1.0;
/// Below this spread bets no longer grow.
const LEAST_DEVIATION: f64 = 1e-4;
/// Values whose factors are multiplied before a logarithm is taken: few enough that nothing overflows.
const CHUNK: u64 = 32;

/// One number for each bet.
pub(super) type PerBet = [f64; BETS];

/// Distances δ, log-spaced, and their prior weights, log-normal about 0.3.
static GRID: LazyLock<(PerBet, PerBet)> = LazyLock::new(|| {
    let distances: PerBet = std::array::from_fn(|i| NEAREST * (FARTHEST / NEAREST).powf(i as f64 / (BETS - 1) as f64));
    let density = |delta: f64| (-0.5 * ((delta / LIKELY).ln() / SPREAD).powi(2)).exp();
    let sum: f64 = distances.iter().map(|delta| density(*delta)).sum();
    (distances, distances.map(|delta| density(delta) / sum))
});

/// The bets' prior weights, which sum to 1.
pub(super) fn weights() -> impl Iterator<Item = f64> {
    GRID.1.iter().copied()
}

/// The share of the capital to bet per unit of distance: δ/(σ(1 + δ²)), Kelly's share for a mean that is δ standard
/// deviations away; at most `cap`.
pub(super) fn sizes(spread: &Spread, cap: f64) -> PerBet {
    let deviation = spread.variance().sqrt().max(LEAST_DEVIATION);
    GRID.0.map(|delta| (delta / (deviation * (1.0 + delta * delta))).min(cap))
}

/// For each bet λ the logarithm of the product over all values, as often as each occurred, of 1 + λ·(value − centre).
pub(super) fn log_growth(values: impl Iterator<Item = (f64, u64)>, centre: f64, sizes: &PerBet) -> PerBet {
    let (mut logs, mut products, mut multiplied) = ([0.0; BETS], [1.0; BETS], 0);
    for (value, count) in values {
        if count > CHUNK {
            for (log, size) in logs.iter_mut().zip(sizes) {
                *log += count as f64 * (size * (value - centre)).ln_1p();
            }
            continue;
        }
        if multiplied + count > CHUNK {
            settle(&mut logs, &mut products);
            multiplied = 0;
        }
        for _ in 0..count {
            multiply(&mut products, sizes, value - centre);
        }
        multiplied += count;
    }
    settle(&mut logs, &mut products);
    logs
}

/// Turns products into logarithms.
fn settle(logs: &mut PerBet, products: &mut PerBet) {
    for (log, product) in logs.iter_mut().zip(products) {
        *log += product.ln();
        *product = 1.0;
    }
}

/// Multiplies each bet's product by 1 + λ·`distance`.
pub(super) fn multiply(products: &mut PerBet, sizes: &PerBet, distance: f64) {
    for (product, size) in products.iter_mut().zip(sizes) {
        *product *= 1.0 + size * distance;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one() {
        let sum: f64 = weights().sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
    }

    #[test]
    fn growth_is_the_sum_of_logarithms() {
        let values: Vec<(f64, u64)> = (0..100u32).map(|i| (f64::from(i % 7) / 7.0, u64::from(i * i % 41))).collect();
        let sizes = sizes(&Spread::of(values.iter().copied()), 1.2);
        let logs = log_growth(values.iter().copied(), 0.4, &sizes);
        for (log, size) in logs.iter().zip(sizes) {
            let expected: f64 = values.iter().map(|(x, n)| *n as f64 * (size * (x - 0.4)).ln_1p()).sum();
            assert!((log - expected).abs() < 1e-10);
        }
    }
}
