//! How far a judge can be believed, from answers whose worth is known.

use serde::{Deserialize, Serialize};
use serinus_stats::StatisticsError;
pub use serinus_stats::proportions::CorrectedRate;
use serinus_stats::proportions::rogan_gladen;

use super::{Judge, JudgeError};
use crate::host::{Answer, Prompt};
use crate::observe::Count;

/// What a person says of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// It should pass.
    Good,
    /// It should fail.
    Bad,
}

/// A judge's own errors, measured on answers that people have labelled. With it a rate of judged failures is reported
/// corrected, too: what the judge overlooks and what it faults without cause taken out.
///
/// Fifty labelled answers of each kind are a start; with few, the corrected rate's interval is wide. The labels must be of
/// the same kind of traffic. Verdicts compare raw rates: both versions are judged by the same judge, whose errors make a
/// difference smaller and never larger.
///
/// ```
/// use serinus::judge::{Calibration, Label};
/// use serinus::observe::Count;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut calibration = Calibration::default();
/// for i in 0..100 {
///     calibration.add(Label::Bad, i % 10 != 0); // of bad answers it lets 10% pass: `judged_bad`
///     calibration.add(Label::Good, i % 20 == 0); // of good ones it faults 5%
/// }
/// assert_eq!(calibration.sensitivity(), Some(0.9));
/// let corrected = calibration.correct(Count::new(120, 1_000)?, 0.95)?.expect("better than chance");
/// assert!((corrected.rate - 0.07 / 0.85).abs() < 1e-9, "not 12%");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Of bad answers, those judged bad.
    right_on_bad: Count,
    /// Of good answers, those judged good.
    right_on_good: Count,
}

impl Calibration {
    /// Adds a labelled answer and what the judge said of it.
    pub fn add(&mut self, label: Label, judged_bad: bool) {
        match label {
            Label::Bad => self.right_on_bad.add_trial(judged_bad),
            Label::Good => self.right_on_good.add_trial(!judged_bad),
        }
    }

    /// Has a judge judge labelled answers. One that scores and does not say whether an answer passes is taken to pass it from
    /// a score of ½ on.
    ///
    /// # Errors
    ///
    /// The judge's first: a calibration with holes would be one of the answers that are easy to judge.
    pub fn measure<'a>(
        judge: &dyn Judge,
        labelled: impl IntoIterator<Item = (&'a Prompt, &'a Answer, Label)>,
    ) -> Result<Self, JudgeError> {
        let mut calibration = Self::default();
        for (prompt, answer, label) in labelled {
            let score = judge.score(prompt, answer)?;
            calibration.add(label, !score.passed.unwrap_or(score.quality >= 0.5));
        }
        Ok(calibration)
    }

    /// The share of bad answers that it finds; `None` without any.
    pub fn sensitivity(&self) -> Option<f64> {
        self.right_on_bad.rate()
    }

    /// The share of good answers that it lets pass; `None` without any.
    pub fn specificity(&self) -> Option<f64> {
        self.right_on_good.rate()
    }

    /// The rate of failures behind what it judged, with an interval (Rogan and Gladen; Lang and Reiczigel: see
    /// [`rogan_gladen`]). `None` if it is no better than chance.
    ///
    /// # Errors
    ///
    /// Without labelled answers of both kinds or without judged ones, and unless `confidence` is in (0, 1).
    pub fn correct(&self, judged: Count, confidence: f64) -> Result<Option<CorrectedRate>, StatisticsError> {
        rogan_gladen(judged, self.right_on_bad, self.right_on_good, confidence)
    }
}
