//! The least effect that a comparison can find.

use super::{Design, PowerOptions, chance, question::Question, sample_size::power_quantile};
use crate::StatisticsError;

/// More than any search takes.
const STEPS: u32 = 200;
/// More than it takes to make up for rounding, in steps that double from the last place of the effect or the margin.
const ROUNDINGS: u32 = 16;

/// The effect nearest to the margin that a test with `n` observations in its smaller arm finds with the power asked
/// for. [`sample_size`](super::sample_size) of it is `n`, as far as an `f64` can tell the effect from the margin.
///
/// In a two-sided test it is the least *increase* in `b`. The least decrease is the same negated, but for
/// [`Design::TwoProportions`]: there it is what [`Greater`](crate::Alternative::Greater) finds at half of `alpha`.
///
/// ```
/// use serinus_stats::power::{Design, PowerOptions, minimum_detectable_effect};
///
/// let effect = minimum_detectable_effect(6_280, Design::TwoSample.into())?;
/// assert!((effect - 0.05).abs() < 1e-5);
/// // With 2,000 requests in each version, a failure rate of 3% must rise to 4.7% to be found with a power of 0.80.
/// let effect = minimum_detectable_effect(2_000, Design::TwoProportions { baseline: 0.03 }.into())?;
/// assert!((effect - 0.017).abs() < 1e-3);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If `n` is below 2, or so small that no effect in the design's range is found; if the options' `alpha` is not in
/// (0, 1), their `power` not above `alpha` and below 1, or their margin, baseline or allocation makes no sense for the
/// design.
pub fn minimum_detectable_effect(n: u64, options: PowerOptions) -> Result<f64, StatisticsError> {
    let question = Question::new(options)?;
    let z_power = power_quantile(options)?;
    chance::enough(n)?;
    let n_float = n as f64;
    let needed = |distance: f64| question.needed(question.effect_at(distance), z_power) / n_float.sqrt();
    let distance = if let Design::TwoProportions { .. } = options.design {
        crossing(needed(0.0), question.greatest_distance(), |distance| distance - needed(distance))
    } else {
        Some(needed(0.0)).filter(|&distance| distance <= question.greatest_distance())
    };
    let expected = "so many that some effect in the design's range can be found";
    let distance = distance.ok_or(StatisticsError { argument: "n", expected, got: n as f64 })?;
    let mut effect = question.effect_at(distance);
    // Rounded to the side on which `n` suffices, so that the sample size of the effect is `n` and not one more.
    let mut step = f64::EPSILON * effect.abs().max(options.margin.abs());
    for _ in 0..ROUNDINGS {
        match question.distance(effect) {
            Ok(distance) if !question.suffices(effect, distance, n_float, options.power) => {}
            _ => break,
        }
        effect += question.direction() * step;
        step *= 2.0;
    }
    Ok(effect)
}

/// Where `f`, below 0 at 0, reaches 0 in (0, `top`], beginning with a guess: inverse quadratic interpolation where it
/// is to be trusted, else halves (T. R. Chandrupatla, Advances in Engineering Software 28, 1997,
/// <https://doi.org/10.1016/S0965-9978(96)00051-8>).
fn crossing(guess: f64, top: f64, f: impl Fn(f64) -> f64) -> Option<f64> {
    let (mut a, mut f_a) = (top, f(top));
    // Rates of 1e-300 can round it to above 0.
    let (mut b, mut f_b) = (0.0, f(0.0).min(-f64::MIN_POSITIVE));
    if f_a < 0.0 {
        return None;
    }
    // The part of the way from `a` to `b` that the next step goes.
    let mut part = if guess < top { 1.0 - guess / top } else { 0.5 };
    for _ in 0..STEPS {
        let x = a + part * (b - a);
        let f_x = f(x);
        let (c, f_c);
        if (f_x < 0.0) == (f_a < 0.0) {
            (c, f_c) = (a, f_a);
        } else {
            (c, f_c) = (b, f_b);
            (b, f_b) = (a, f_a);
        }
        (a, f_a) = (x, f_x);
        let nearest = if f_a.abs() < f_b.abs() { a } else { b };
        let least = f64::EPSILON * nearest.abs() / (b - a).abs();
        if f_a == 0.0 || a == b || least > 0.5 {
            return Some(nearest);
        }
        let along = (a - b) / (c - b);
        let rise = (f_a - f_b) / (f_c - f_b);
        part = if rise * rise < along && (1.0 - rise) * (1.0 - rise) < 1.0 - along {
            f_a / (f_b - f_a) * (f_c / (f_b - f_c)) + (c - a) / (b - a) * (f_a / (f_c - f_a)) * (f_b / (f_c - f_b))
        } else {
            0.5
        };
        part = part.clamp(least, 1.0 - least);
    }
    Some(a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossing_is_found_in_few_steps_wherever_it_is() {
        for root in [1e-12, 1e-3, 0.5, 0.999_999, 1.0] {
            for (name, f) in [
                ("line", (|x, root| x - root) as fn(f64, f64) -> f64),
                ("steep at 0", |x, root| x - (root * x).sqrt().max(root / 2.0)),
                ("step", |x, root| if x < root { -1e-9 } else { 1e9 }),
            ] {
                for guess in [1e-14, root, 0.9, 3.0] {
                    let steps = std::cell::Cell::new(0);
                    let found = crossing(guess, 1.0, |x| {
                        steps.set(steps.get() + 1);
                        f(x, root)
                    });
                    assert!((found.unwrap() / root - 1.0).abs() < 1e-15, "{name} {root} {guess}: {found:?}");
                    assert!(steps.get() <= 110, "{name} {root} {guess}: {} steps", steps.get());
                }
            }
        }
        assert_eq!(crossing(0.1, 1.0, |x| x - 1.1), None);
    }
}
