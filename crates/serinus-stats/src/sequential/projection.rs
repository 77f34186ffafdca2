//! The reverse information projection: of all pairs of rates in the null, the one nearest to an alternative.

use super::{Count, Margin, RateBlock};

/// Newton's steps, and halvings where they leave the bracket: enough for the last bit of a rate.
const STEPS: u32 = 100;
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
/// `low` and `high` enclose the stable rate of the projection. `guess` is where it is looked for first, and becomes where it
/// was found: the next alternative's is close.
pub(super) fn log_e_value(
    block: &RateBlock,
    margin: Margin,
    alternative: Rates,
    (low, high): (f64, f64),
    guess: &mut f64,
) -> f64 {
    let high = high.min(margin.stable_for(BELOW_ONE));
    if low >= high {
        return 0.0;
    }
    let stable = nearest(block, margin, alternative, (low, high), *guess);
    *guess = stable;
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
fn nearest(block: &RateBlock, margin: Margin, alternative: Rates, (low, high): (f64, f64), guess: f64) -> f64 {
    let (stable, canary) = (block.stable.trials() as f64, block.canary.trials() as f64);
    let (ratio, offset) = (margin.ratio(), margin.offset());
    if offset == 0.0 {
        // The derivative's numerator is then a quadratic, of which the smaller root lies in the range.
        let square = ratio * (stable + canary);
        let linear = stable * (1.0 + ratio * alternative.stable) + canary * (ratio + alternative.canary);
        let constant = stable * alternative.stable + canary * alternative.canary;
        let root = (linear * linear - 4.0 * square * constant).max(0.0).sqrt();
        return (2.0 * constant / (linear + root)).clamp(low, high);
    }
    // The derivative times m(1 − m) b(1 − b), all above 0, with its own derivative.
    let slope = |m: f64| {
        let (b, v) = (margin.at(m), m * (1.0 - m));
        let w = b * (1.0 - b);
        let (from_stable, from_canary) = (m - alternative.stable, b - alternative.canary);
        let value = stable * from_stable * w + ratio * canary * from_canary * v;
        let derivative = stable * (w + from_stable * ratio * (1.0 - 2.0 * b))
            + ratio * canary * (ratio * v + from_canary * (1.0 - 2.0 * m));
        (value, derivative)
    };
    let (mut low, mut high) = (low, high);
    let mut m = guess.clamp(low, high);
    for _ in 0..STEPS {
        let (value, derivative) = slope(m);
        if value > 0.0 {
            high = m;
        } else {
            low = m;
        }
        let newton = m - value / derivative;
        let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
        if (next - m).abs() <= 1e-14 * m || next <= low || next >= high {
            return next;
        }
        m = next;
    }
    m
}
