//! A test's settings.

use serde::{Deserialize, Serialize};

use super::ab_test::AbTest;
use super::split::Split;
use super::status::MIN_SAMPLES;
use super::{DecisionRule, Design, ExperimentError};
use crate::model::VersionId;

/// The planned sample unless another is given: an effect of 0.05 standard deviations, α 0.05, power 0.80.
const DEFAULT_TARGET: u64 = 6_280;
const DEFAULT_TARGET_OF_PAIRS: u64 = 3_140;
/// The largest planned sample of an arm: 160 MB of scores at most.
const MOST: f64 = 10_000_000.0;
/// The longest name, in bytes.
const LONGEST_NAME: usize = 128;
/// Weights of arms differ by no more than this.
const MOST_UNEQUAL: f64 = 1_000.0;

/// The settings of an [`AbTest`]; made by [`AbTest::builder`].
#[derive(Clone, Debug)]
pub struct AbTestBuilder {
    name: String,
    versions: Vec<VersionId>,
    shares: Option<Vec<f64>>,
    design: Design,
    rule: DecisionRule,
    target: Option<u64>,
    clip: f64,
}

impl AbTestBuilder {
    pub(super) fn new(name: impl Into<String>, control: &VersionId, challenger: &VersionId) -> Self {
        Self {
            name: name.into(),
            versions: vec![control.clone(), challenger.clone()],
            shares: None,
            design: Design::default(),
            rule: DecisionRule::default(),
            target: None,
            clip: 1.0,
        }
    }

    /// One more arm.
    pub fn arm(mut self, version: &VersionId) -> Self {
        self.versions.push(version.clone());
        self
    }

    /// The configured shares of traffic, as weights of any sum, the control's first. Default: equal ones.
    pub fn shares(mut self, weights: &[f64]) -> Self {
        self.shares = Some(weights.to_vec());
        self
    }

    /// Who answers what. Default: [`Design::Unpaired`].
    pub fn design(mut self, design: Design) -> Self {
        self.design = design;
        self
    }

    /// What the decision rests on. Default: [`DecisionRule::PlannedSize`].
    pub fn rule(mut self, rule: DecisionRule) -> Self {
        self.rule = rule;
        self
    }

    /// The planned sample: scores in the arm with the least traffic (pairs, if the test is paired), from 30 on. Arms with more
    /// traffic have as many more, so that all are full at the same time. Default: 6,280, or 3,140 pairs, for an effect of 0.05
    /// standard deviations ([`TestPlan`](super::TestPlan) for others). Each arm keeps its scores in memory, 8 bytes each (16 with
    /// a covariate), until all arms have their planned sample, and never more than twice its own.
    pub fn target_samples(mut self, target: u64) -> Self {
        self.target = Some(target);
        self
    }

    /// For pairs: differences count for no more than this in the evidence, in (0, 1]; in estimates and intervals they count
    /// whole. Default: 1, no clipping, which tests the mean difference itself. 0.25 finds differences beyond a tenth of a
    /// standard deviation sooner, and overlooks a version that is a little better mostly and a disaster sometimes.
    pub fn clip(mut self, clip: f64) -> Self {
        self.clip = clip;
        self
    }

    /// The test.
    ///
    /// # Errors
    ///
    /// If the name is empty, longer than 128 bytes or has control characters; if two arms are one version; if there are not as
    /// many weights as arms, one is not above 0 and finite, or they differ by more than a factor of 1,000; if the planned sample
    /// is below 30, or above ten million in an arm; if a paired test has more than two arms or unequal shares; if the clip is
    /// not in (0, 1].
    pub fn build(self) -> Result<AbTest, ExperimentError> {
        let equal = vec![1.0; self.versions.len()];
        let weights = self.shares.unwrap_or(equal);
        let split = Split::new(&weights)
            .ok_or_else(|| ExperimentError::setting("weights", "finite and above 0", format!("{weights:?}")))?;
        let default = if self.design == Design::Paired { DEFAULT_TARGET_OF_PAIRS } else { DEFAULT_TARGET };
        AbTest::empty(Setup {
            name: self.name,
            design: self.design,
            rule: self.rule,
            versions: self.versions,
            shares: split,
            target_samples: self.target.unwrap_or(default),
            clip: self.clip,
        })
    }
}

/// What a test is, before any score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Setup {
    pub(super) name: String,
    pub(super) design: Design,
    pub(super) rule: DecisionRule,
    pub(super) versions: Vec<VersionId>,
    pub(super) shares: Split,
    pub(super) target_samples: u64,
    pub(super) clip: f64,
}

impl Setup {
    pub(super) fn check(&self) -> Result<(), ExperimentError> {
        let error = |setting, expected, got: String| Err(ExperimentError::setting(setting, expected, got));
        let shares = self.shares.shares();
        if !(1..=LONGEST_NAME).contains(&self.name.len()) || self.name.chars().any(char::is_control) {
            return error("a name", "of 1 to 128 bytes without control characters", format!("{:?}", self.name));
        }
        if self.versions.len() < 2 {
            return error("arms", "two or more", self.versions.len().to_string());
        }
        if let Some(twice) = self.versions.iter().enumerate().find(|(i, v)| self.versions[..*i].contains(v)) {
            return error("arms", "that are different versions", format!("{} twice", twice.1));
        }
        if shares.len() != self.versions.len() {
            return error("weights", "one for each arm", shares.len().to_string());
        }
        let sum: f64 = shares.iter().sum();
        if !((sum - 1.0).abs() < 1e-9 && shares.iter().all(|share| share * MOST_UNEQUAL >= self.shares.greatest())) {
            return error("weights", "that differ by a factor of 1,000 at most", format!("{shares:?}"));
        }
        if self.target_samples < MIN_SAMPLES {
            return error("target samples", "30 or more", self.target_samples.to_string());
        }
        if self.target_samples as f64 * self.shares.greatest() / self.shares.least() > MOST {
            return error("target samples", "ten million at most in each arm", self.target_samples.to_string());
        }
        if !(self.clip > 0.0 && self.clip <= 1.0) {
            return error("a clip", "above 0 and at most 1", self.clip.to_string());
        }
        let even = shares.iter().all(|share| (share - 0.5).abs() < 1e-9);
        if self.design == Design::Paired && !(shares.len() == 2 && even) {
            return error("a paired test", "of two arms with equal shares", format!("{shares:?}"));
        }
        Ok(())
    }

    /// The planned sample of an arm.
    pub(super) fn target(&self, place: usize) -> usize {
        let times = self.shares.shares().get(place).map_or(1.0, |share| share / self.shares.least());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 30 to ten million")]
        let target = (self.target_samples as f64 * times).round() as usize;
        target
    }

    /// What draws the arms: the test's name.
    pub(super) fn salt(&self) -> String {
        format!("test:{}", self.name)
    }
}
