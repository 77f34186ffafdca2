//! A test of two or more versions.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::builder::{AbTestBuilder, Setup};
use super::contrast::Contrast;
use super::pairs::Pairs;
use super::samples::Samples;
use super::state::State;
use super::status::{AbStatus, ArmProgress};
use super::test_plan::hours;
use super::{DecisionRule, Design, ExperimentError};
use crate::model::VersionId;

/// Which of two or more versions gives the better answers, by scores in [0, 1].
///
/// The first version is the control. Scores are recorded as they come; [`analyze`](Self::analyze) may be called at any time.
/// Scores beyond the planned sample still count as [anytime-valid evidence](super::AnytimeAnalysis); the
/// [fixed analysis](super::FixedAnalysis) stays that of the planned sample. Memory is bounded by twice the planned sample.
///
/// The unit is the score. Scores of one user are alike, so take one score a user, or few, and the same number in each arm.
///
/// ```
/// use serinus::experiment::{AbOptions, AbTest, Decision};
/// use serinus::model::VersionId;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (v1, v2) = (VersionId::new("v1")?, VersionId::new("v2")?);
/// let mut test = AbTest::new("chat-v2", &v1, &v2, 400)?;
/// for user in 0..1_200 {
///     let version = test.assign(&format!("user-{user}")).clone();
///     test.count_assignment(&version)?;
///     let judged = 0.70 + 0.05 * f64::from(user % 5) + if version == v2 { 0.06 } else { 0.0 };
///     test.record(&version, judged)?;
/// }
/// let analysis = test.analyze(AbOptions::default())?;
/// assert_eq!(analysis.decision, Decision::Adopt { version: v2.clone() });
/// println!("{analysis}");
///
/// assert!(test.record(&v1, 1.2).is_err() && test.record(&VersionId::new("v3")?, 0.5).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "State", into = "State")]
pub struct AbTest {
    pub(super) setup: Setup,
    pub(super) arms: Vec<Arm>,
    pub(super) evidence: Stream,
}

/// An arm keeps no more planned samples than this while it waits for another.
pub(super) const MOST_KEPT: usize = 2;

/// What one version has got.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Arm {
    pub(super) assigned: u64,
    pub(super) samples: Samples,
}

/// Anytime-valid evidence: on each arm against the control, or on pairs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stream {
    Contrasts(Vec<Contrast>),
    Pairs(Box<Pairs>),
}

impl AbTest {
    /// A test of `challenger` against `control` with equal shares and `target_samples` planned scores an arm, unpaired.
    ///
    /// # Errors
    ///
    /// As for [`AbTestBuilder::build`].
    pub fn new(
        name: impl Into<String>,
        control: &VersionId,
        challenger: &VersionId,
        target_samples: u64,
    ) -> Result<Self, ExperimentError> {
        Self::builder(name, control, challenger).target_samples(target_samples).build()
    }

    /// A test with other settings: more arms, unequal shares, another design or rule.
    ///
    /// ```
    /// use serinus::experiment::{AbTest, DecisionRule, Design};
    /// use serinus::model::VersionId;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let [v1, v2, v3] = ["v1", "v2", "v3"].map(VersionId::new);
    /// let (v1, v2, v3) = (v1?, v2?, v3?);
    /// let three = AbTest::builder("sampler", &v1, &v2).arm(&v3).shares(&[0.5, 0.25, 0.25]).target_samples(2_000).build()?;
    /// assert_eq!(three.status().arms[0].target, 4_000, "the control fills as fast as the others");
    ///
    /// let mut pairs = AbTest::builder("shadow", &v1, &v2).design(Design::Paired).rule(DecisionRule::PlannedSize).build()?;
    /// pairs.record_pair(0.8, 0.9)?;
    /// assert!(pairs.record(&v1, 0.8).is_err(), "a single score is no pair");
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(name: impl Into<String>, control: &VersionId, challenger: &VersionId) -> AbTestBuilder {
        AbTestBuilder::new(name, control, challenger)
    }

    pub(super) fn empty(setup: Setup) -> Result<Self, ExperimentError> {
        setup.check()?;
        let shares = setup.shares.shares();
        let evidence = if setup.design == Design::Paired {
            Stream::Pairs(Box::new(Pairs::new(setup.clip)?))
        } else {
            let contrast = |place: usize| {
                Contrast::new((shares[0], shares[place]), (setup.target(0), setup.target(place)))
                    .map_err(ExperimentError::from)
            };
            Stream::Contrasts((1..shares.len()).map(contrast).collect::<Result<_, _>>()?)
        };
        Ok(Self { arms: vec![Arm::default(); shares.len()], setup, evidence })
    }

    /// The name, which also draws users' arms.
    pub fn name(&self) -> &str {
        &self.setup.name
    }

    /// The versions, the control first.
    pub fn versions(&self) -> &[VersionId] {
        &self.setup.versions
    }

    /// The configured shares of traffic in the versions' order; they sum to 1.
    pub fn shares(&self) -> &[f64] {
        self.setup.shares.shares()
    }

    /// Who answers what.
    pub const fn design(&self) -> Design {
        self.setup.design
    }

    /// What the decision rests on.
    pub const fn rule(&self) -> DecisionRule {
        self.setup.rule
    }

    /// The version that a user gets: by the hash of the test's name and the key ([`sticky_point`](crate::route::sticky_point)),
    /// the same in every process. Keeps nothing and counts nothing.
    pub fn assign(&self, user_key: &str) -> &VersionId {
        let place = self.setup.shares.arm(&self.setup.salt(), user_key);
        self.setup.versions.get(place).unwrap_or(&self.setup.versions[0])
    }

    /// Counts a user who was given `version`, once each, whether or not a score ever comes of it. The check of the
    /// [sample ratio](super::SampleRatioCheck) rests on these counts.
    ///
    /// # Errors
    ///
    /// If the version is no arm, or the test is paired.
    pub fn count_assignment(&mut self, version: &VersionId) -> Result<(), ExperimentError> {
        self.count_assignments(version, 1)
    }

    /// Counts many users who were given `version`.
    ///
    /// # Errors
    ///
    /// As for [`count_assignment`](Self::count_assignment).
    pub fn count_assignments(&mut self, version: &VersionId, users: u64) -> Result<(), ExperimentError> {
        if self.setup.design == Design::Paired {
            return Err(
                self.misfit("count_assignment", "both versions answer each prompt, so there is no split to check")
            );
        }
        let place = self.place(version)?;
        self.arms[place].assigned = self.arms[place].assigned.saturating_add(users);
        Ok(())
    }

    /// Takes in the score of an answer of `version`, in [0, 1], more is better.
    ///
    /// # Errors
    ///
    /// If the score is not in [0, 1], the version is no arm, or the design is another; then nothing is taken in.
    pub fn record(&mut self, version: &VersionId, score: f64) -> Result<(), ExperimentError> {
        self.record_many(version, &[score])
    }

    /// Takes in many scores of `version`, in order of arrival.
    ///
    /// # Errors
    ///
    /// As for [`record`](Self::record), of any of them; then nothing is taken in.
    pub fn record_many(&mut self, version: &VersionId, scores: &[f64]) -> Result<(), ExperimentError> {
        match self.setup.design {
            Design::Unpaired => {}
            Design::Cuped => return Err(self.misfit("record", "use `record_with`, which takes the covariate too")),
            Design::Paired => return Err(self.misfit("record", "use `record_pair`, which takes both versions' scores")),
        }
        let place = self.place(version)?;
        check_scores(scores)?;
        scores.iter().try_for_each(|score| self.take_in(place, *score, None))
    }

    /// Takes in the score of an answer of `version` and its covariate: a number from before the experiment, on any scale.
    ///
    /// # Errors
    ///
    /// As for [`record`](Self::record), and if the covariate is not finite; then nothing is taken in.
    pub fn record_with(&mut self, version: &VersionId, score: f64, covariate: f64) -> Result<(), ExperimentError> {
        if self.setup.design != Design::Cuped {
            return Err(self.misfit("record_with", "make the test with `Design::Cuped` to use covariates"));
        }
        let place = self.place(version)?;
        check_scores(&[score])?;
        if !covariate.is_finite() {
            return Err(ExperimentError::Covariate { got: covariate });
        }
        self.take_in(place, score, Some(covariate))
    }

    /// Takes in the scores of both versions' answers to one prompt.
    ///
    /// # Errors
    ///
    /// If a score is not in [0, 1], or the test is not paired; then nothing is taken in.
    pub fn record_pair(&mut self, control: f64, challenger: f64) -> Result<(), ExperimentError> {
        self.record_pairs(&[control], &[challenger])
    }

    /// Takes in the scores of both versions' answers to many prompts, in order of arrival.
    ///
    /// # Errors
    ///
    /// As for [`record_pair`](Self::record_pair), and unless both lists have one length; then nothing is taken in.
    pub fn record_pairs(&mut self, control: &[f64], challenger: &[f64]) -> Result<(), ExperimentError> {
        if control.len() != challenger.len() {
            return Err(ExperimentError::Pairs { control: control.len(), arm: challenger.len() });
        }
        check_scores(control)?;
        check_scores(challenger)?;
        let Stream::Pairs(pairs) = &mut self.evidence else {
            return Err(
                self.misfit("record_pair", "make the test with `Design::Paired`, or record each score by its version")
            );
        };
        let room = self.setup.target(0);
        for (control, challenger) in control.iter().zip(challenger) {
            pairs.add(*control, *challenger)?;
            for (arm, score) in self.arms.iter_mut().zip([control, challenger]) {
                arm.samples.add(*score, None, room)?;
            }
        }
        Ok(())
    }

    /// How far the test has come.
    pub fn status(&self) -> AbStatus {
        let arm = |(place, (version, arm)): (usize, (&VersionId, &Arm))| ArmProgress {
            version: version.clone(),
            assigned: arm.assigned,
            samples: arm.samples.count(),
            target: self.setup.target(place) as u64,
        };
        AbStatus::of(self.setup.versions.iter().zip(&self.arms).enumerate().map(arm).collect())
    }

    /// How long the planned sample takes from nothing, if this many requests an hour take part and each brings a score. In a
    /// paired test each prompt takes two requests, one of each version.
    ///
    /// # Errors
    ///
    /// Unless the requests are finite and above 0, and enough for the time to fit into a [`Duration`].
    pub fn planned_duration(&self, requests_per_hour: f64) -> Result<Duration, ExperimentError> {
        // Arms fill at the same time, so that the one with the least traffic says it all.
        hours(self.setup.target_samples as f64 / self.setup.shares.least(), requests_per_hour)
    }

    fn take_in(&mut self, place: usize, score: f64, covariate: Option<f64>) -> Result<(), ExperimentError> {
        let room = self.room(place);
        self.arms[place].samples.add(score, covariate, room)?;
        if let Stream::Contrasts(contrasts) = &mut self.evidence {
            match place.checked_sub(1) {
                None => contrasts.iter_mut().try_for_each(|contrast| contrast.add_to_control(score))?,
                Some(arm) => contrasts[arm].add_to_arm(score)?,
            }
        }
        Ok(())
    }

    /// How many scores of an arm are kept. All arms' samples end together, once each has its planned number: counted arm by arm
    /// they would be of different times, and a drift would look like a difference.
    fn room(&self, place: usize) -> usize {
        let is_short = |(place, arm): (usize, &Arm)| arm.samples.count() < self.setup.target(place) as u64;
        if self.arms.iter().enumerate().any(is_short) { MOST_KEPT * self.setup.target(place) } else { 0 }
    }

    fn place(&self, version: &VersionId) -> Result<usize, ExperimentError> {
        let versions = &self.setup.versions;
        versions.iter().position(|arm| arm == version).ok_or_else(|| ExperimentError::UnknownVersion {
            version: version.clone(),
            test: self.setup.name.clone(),
            arms: versions.iter().map(VersionId::as_str).collect::<Vec<_>>().join(", "),
        })
    }

    fn misfit(&self, call: &'static str, instead: &'static str) -> ExperimentError {
        ExperimentError::Design { call, test: self.setup.name.clone(), design: self.setup.design, instead }
    }
}

pub(super) fn check_scores(scores: &[f64]) -> Result<(), ExperimentError> {
    match scores.iter().enumerate().find(|(_, score)| !(0.0..=1.0).contains(*score)) {
        Some((place, &got)) => Err(ExperimentError::Score { got, place }),
        None => Ok(()),
    }
}
