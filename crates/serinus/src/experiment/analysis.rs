//! A test, analysed.

use serde::{Deserialize, Serialize};

use super::decision::{self, Decision};
use super::finding::Estimate;
use super::status::{AbStatus, Progress};
use super::{
    AbTest, Alternative, AnytimeAnalysis, DecisionRule, Design, ExperimentError, FixedAnalysis, SampleRatioCheck,
};
use crate::model::VersionId;

/// What an analysis is asked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AbOptions {
    /// The probability, in (0, 1), of finding a difference that is not there, over all arms. Default: 0.05.
    pub alpha: f64,
    /// What is looked for, stated of the *control* as in SciPy: [`Alternative::Less`], the control is less than the arm, looks
    /// for a better arm only. Choose it before the first look. Default: [`Alternative::TwoSided`].
    pub alternative: Alternative,
    /// A difference of mean scores, in (0, 1), below which it does not matter which version serves. Anytime evidence then ends a
    /// test once its interval lies within ± this. Default: none.
    pub indifference: Option<f64>,
}

impl Default for AbOptions {
    fn default() -> Self {
        Self { alpha: 0.05, alternative: Alternative::default(), indifference: None }
    }
}

impl AbOptions {
    fn check(&self) -> Result<(), ExperimentError> {
        let open = |value: f64| value > 0.0 && value < 1.0;
        if !open(self.alpha) {
            return Err(ExperimentError::setting("alpha", "above 0 and below 1", self.alpha.to_string()));
        }
        match self.indifference {
            Some(got) if !open(got) => {
                Err(ExperimentError::setting("an indifference", "above 0 and below 1", got.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Of each arm's intervals, so that those of all arms hold together.
    pub(super) fn confidence(&self, arms: usize) -> f64 {
        1.0 - self.alpha / arms as f64
    }

    /// Whether no difference that matters is left.
    pub(super) fn is_negligible(&self, difference: &Estimate) -> bool {
        let interval = difference.interval;
        self.indifference.is_some_and(|most| -most < interval.low && interval.high < most)
    }
}

/// A test, analysed in two ways side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AbAnalysis {
    /// The test's name.
    pub test: String,
    /// Its design.
    pub design: Design,
    /// What the decision rests on.
    pub rule: DecisionRule,
    /// What was asked.
    pub options: AbOptions,
    /// How far the test has come.
    pub status: AbStatus,
    /// Each arm, the control first.
    pub arms: Vec<ArmSummary>,
    /// Each other arm against the control. Empty while an arm has fewer than 30 scores.
    pub comparisons: Vec<Comparison>,
    /// Whether traffic is split as configured; `None` of a paired test.
    pub sample_ratio: Option<SampleRatioCheck>,
    /// What to do.
    pub decision: Decision,
    /// Why, in words with the numbers.
    pub reasons: Vec<String>,
}

/// One arm's scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmSummary {
    /// Whose they are.
    pub version: VersionId,
    /// How many.
    pub samples: u64,
    /// Their mean; `None` without scores.
    pub mean: Option<f64>,
    /// Their standard deviation; `None` below two scores.
    pub standard_deviation: Option<f64>,
}

/// One arm against the control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The control.
    pub control: VersionId,
    /// The arm.
    pub arm: VersionId,
    /// By the planned sample: holds once, at the planned size.
    pub fixed: FixedAnalysis,
    /// By anytime-valid evidence: holds at every look.
    pub anytime: AnytimeAnalysis,
}

impl AbAnalysis {
    /// An arm against the control; `None` of the control itself, of a version that is no arm, and while there is too little
    /// data.
    pub fn comparison(&self, arm: &VersionId) -> Option<&Comparison> {
        self.comparisons.iter().find(|comparison| comparison.arm == *arm)
    }
}

impl AbTest {
    /// What the scores so far say. Looking changes nothing.
    ///
    /// # Errors
    ///
    /// If the options' `alpha` or `indifference` is not in (0, 1).
    pub fn analyze(&self, options: AbOptions) -> Result<AbAnalysis, ExperimentError> {
        options.check()?;
        let status = self.status();
        let comparisons = if status.progress == Progress::InsufficientData {
            Vec::new()
        } else {
            let both = self.fixed(&options)?.into_iter().zip(self.anytime(&options)?);
            let versions = self.versions();
            let compare = |(arm, (fixed, anytime)): (&VersionId, _)| Comparison {
                control: versions[0].clone(),
                arm: arm.clone(),
                fixed,
                anytime,
            };
            versions.iter().skip(1).zip(both).map(compare).collect()
        };
        let sample_ratio = self.sample_ratio()?;
        let (decision, reasons) = decision::decide(self.rule(), &status, sample_ratio.as_ref(), &comparisons);
        let arms = self.setup.versions.iter().zip(&self.arms).map(|(version, arm)| ArmSummary {
            version: version.clone(),
            samples: arm.samples.count(),
            mean: arm.samples.mean(),
            standard_deviation: arm.samples.deviation(),
        });
        Ok(AbAnalysis {
            test: self.setup.name.clone(),
            design: self.design(),
            rule: self.rule(),
            options,
            arms: arms.collect(),
            status,
            comparisons,
            sample_ratio,
            decision,
            reasons,
        })
    }
}
