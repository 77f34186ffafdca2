//! Many e-values at once.

use super::EValue;
use crate::{StatisticsError, check};

/// Which of many null hypotheses to reject so that, of those rejected, at most a share `alpha` are true on average: the
/// Benjamini-Hochberg procedure for e-values. It holds whatever the e-values have to do with each other, and at any time at
/// which one stops.
///
/// With the k-th greatest of K e-values written e₍ₖ₎, it rejects the k greatest for the greatest k with
/// k·e₍ₖ₎ ≥ K/`alpha` (R. Wang and A. Ramdas, "False discovery rate control with e-values", JRSS B 84 (2022),
/// [doi:10.1111/rssb.12489](https://doi.org/10.1111/rssb.12489)).
///
/// # Errors
///
/// Unless `alpha` is in (0, 1).
///
/// ```
/// use serinus_stats::sequential::{EValue, e_benjamini_hochberg};
///
/// let evidence = [EValue::new(90.0)?, EValue::new(0.5)?, EValue::new(50.0)?, EValue::new(3.0)?];
/// assert_eq!(e_benjamini_hochberg(&evidence, 0.05)?, [true, false, true, false]);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
pub fn e_benjamini_hochberg(values: &[EValue], alpha: f64) -> Result<Vec<bool>, StatisticsError> {
    check::open_unit("alpha", alpha)?;
    let mut sorted: Vec<f64> = values.iter().map(|e| e.log()).collect();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let needed = (values.len() as f64).ln() - alpha.ln();
    let suffices = |(i, log): &(usize, &f64)| *log + ((i + 1) as f64).ln() >= needed;
    let least = sorted.iter().enumerate().rfind(suffices).map(|(_, log)| *log);
    Ok(values.iter().map(|e| least.is_some_and(|least| e.log() >= least)).collect())
}
