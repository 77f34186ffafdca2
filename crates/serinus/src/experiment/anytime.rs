//! What the evidence says at any time.

use serde::{Deserialize, Serialize};
use serinus_stats::sequential::EValue;

use super::ExperimentError;
use super::ab_test::{AbTest, Stream};
use super::finding::{Estimate, Finding};
use super::{AbOptions, Alternative};

/// What anytime-valid evidence says of an arm against the control. It may be looked at as often as one likes, and acted on at
/// any look: with identical versions it ever finds a difference, over the whole life of the test, with a probability of at
/// most α.
///
/// Scores of independent arms are taken in by blocks, once each arm has at least 20 new ones (the one with less traffic; others
/// in proportion). Each bet depends on the blocks before it alone, and the first block only teaches. Scores of the same stretch of
/// time are compared, so a drift that hits both arms is no difference; where one arm's scores come ahead of the other's by more
/// than four blocks, as in a batch, they are matched in order of arrival. Pairs are taken in one by one. The tests are
/// `serinus_stats::sequential`'s `MeanTest` and `PairedTest`, with both directions at half of α in a two-sided test. Covariates
/// are not used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnytimeAnalysis {
    /// The evidence that the arm is better: an e-value against "its mean is no higher than the control's".
    pub evidence_better: f64,
    /// The evidence that the arm is worse: an e-value against "its mean is no lower than the control's".
    pub evidence_worse: f64,
    /// The evidence at which something is found: arms × directions / α.
    pub needed: f64,
    /// A p-value that is valid at any time, for the alternative asked for and all arms together.
    pub p_value: f64,
    /// What is found now.
    pub finding: Finding,
    /// Mean score of the arm less that of the control, by what was matched; its interval is valid at all times together,
    /// with confidence 1 − α/arms. `None` before the first block.
    pub mean_difference: Option<Estimate>,
    /// P(arm > control) + ½ P(arm = control), in blocks or in pairs; its interval as that of the difference.
    pub win_rate: Option<Estimate>,
    /// Scores of both arms that were evidence. Others wait for the rest of their block.
    pub samples: u64,
}

/// What a stream of scores amounts to.
pub(super) struct Evidence {
    pub(super) better: EValue,
    pub(super) worse: EValue,
    pub(super) mean_difference: Option<Estimate>,
    pub(super) win_rate: Option<Estimate>,
    pub(super) samples: u64,
}

impl AbTest {
    /// For each arm but the control.
    pub(super) fn anytime(&self, options: &AbOptions) -> Result<Vec<AnytimeAnalysis>, ExperimentError> {
        let arms = self.arms.len() - 1;
        let confidence = options.confidence(arms);
        let evidence = match &self.evidence {
            Stream::Pairs(pairs) => vec![pairs.evidence(confidence)?],
            Stream::Contrasts(contrasts) => {
                contrasts.iter().map(|contrast| contrast.evidence(confidence)).collect::<Result<Vec<_>, _>>()?
            }
        };
        Ok(evidence.into_iter().map(|evidence| analysis(&evidence, arms, options)).collect())
    }
}

fn analysis(evidence: &Evidence, arms: usize, options: &AbOptions) -> AnytimeAnalysis {
    // Of the control: "less" looks for a better arm.
    let (looks_better, looks_worse) = match options.alternative {
        Alternative::TwoSided => (true, true),
        Alternative::Less => (true, false),
        Alternative::Greater => (false, true),
    };
    let questions = arms as f64 * if looks_better && looks_worse { 2.0 } else { 1.0 };
    let needed = questions / options.alpha;
    let asked = |looks: bool, e: EValue| if looks { e } else { EValue::ONE };
    let (better, worse) = (asked(looks_better, evidence.better), asked(looks_worse, evidence.worse));
    let found = |e: EValue| e.log() >= needed.ln();
    let finding = if found(better) && better >= worse {
        Finding::Better
    } else if found(worse) {
        Finding::Worse
    } else if evidence.mean_difference.is_some_and(|difference| options.is_negligible(&difference)) {
        Finding::Alike
    } else {
        Finding::Open
    };
    AnytimeAnalysis {
        evidence_better: evidence.better.value(),
        evidence_worse: evidence.worse.value(),
        needed,
        p_value: (questions * better.p_value().min(worse.p_value())).min(1.0),
        finding,
        mean_difference: evidence.mean_difference,
        win_rate: evidence.win_rate,
        samples: evidence.samples,
    }
}
