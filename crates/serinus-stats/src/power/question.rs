//! Options that have been checked, and what follows from them.

use std::f64::consts::FRAC_PI_3;

use super::{Design, PowerOptions, null_rate};
use crate::{Alternative, StatisticsError, check, distribution::normal};

/// Mann and Whitney's test needs at most 1/0.864 times what the test of two means needs, whatever the data's shape.
const WORST_CASE: f64 = 125.0 / 108.0;

/// Options that make sense.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    design: Design,
    alternative: Alternative,
    margin: f64,
    /// How many of `a` and of `b` for each one in the smaller arm.
    times: (f64, f64),
    /// The normal quantile at which the test rejects.
    z_alpha: f64,
}

/// The standard deviation that one observation in the smaller arm leaves in the estimated effect.
#[derive(Clone, Copy, Debug)]
struct Spread {
    /// If the null hypothesis holds.
    null: f64,
    /// If the effect is there.
    effect: f64,
}

impl Question {
    pub(super) fn new(options: PowerOptions) -> Result<Self, StatisticsError> {
        let PowerOptions { design, alpha, alternative, margin, allocation, .. } = options;
        check::open_unit("alpha", alpha)?;
        let tail = if alternative == Alternative::TwoSided { alpha / 2.0 } else { alpha };
        check::open_unit("alpha", tail)?;
        check::finite("margin", margin)?;
        let times = allocation.times();
        match design {
            Design::Paired if times != (1.0, 1.0) => {
                let expected = "equal in a paired design";
                return Err(StatisticsError { argument: "allocation", expected, got: times.1 / times.0 });
            }
            Design::WinRate if margin.abs() >= 0.5 => {
                return Err(StatisticsError { argument: "margin", expected: "above -0.5 and below 0.5", got: margin });
            }
            Design::TwoProportions { baseline } => {
                check::open_unit("baseline", baseline)?;
                let null = baseline + margin;
                if !(null > 0.0 && null < 1.0) {
                    let expected = "such that baseline + margin is above 0 and below 1";
                    return Err(StatisticsError { argument: "margin", expected, got: margin });
                }
            }
            _ => {}
        }
        if alternative == Alternative::TwoSided && margin != 0.0 {
            return Err(StatisticsError { argument: "margin", expected: "0 in a two-sided test", got: margin });
        }
        Ok(Self { design, alternative, margin, times, z_alpha: normal::isf(tail) })
    }

    /// How many of `a` and of `b` for each one in the smaller arm.
    pub(super) fn times(&self) -> (f64, f64) {
        self.times
    }

    /// 1 if effects above the margin are looked for, −1 for those below; upwards in a two-sided test.
    pub(super) fn direction(&self) -> f64 {
        if self.alternative == Alternative::Greater { -1.0 } else { 1.0 }
    }

    /// The effect this far from the margin, in the direction that is looked for.
    pub(super) fn effect_at(&self, distance: f64) -> f64 {
        self.margin + self.direction() * distance
    }

    /// The greatest distance from the margin that an effect can have.
    pub(super) fn greatest_distance(&self) -> f64 {
        let (lowest, highest) = match self.design {
            Design::WinRate => (-0.5, 0.5),
            Design::TwoProportions { baseline } => (-baseline, 1.0 - baseline),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        };
        if self.direction() > 0.0 { highest - self.margin } else { self.margin - lowest }
    }

    /// How far the effect is from the margin, above 0.
    pub(super) fn distance(&self, effect: f64) -> Result<f64, StatisticsError> {
        let error = |expected| Err(StatisticsError { argument: "effect", expected, got: effect });
        check::finite("effect", effect)?;
        match self.design {
            Design::WinRate if effect.abs() > 0.5 => return error("at least -0.5 and at most 0.5"),
            Design::TwoProportions { baseline } if !(0.0..=1.0).contains(&(baseline + effect)) => {
                return error("such that baseline + effect is at least 0 and at most 1");
            }
            _ => {}
        }
        let excess = effect - self.margin;
        match self.alternative {
            Alternative::TwoSided if excess == 0.0 => error("other than 0"),
            Alternative::Less if excess <= 0.0 => error("above the margin where a is to be less than b"),
            Alternative::Greater if excess >= 0.0 => error("below the margin where a is to be greater than b"),
            _ => Ok(excess.abs()),
        }
    }

    /// The standard deviations under an effect.
    fn spread(&self, effect: f64) -> Spread {
        let (a, b) = self.times;
        let arms = 1.0 / a + 1.0 / b;
        let variance = match self.design {
            Design::Paired => 1.0,
            Design::TwoSample => arms,
            Design::MannWhitney => FRAC_PI_3 * arms,
            Design::MannWhitneyBound => WORST_CASE * arms,
            Design::WinRate => arms / 12.0,
            Design::TwoProportions { baseline } => return self.spread_of_shares(baseline, effect),
        };
        Spread { null: variance.sqrt(), effect: variance.sqrt() }
    }

    fn spread_of_shares(&self, baseline: f64, effect: f64) -> Spread {
        let (a, b) = self.times;
        let deviation = |p_a: f64, p_b: f64| {
            let p_b = p_b.clamp(0.0, 1.0);
            (p_a * (1.0 - p_a) / a + p_b * (1.0 - p_b) / b).sqrt()
        };
        let null = null_rate::likeliest((baseline, a), (baseline + effect, b), self.margin);
        // Something to divide by where the product of a tiny rate and a tiny ratio is 0.
        let there = deviation(baseline, baseline + effect).max(f64::MIN_POSITIVE);
        Spread { null: deviation(null, null + self.margin), effect: there }
    }

    /// The normal quantile of the power.
    pub(super) fn z_power(&self, effect: f64, distance: f64, n: f64) -> f64 {
        let spread = self.spread(effect);
        (distance * n.sqrt() - self.z_alpha * spread.null) / spread.effect
    }

    /// What `distance · √n` must be for a power with this quantile.
    pub(super) fn needed(&self, effect: f64, z_power: f64) -> f64 {
        let spread = self.spread(effect);
        self.z_alpha * spread.null + z_power * spread.effect
    }

    /// Whether the power is reached. Powers close to 1 are told apart by what is missing.
    pub(super) fn suffices(&self, effect: f64, distance: f64, n: f64, power: f64) -> bool {
        let z = self.z_power(effect, distance, n);
        if power > 0.5 { normal::sf(z) <= 1.0 - power } else { normal::cdf(z) >= power }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_power_found_inverts_the_distance_needed() {
        for design in [Design::Paired, Design::WinRate, Design::TwoProportions { baseline: 0.1 }] {
            for power in [0.06, 0.5, 0.8, 0.999_999] {
                let question = Question::new(design.into()).unwrap();
                let distance = question.distance(-0.05).unwrap();
                let n = (question.needed(-0.05, normal::quantile(power)) / distance).powi(2);
                let found = normal::cdf(question.z_power(-0.05, distance, n));
                assert!((found / power - 1.0).abs() < 1e-12, "{design:?} {power} {found}");
            }
        }
    }
}
