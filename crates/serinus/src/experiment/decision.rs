//! What to do, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::analysis::{AbAnalysis, Comparison};
use super::finding::Finding;
use super::ratio::{SampleRatioCheck, UnitCounted};
use super::status::{AbStatus, Progress};
use super::{DecisionRule, FixedAnalysis, words};
use crate::model::VersionId;

/// What to do. Its words are short; the reasons with the numbers are [`AbAnalysis::reasons`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// This version is better than the control; of several that are, the one whose mean score is the highest.
    Adopt {
        /// The version.
        version: VersionId,
    },
    /// No other version is better, and at least one is worse.
    KeepControl {
        /// The control.
        version: VersionId,
    },
    /// No difference was found at the planned size, or none that matters is left.
    NoDifference,
    /// The evidence does not suffice yet.
    Undecided,
    /// The split of traffic is not the configured one, so the scores cannot be compared.
    Blocked,
    /// An arm has fewer than 30 scores.
    InsufficientData,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adopt { version } => write!(f, "adopt {version}"),
            Self::KeepControl { version } => write!(f, "keep {version}"),
            Self::NoDifference => f.write_str("no difference"),
            Self::Undecided => f.write_str("undecided"),
            Self::Blocked => f.write_str("blocked: traffic is not split as configured"),
            Self::InsufficientData => f.write_str("insufficient data"),
        }
    }
}

/// The decision followed by its reasons, one a line.
impl fmt::Display for AbAnalysis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.decision)?;
        self.reasons.iter().try_for_each(|reason| write!(f, "\n{reason}"))
    }
}

/// The decision and its reasons.
pub(super) fn decide(
    rule: DecisionRule,
    status: &AbStatus,
    sample_ratio: Option<&SampleRatioCheck>,
    comparisons: &[Comparison],
) -> (Decision, Vec<String>) {
    if let Some(check) = sample_ratio.filter(|check| check.mismatch) {
        return (Decision::Blocked, vec![mismatch(check)]);
    }
    if status.progress == Progress::InsufficientData {
        let short = status.arms.iter().filter(|arm| arm.samples < super::status::MIN_SAMPLES);
        let words = short.map(|arm| format!("{} has {} scores, needed 30", arm.version, arm.samples));
        return (Decision::InsufficientData, words.collect());
    }
    let finding = |comparison: &Comparison| match rule {
        DecisionRule::Anytime => comparison.anytime.finding,
        DecisionRule::PlannedSize => comparison.fixed.finding,
    };
    let ahead = |comparison: &Comparison| match (rule, comparison.anytime.mean_difference) {
        (DecisionRule::Anytime, Some(difference)) => difference.estimate,
        _ => comparison.fixed.mean_difference.estimate,
    };
    let better = comparisons.iter().filter(|comparison| finding(comparison) == Finding::Better);
    let best = better.max_by(|one, other| ahead(one).total_cmp(&ahead(other)));
    let all = |wanted: &[Finding]| comparisons.iter().all(|comparison| wanted.contains(&finding(comparison)));
    let decision = match (best, comparisons.first()) {
        (Some(best), _) => Decision::Adopt { version: best.arm.clone() },
        (None, Some(_)) if all(&[Finding::Alike]) => Decision::NoDifference,
        (None, Some(first)) if all(&[Finding::Alike, Finding::Worse]) => {
            Decision::KeepControl { version: first.control.clone() }
        }
        _ => Decision::Undecided,
    };
    let words = comparisons.iter().map(|comparison| match rule {
        DecisionRule::Anytime => by_evidence(comparison),
        DecisionRule::PlannedSize => by_sample(comparison),
    });
    let mut reasons: Vec<String> = words.collect();
    if rule == DecisionRule::PlannedSize {
        reasons.extend(comparisons.iter().filter_map(ahead_of_plan));
    }
    if rule == DecisionRule::Anytime && decision == Decision::Undecided && status.is_complete() {
        reasons.push("the planned size is reached: the test may go on, or stop without a result".into());
    }
    (decision, reasons)
}

fn mismatch(check: &SampleRatioCheck) -> String {
    let total: u64 = check.counts.iter().sum();
    let counted = match check.counted {
        UnitCounted::Assignments => "assignments",
        UnitCounted::Scores => "scores (no assignments were counted)",
    };
    let arms = check.counts.iter().zip(&check.shares).map(|(count, share)| {
        let (actual, expected) = (*count as f64 / total.max(1) as f64, *share);
        format!(
            "{} ({}) where {} are configured",
            words::whole(*count),
            words::percent(actual),
            words::percent(expected)
        )
    });
    format!(
        "{counted}: {}; evidence of a mismatch {}, {} by the chi-square test. Users were lost or misrouted in one arm, so the \
         arms are not alike: find out where, mend it, and begin a new test. Do not adopt or reject on these scores",
        arms.collect::<Vec<_>>().join(", "),
        words::odds(check.evidence),
        words::p_value(check.chi_square_p_value),
    )
}

fn by_evidence(comparison: &Comparison) -> String {
    let Comparison { control, arm, anytime, .. } = comparison;
    let (Some(mean), Some(wins)) = (&anytime.mean_difference, &anytime.win_rate) else {
        return format!("{arm} against {control}: no scores of both could be matched yet");
    };
    format!(
        "{arm} against {control}: mean score {}, win rate {}, at any time; evidence that it is better {}, that it is worse {}, \
         needed {}; {} scores{}",
        words::signed_estimate(mean),
        words::percent_estimate(wins),
        words::odds(anytime.evidence_better),
        words::odds(anytime.evidence_worse),
        words::odds(anytime.needed),
        words::whole(anytime.samples),
        effect(&comparison.fixed),
    )
}

fn by_sample(comparison: &Comparison) -> String {
    let Comparison { control, arm, fixed, .. } = comparison;
    let contradiction = if fixed.holds && fixed.finding == Finding::Open {
        "; ranks and means contradict each other: look at the lowest scores"
    } else {
        ""
    };
    format!(
        "{arm} against {control}: mean score {}, win rate {}, adjusted {}; {} and {} scores{}{contradiction}; {}",
        words::signed_estimate(&fixed.mean_difference),
        words::percent_estimate(&fixed.win_rate),
        words::p_value(fixed.adjusted_p_value),
        words::whole(fixed.control_samples),
        words::whole(fixed.arm_samples),
        effect(fixed),
        fixed.caveat,
    )
}

/// Anytime evidence that is there before the planned sample is.
fn ahead_of_plan(comparison: &Comparison) -> Option<String> {
    let Comparison { control, arm, fixed, anytime } = comparison;
    let finding = match anytime.finding {
        Finding::Better if !fixed.holds => "better than",
        Finding::Worse if !fixed.holds => "worse than",
        _ => return None,
    };
    let evidence = words::odds(anytime.evidence_better.max(anytime.evidence_worse));
    Some(format!(
        "{arm} is {finding} {control} already by anytime evidence ({evidence}, needed {}): the test may be stopped for it, by          a person",
        words::odds(anytime.needed),
    ))
}

fn effect(fixed: &FixedAnalysis) -> String {
    fixed.cohens_d.map_or_else(String::new, |d| format!("; Cohen's d {:+.3}", d.estimate))
}
