//! How many samples and how many hours an effect takes.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serinus_stats::power::{Allocation, Design, PowerOptions, SampleSize, sample_size, time_needed};
use serinus_stats::{Alternative, StatisticsError};

use super::ExperimentError;

/// How two versions are compared, and so how many samples that takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparedBy {
    /// Independent arms, by their means. The effect is in standard deviations of the scores. The default.
    #[default]
    Means,
    /// Independent arms, by Mann and Whitney's test, for scores that are about normal. The effect is in standard deviations of
    /// the scores.
    Ranks,
    /// The same prompts answered by both. The effect is in standard deviations of the *differences*.
    Pairs,
}

/// A question before a test: how long will it take?
///
/// Samples by the normal approximation of [`serinus_stats::power`]. For the fixed analysis at the planned size; anytime-valid
/// evidence finds large effects sooner, and small ones later.
///
/// ```
/// use serinus::experiment::{ComparedBy, TestPlan};
///
/// // An effect of 0.05 standard deviations at 1,000 requests an hour, half of them to each version.
/// let two_groups = TestPlan::new(0.05, 1_000.0).length()?;
/// assert_eq!((two_groups.samples_per_arm, two_groups.hours()), (6_280, 12.56));
/// let paired = TestPlan::new(0.05, 1_000.0).compared_by(ComparedBy::Pairs).length()?;
/// assert_eq!((paired.samples_per_arm, paired.hours()), (3_140, 6.28));
/// # Ok::<(), serinus::experiment::ExperimentError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TestPlan {
    effect: f64,
    requests_per_hour: f64,
    compared_by: ComparedBy,
    alpha: f64,
    power: f64,
    alternative: Alternative,
    shares: Vec<f64>,
}

/// What a test takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestLength {
    /// In the arm with the least traffic: what [`target_samples`](super::AbTestBuilder::target_samples) takes. Of pairs,
    /// the number of prompts.
    pub samples_per_arm: u64,
    /// In each arm, the control first.
    pub samples: Vec<u64>,
    /// In all arms. A prompt that both versions answer makes two.
    pub total: u64,
    /// How long traffic takes to bring them.
    pub duration: Duration,
}

impl TestLength {
    /// The duration in hours.
    pub fn hours(&self) -> f64 {
        self.duration.as_secs_f64() / 3_600.0
    }
}

impl TestPlan {
    /// A two-sided test of two independent arms by their means with equal shares, α 0.05 and power 0.80. `effect` is in standard
    /// deviations, arm minus control; requests are those that take part and bring a score.
    pub fn new(effect: f64, requests_per_hour: f64) -> Self {
        Self {
            effect,
            requests_per_hour,
            compared_by: ComparedBy::default(),
            alpha: 0.05,
            power: 0.80,
            alternative: Alternative::default(),
            shares: vec![1.0, 1.0],
        }
    }

    /// How versions are compared. Pairs need equal shares: each prompt takes two requests, one of each version.
    pub fn compared_by(mut self, compared_by: ComparedBy) -> Self {
        self.compared_by = compared_by;
        self
    }

    /// The probability of finding a difference that is not there, in (0, 1). With more than two arms each comparison gets
    /// its part of it.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// The probability of finding the effect, above α and below 1.
    pub fn power(mut self, power: f64) -> Self {
        self.power = power;
        self
    }

    /// What is looked for, stated of the control as in SciPy.
    pub fn alternative(mut self, alternative: Alternative) -> Self {
        self.alternative = alternative;
        self
    }

    /// The arms' shares of traffic, as weights of any sum, the control's first.
    pub fn shares(mut self, weights: &[f64]) -> Self {
        self.shares = weights.to_vec();
        self
    }

    /// How many samples and how long.
    ///
    /// # Errors
    ///
    /// If the effect is 0, not finite or on the side that is not looked for; unless α and power are in (0, 1) with the power
    /// above α; if there are fewer than two weights or one is not above 0 and finite; if pairs have other than two equal shares;
    /// if the requests are not finite and above 0, or too few for the time to fit into a [`Duration`].
    pub fn length(&self) -> Result<TestLength, ExperimentError> {
        let [control, arms @ ..] = self.shares.as_slice() else { return Err(self.bad_shares("two or more")) };
        if arms.is_empty() {
            return Err(self.bad_shares("two or more"));
        }
        if self.compared_by == ComparedBy::Pairs && arms != [*control] {
            return Err(self.bad_shares("two equal ones for pairs"));
        }
        let all: f64 = self.shares.iter().sum();
        let (mut samples, mut duration) = (vec![0], Duration::ZERO);
        for arm in arms {
            let size = self.size(arm / control, arms.len())?;
            let of_these = self.requests_per_hour * (control + arm) / all;
            duration = duration.max(time_needed(size, of_these, arm / (control + arm))?);
            samples[0] = samples[0].max(size.a);
            samples.push(size.b);
        }
        let samples_per_arm = samples.iter().copied().min().unwrap_or(0);
        Ok(TestLength { samples_per_arm, total: samples.iter().sum(), samples, duration })
    }

    fn size(&self, arm_to_control: f64, comparisons: usize) -> Result<SampleSize, StatisticsError> {
        let design = match self.compared_by {
            ComparedBy::Means => Design::TwoSample,
            ComparedBy::Ranks => Design::MannWhitney,
            ComparedBy::Pairs => Design::Paired,
        };
        let options = PowerOptions {
            alpha: self.alpha / comparisons as f64,
            power: self.power,
            alternative: self.alternative,
            allocation: Allocation::ratio(arm_to_control)?,
            ..design.into()
        };
        sample_size(self.effect, options)
    }

    fn bad_shares(&self, expected: &'static str) -> ExperimentError {
        ExperimentError::setting("weights", expected, format!("{:?}", self.shares))
    }
}

/// How long so many requests take.
pub(super) fn hours(requests: f64, requests_per_hour: f64) -> Result<Duration, ExperimentError> {
    let refused =
        || ExperimentError::setting("requests per hour", "finite, above 0 and enough", requests_per_hour.to_string());
    if !(requests_per_hour > 0.0 && requests_per_hour.is_finite()) {
        return Err(refused());
    }
    Duration::try_from_secs_f64(requests / requests_per_hour * 3_600.0).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_arms_take_more() {
        let two = TestPlan::new(0.1, 1_000.0).length().unwrap();
        let three = TestPlan::new(0.1, 1_000.0).shares(&[1.0, 1.0, 1.0]).length().unwrap();
        assert!(three.samples_per_arm > two.samples_per_arm && three.duration > two.duration.mul_f64(1.5));
        assert_eq!(three.samples.len(), 3);
        let tenth = TestPlan::new(0.1, 1_000.0).shares(&[0.9, 0.1]).length().unwrap();
        assert!(tenth.samples[0].abs_diff(9 * tenth.samples[1]) < 9 && tenth.duration > two.duration.mul_f64(2.5));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [0.0, f64::NAN, f64::INFINITY] {
            assert!(TestPlan::new(bad, 1_000.0).length().is_err());
            assert!(TestPlan::new(0.1, bad).length().is_err());
            assert!(TestPlan::new(0.1, 1_000.0).shares(&[1.0, bad]).length().is_err());
            assert!(TestPlan::new(0.1, 1_000.0).alpha(bad).length().is_err());
            assert!(hours(10.0, bad).is_err());
        }
        assert!(TestPlan::new(0.1, 1_000.0).shares(&[1.0]).length().is_err());
        assert!(TestPlan::new(0.1, 1_000.0).shares(&[]).length().is_err());
        let pairs = TestPlan::new(0.1, 1_000.0).compared_by(ComparedBy::Pairs);
        assert!(pairs.clone().shares(&[2.0, 1.0]).length().is_err() && pairs.shares(&[2.0, 2.0]).length().is_ok());
    }
}
