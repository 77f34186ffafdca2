//! What the planned sample says, once.

use serde::{Deserialize, Serialize};
use serinus_stats::means::{EffectSize, Moments, cohens_d, cuped_welch_t, hedges_g, welch_t};
use serinus_stats::multiple::holm;
use serinus_stats::ranks::{WilcoxonOptions, mann_whitney_u, sign_test, wilcoxon_signed_rank, win_rate};
use serinus_stats::{Alternative, Interval, StatisticsError, TestOptions};

use super::ab_test::AbTest;
use super::finding::{Estimate, Finding};
use super::samples::Samples;
use super::{AbOptions, Design, words};

/// What the planned sample says of an arm against the control: all scores up to the one with which every arm had as many as
/// were planned (and of an arm that ran far ahead, the first ones, twice as many as planned). It is the same at every look from
/// then on. Looked at before, and acted on, its p-value is worth nothing: each look is one more chance to be wrong.
///
/// Intervals are two-sided with confidence 1 − α/arms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FixedAnalysis {
    /// Whether the planned sample is complete, and so p-values and intervals mean what they say.
    pub holds: bool,
    /// The same in a sentence.
    pub caveat: String,
    /// Scores of the control that it is made of.
    pub control_samples: u64,
    /// Scores of the arm that it is made of.
    pub arm_samples: u64,
    /// Of the design's test: Mann and Whitney's; Welch's of the adjusted scores; Wilcoxon's.
    pub p_value: f64,
    /// The same by Holm's adjustment for all arms.
    pub adjusted_p_value: f64,
    /// Whether the adjusted p-value is at most α, whether it holds or not.
    pub significant: bool,
    /// What is found; [`Finding::Open`] unless it holds.
    pub finding: Finding,
    /// Mean score of the arm less that of the control.
    pub mean_difference: Estimate,
    /// The difference in pooled standard deviations; of pairs, in standard deviations of the differences, with an interval
    /// that takes that deviation as known. `None` if scores do not vary.
    pub cohens_d: Option<Estimate>,
    /// Cohen's d without its bias (Hedges' g). `None` for pairs.
    pub hedges_g: Option<Estimate>,
    /// P(arm > control) + ½ P(arm = control): over all scores of both arms, whatever order they came in, or over pairs. The
    /// interval for pairs takes the share of ties as it is.
    pub win_rate: Estimate,
    /// The tests in detail.
    pub tests: FixedTests,
}

/// The tests behind a [`FixedAnalysis`]. All p-values are for the alternative asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FixedTests {
    /// Independent arms.
    Unpaired {
        /// Mann and Whitney's test.
        mann_whitney_p_value: f64,
        /// Welch's test of the means.
        welch_p_value: f64,
    },
    /// Independent arms with a covariate.
    Cuped {
        /// Mann and Whitney's test of the scores as they are.
        mann_whitney_p_value: f64,
        /// Welch's test of the scores as they are.
        welch_p_value: f64,
        /// Welch's test of the adjusted scores.
        adjusted_p_value: f64,
        /// Mean difference of the adjusted scores.
        adjusted_difference: Estimate,
        /// By how much the score moves with the covariate, in both arms pooled.
        theta: f64,
        /// The share of the scores' variance within arms that the covariate explains, in [0, 1].
        variance_reduction: f64,
    },
    /// Pairs.
    Paired {
        /// Wilcoxon's signed-rank test.
        wilcoxon_p_value: f64,
        /// The sign test, exact.
        sign_p_value: f64,
        /// Prompts on which the arm scored higher.
        wins: u64,
        /// Prompts on which it scored lower.
        losses: u64,
        /// Prompts on which both scored the same.
        ties: u64,
    },
}

/// A comparison before all arms' p-values are known.
struct Draft {
    p_value: f64,
    /// Above 0 where the design's test sees the arm ahead.
    direction: f64,
    mean_difference: Estimate,
    cohens_d: Option<Estimate>,
    hedges_g: Option<Estimate>,
    win_rate: Estimate,
    tests: FixedTests,
}

impl AbTest {
    /// For each arm but the control.
    pub(super) fn fixed(&self, options: &AbOptions) -> Result<Vec<FixedAnalysis>, StatisticsError> {
        let [control, arms @ ..] = self.arms.as_slice() else { return Ok(Vec::new()) };
        let confidence = options.confidence(arms.len());
        let draft = |samples| match self.setup.design {
            Design::Paired => paired(control.samples.kept(), samples, options.alternative, confidence),
            design => unpaired(design, &control.samples, samples, options.alternative, confidence),
        };
        let drafts = arms.iter().map(|arm| draft(&arm.samples)).collect::<Result<Vec<_>, _>>()?;
        let p_values: Vec<f64> = drafts.iter().map(|draft| draft.p_value).collect();
        let adjusted = holm(&p_values)?;
        let holds = self.status().is_complete();
        let samples = |samples: &Samples| samples.kept().len() as u64;
        let finish = |((draft, adjusted_p_value), arm): ((Draft, f64), &Samples)| {
            let significant = adjusted_p_value <= options.alpha;
            FixedAnalysis {
                holds,
                caveat: self.caveat(holds),
                control_samples: samples(&control.samples),
                arm_samples: samples(arm),
                p_value: draft.p_value,
                adjusted_p_value,
                significant,
                finding: if holds { draft.finding(significant) } else { Finding::Open },
                mean_difference: draft.mean_difference,
                cohens_d: draft.cohens_d,
                hedges_g: draft.hedges_g,
                win_rate: draft.win_rate,
                tests: draft.tests,
            }
        };
        Ok(drafts.into_iter().zip(adjusted).zip(arms.iter().map(|arm| &arm.samples)).map(finish).collect())
    }

    fn caveat(&self, holds: bool) -> String {
        let planned = words::whole(self.setup.target_samples);
        let unit = if self.setup.design == Design::Paired { "pairs" } else { "scores in the smallest arm" };
        if holds {
            format!("holds: it is of the planned sample of {planned} {unit}, whatever came after")
        } else {
            format!(
                "does not hold yet: p-values and intervals are for one look at the planned {planned} {unit}; deciding by them \
                 now multiplies false positives, the anytime analysis does not"
            )
        }
    }
}

impl Draft {
    fn finding(&self, significant: bool) -> Finding {
        let mean = self.mean_difference.interval;
        if !significant {
            Finding::Alike
        } else if self.direction > 0.0 && mean.high >= 0.0 {
            Finding::Better
        } else if self.direction < 0.0 && mean.low <= 0.0 {
            Finding::Worse
        } else {
            // Ranks and means contradict each other: better mostly, and a disaster sometimes.
            Finding::Open
        }
    }
}

fn unpaired(
    design: Design,
    control: &Samples,
    arm: &Samples,
    alternative: Alternative,
    confidence: f64,
) -> Result<Draft, StatisticsError> {
    let (a, b) = (control.kept(), arm.kept());
    let one_look = TestOptions { alternative, confidence };
    let two_sided = TestOptions { alternative: Alternative::TwoSided, confidence };
    let ranks = mann_whitney_u(a, b, alternative.into())?;
    let rate = win_rate(a, b, confidence)?;
    let welch = welch_t(a, b, two_sided)?;
    let (mann_whitney_p_value, welch_p_value) = (ranks.p_value, welch_t(a, b, one_look)?.p_value);
    let effect =
        |effect: Option<EffectSize>| effect.map(|EffectSize { estimate, interval }| Estimate { estimate, interval });
    let (p_value, direction, tests) = if design == Design::Cuped {
        let (x_a, x_b) = (control.covariates(), arm.covariates());
        let adjusted = cuped_welch_t(a, x_a, b, x_b, two_sided)?;
        let p_value = cuped_welch_t(a, x_a, b, x_b, one_look)?.test.p_value;
        let tests = FixedTests::Cuped {
            mann_whitney_p_value,
            welch_p_value,
            adjusted_p_value: p_value,
            adjusted_difference: Estimate { estimate: adjusted.test.difference, interval: adjusted.test.interval },
            theta: adjusted.theta,
            variance_reduction: variance_reduction(adjusted.theta, [(a, x_a), (b, x_b)])?,
        };
        (p_value, adjusted.test.difference, tests)
    } else {
        (mann_whitney_p_value, ranks.win_rate - 0.5, FixedTests::Unpaired { mann_whitney_p_value, welch_p_value })
    };
    Ok(Draft {
        p_value,
        direction,
        mean_difference: Estimate::within(welch.difference, welch.interval, -1.0, 1.0),
        cohens_d: effect(cohens_d(a, b, confidence)?),
        hedges_g: effect(hedges_g(a, b, confidence)?),
        win_rate: Estimate { estimate: rate.estimate, interval: rate.interval },
        tests,
    })
}

/// The share of the squared deviations from each arm's mean that the covariate explains.
fn variance_reduction(theta: f64, arms: [(&[f64], &[f64]); 2]) -> Result<f64, StatisticsError> {
    let (mut before, mut after) = (0.0, 0.0);
    for (scores, covariates) in arms {
        let centre = Moments::of(covariates)?.mean().unwrap_or(0.0);
        let rests: Vec<f64> = scores.iter().zip(covariates).map(|(y, x)| y - theta * (x - centre)).collect();
        let freedom = scores.len() as f64 - 1.0;
        before += freedom * Moments::of(scores)?.variance()?;
        after += freedom * Moments::of(&rests)?.variance()?;
    }
    Ok(if before > 0.0 { (1.0 - after / before).clamp(0.0, 1.0) } else { 0.0 })
}

fn paired(a: &[f64], arm: &Samples, alternative: Alternative, confidence: f64) -> Result<Draft, StatisticsError> {
    let differences: Vec<f64> = a.iter().zip(arm.kept()).map(|(a, b)| b - a).collect();
    let of_differences = match alternative {
        Alternative::TwoSided => Alternative::TwoSided,
        Alternative::Less => Alternative::Greater,
        Alternative::Greater => Alternative::Less,
    };
    let options = WilcoxonOptions { alternative: of_differences, confidence, ..WilcoxonOptions::default() };
    let ranks = wilcoxon_signed_rank(&differences, options)?;
    // Welch's test against a sample that is 0 for certain is the t-test of one sample.
    let means = welch_t(&[0.0, 0.0], &differences, TestOptions { alternative: Alternative::TwoSided, confidence })?;
    let (wins, losses) = (count(&differences, |d| d > 0.0), count(&differences, |d| d < 0.0));
    let signs = sign_test(wins, losses, TestOptions { alternative: of_differences, confidence })?;
    let two_sided = sign_test(wins, losses, TestOptions { alternative: Alternative::TwoSided, confidence })?;
    let decided = (wins + losses) as f64 / differences.len() as f64;
    let of_all = |share: f64| 0.5 + decided * (share - 0.5);
    let wins_interval = Interval { low: of_all(two_sided.interval.low), high: of_all(two_sided.interval.high) };
    let deviation = Moments::of(&differences)?.standard_deviation()?;
    let in_deviations = |value: f64| value / deviation;
    Ok(Draft {
        p_value: ranks.p_value,
        direction: ranks.rank_biserial,
        mean_difference: Estimate::within(means.difference, means.interval, -1.0, 1.0),
        cohens_d: (deviation > 0.0).then(|| Estimate {
            estimate: in_deviations(means.difference),
            interval: Interval { low: in_deviations(means.interval.low), high: in_deviations(means.interval.high) },
        }),
        hedges_g: None,
        win_rate: Estimate { estimate: of_all(signs.win_share), interval: wins_interval },
        tests: FixedTests::Paired {
            wilcoxon_p_value: ranks.p_value,
            sign_p_value: signs.p_value,
            wins,
            losses,
            ties: differences.len() as u64 - wins - losses,
        },
    })
}

fn count(values: &[f64], counts: impl Fn(f64) -> bool) -> u64 {
    values.iter().filter(|value| counts(**value)).count() as u64
}
