//! The reverse information projection: of all pairs of rates in the null, the one nearest to an alternative.

use super::{Count, RateBlock, RateMargin};

/// Enough halvings for the last bit of a rate.
const HALVINGS: u32 = 60;
/// The canary's rate on the boundary stays this far from certain failure.
const BELOW_ONE: f64 = 1.0 - 1e-12;

/// Two failure rates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) stable: f64,
    pub(super) canary: f64,
}

/// The logarithm of the likelihood ratio between an alternative and its projection onto the boundary of the null: an
/// e-variable for the whole null (Turner & Grünwald, arXiv:2203.09785, theorem 1). 0 if the alternative lies in the null.
///
/// `low` and `high` enclose the stable rate of the projection.
pub(super) fn log_e_value(block: &RateBlock, margin: RateMargin, alternative: Rates, low: f64, high: f64) -> f64 {
    let high = high.min(margin.stable_for(BELOW_ONE));
    if low >= high {
        return 0.0;
    }
    let stable = nearest(block, margin, alternative, low, high);
    let nearest = Rates { stable, canary: margin.at(stable) };
    log_ratio(block.stable, alternative.stable, nearest.stable)
        + log_ratio(block.canary, alternative.canary, nearest.canary)
}

/// The logarithm of the likelihood ratio of two rates.
pub(super) fn log_ratio(count: Count, rate: f64, null: f64) -> f64 {
    let (failures, passes) = (count.failures() as f64, (count.trials() - count.failures()) as f64);
    let term = |n: f64, p: f64, q: f64| if n > 0.0 { n * (p / q).ln() } else { 0.0 };
    term(failures, rate, null) + term(passes, 1.0 - rate, 1.0 - null)
}

/// The stable rate that minimises `n_s KL(θ_s ‖ m) + n_c KL(θ_c ‖ ratio · m + offset)`: where the derivative changes sign.
fn nearest(block: &RateBlock, margin: RateMargin, alternative: Rates, low: f64, high: f64) -> f64 {
    let (stable, canary) = (block.stable.trials() as f64, block.canary.trials() as f64);
    if margin.ratio() == 1.0 && margin.offset() == 0.0 {
        return (stable * alternative.stable + canary * alternative.canary) / (stable + canary);
    }
    let slope = |m: f64| {
        let b = margin.at(m);
        stable * (m - alternative.stable) / (m * (1.0 - m))
            + margin.ratio() * canary * (b - alternative.canary) / (b * (1.0 - b))
    };
    let (mut low, mut high) = (low, high);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if slope(middle) > 0.0 { high = middle } else { low = middle }
    }
    f64::midpoint(low, high)
}
