//! A rate behind an imperfect judge.

use serde::{Deserialize, Serialize};

use super::arms;
use crate::{Interval, StatisticsError, check, distribution::normal, sequential::Count};

/// A rate, corrected for the errors of whoever counted it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CorrectedRate {
    /// The corrected rate, in [0, 1].
    pub rate: f64,
    /// Where it lies with the confidence asked for.
    pub interval: Interval,
}

/// The true rate of failures behind a judge that overlooks some and sees others where there are none.
///
/// `judged` is what the judge said of the answers in question. `sensitivity` is what it said of answers known to be bad: as
/// failures, those that it called so; `specificity` of answers known to be good: as failures, those that it *rightly let pass*
/// (both count what it got right). The rate is that of W. J. Rogan and B. Gladen, American Journal of Epidemiology 107
/// (1978) 71–76; the interval, which allows for how few labelled answers there are, is that of Z. Lang and J. Reiczigel,
/// Preventive Veterinary Medicine 113 (2014) 13–22. Approximate: its coverage is close to `confidence`, not at least that.
///
/// `None` if the judge is no better than chance (sensitivity + specificity ≤ 1): nothing can be learnt through it.
///
/// # Errors
///
/// Unless `confidence` is in (0, 1) and each count has trials.
///
/// ```
/// use serinus_stats::proportions::rogan_gladen;
/// use serinus_stats::sequential::Count;
///
/// // 12% judged to fail, by a judge that finds 90% of bad answers and faults 5% of good ones.
/// let (judged, right_on_bad, right_on_good) = (Count::new(120, 1_000)?, Count::new(90, 100)?, Count::new(190, 200)?);
/// let corrected = rogan_gladen(judged, right_on_bad, right_on_good, 0.95)?.expect("better than chance");
/// assert!((corrected.rate - 0.07 / 0.85).abs() < 1e-12);
/// assert!(corrected.interval.low < 0.06 && corrected.interval.high > 0.10);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
pub fn rogan_gladen(
    judged: Count,
    sensitivity: Count,
    specificity: Count,
    confidence: f64,
) -> Result<Option<CorrectedRate>, StatisticsError> {
    check::confidence(confidence)?;
    for (argument, count) in [("judged", judged), ("sensitivity", sensitivity), ("specificity", specificity)] {
        arms::with_trials(argument, count)?;
    }
    let rate = |count: Count| count.failures() as f64 / count.trials() as f64;
    let youden = rate(sensitivity) + rate(specificity) - 1.0;
    if youden <= 0.0 {
        return Ok(None);
    }
    let z = normal::isf((1.0 - confidence) / 2.0);
    let (n, x) = (judged.trials() as f64, judged.failures() as f64);
    // Agresti and Coull's shrinkage of the judged rate, Laplace's of the two others.
    let n_judged = n + z * z;
    let p = (x + z * z / 2.0) / n_judged;
    let shrunk = |count: Count| {
        let n = count.trials() as f64 + 2.0;
        let p = (count.failures() as f64 + 1.0) / n;
        (p, p * (1.0 - p) / n)
    };
    let ((se, se_variance), (sp, sp_variance)) = (shrunk(sensitivity), shrunk(specificity));
    let denominator = se + sp - 1.0;
    if denominator <= 0.0 {
        return Ok(None);
    }
    let centre = (p + sp - 1.0) / denominator;
    let shift = 2.0 * z * z * (centre * se_variance - (1.0 - centre) * sp_variance);
    let variance = p * (1.0 - p) / n_judged + centre * centre * se_variance + (1.0 - centre).powi(2) * sp_variance;
    let half = z * variance.sqrt() / denominator;
    Ok(Some(CorrectedRate {
        rate: ((x / n + rate(specificity) - 1.0) / youden).clamp(0.0, 1.0),
        interval: Interval {
            low: (centre + shift - half).clamp(0.0, 1.0),
            high: (centre + shift + half).clamp(0.0, 1.0),
        },
    }))
}
