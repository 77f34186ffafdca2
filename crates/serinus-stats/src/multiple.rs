//! Many tests at once.
//!
//! Twenty metrics tested at 5 % give a false alarm on average even if nothing has changed. Each function here takes the
//! p-values of all tests and gives *adjusted* p-values in the same order: reject where the adjusted one is at most the
//! level wanted. No p-values give no adjusted ones.
//!
//! | Function | Keeps at the level | Sound for |
//! | --- | --- | --- |
//! | [`holm`] | the probability of any false alarm | all tests, however they depend on each other |
//! | [`hochberg`] | the probability of any false alarm | independent or positively dependent tests |
//! | [`benjamini_hochberg`] | the expected share of false alarms among the alarms | as for `hochberg` |

use crate::StatisticsError;

/// Holm's step-down adjustment (S. Holm, *A simple sequentially rejective multiple test procedure*, Scandinavian
/// Journal of Statistics 6, 1979): the largest of (m − i + 1) p₍ᵢ₎ over the p-values up to this one.
///
/// ```
/// use serinus_stats::multiple::holm;
///
/// assert_eq!(holm(&[0.25, 0.01, 0.5])?, [0.5, 0.03, 0.5]);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If a p-value is not in [0, 1].
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>, StatisticsError> {
    let order = ascending(p_values)?;
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (before, &i) in order.iter().enumerate() {
        largest = largest.max((order.len() - before) as f64 * p_values[i]);
        adjusted[i] = largest.min(1.0);
    }
    Ok(adjusted)
}

/// Hochberg's step-up adjustment (Y. Hochberg, *A sharper Bonferroni procedure for multiple tests of significance*,
/// Biometrika 75, 1988, [doi:10.1093/biomet/75.4.800]): the smallest of (m − i + 1) p₍ᵢ₎ over the p-values from this
/// one on. Never above [`holm`].
///
/// ```
/// use serinus_stats::multiple::hochberg;
///
/// assert_eq!(hochberg(&[0.25, 0.01, 0.25])?, [0.25, 0.03, 0.25]);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If a p-value is not in [0, 1].
///
/// [doi:10.1093/biomet/75.4.800]: https://doi.org/10.1093/biomet/75.4.800
pub fn hochberg(p_values: &[f64]) -> Result<Vec<f64>, StatisticsError> {
    step_up(p_values, |rank, all| (all - rank + 1) as f64)
}

/// Benjamini and Hochberg's adjustment for the false discovery rate (Y. Benjamini, Y. Hochberg, *Controlling the false
/// discovery rate*, Journal of the Royal Statistical Society B 57, 1995, [doi:10.1111/j.2517-6161.1995.tb02031.x]): the
/// smallest of m p₍ᵢ₎ / i over the p-values from this one on. Never above [`hochberg`].
///
/// ```
/// use serinus_stats::multiple::benjamini_hochberg;
///
/// assert_eq!(benjamini_hochberg(&[0.25, 0.01, 0.5, 0.02])?, [0.25 * 4.0 / 3.0, 0.04, 0.5, 0.04]);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If a p-value is not in [0, 1].
///
/// [doi:10.1111/j.2517-6161.1995.tb02031.x]: https://doi.org/10.1111/j.2517-6161.1995.tb02031.x
pub fn benjamini_hochberg(p_values: &[f64]) -> Result<Vec<f64>, StatisticsError> {
    step_up(p_values, |rank, all| all as f64 / rank as f64)
}

/// The smallest p-value times its factor, given its rank from 1 and the number of all, from each p-value on.
fn step_up(p_values: &[f64], factor: impl Fn(usize, usize) -> f64) -> Result<Vec<f64>, StatisticsError> {
    let order = ascending(p_values)?;
    let mut adjusted = vec![0.0; p_values.len()];
    let mut smallest: f64 = 1.0;
    for (before, &i) in order.iter().enumerate().rev() {
        smallest = smallest.min(factor(before + 1, order.len()) * p_values[i]);
        adjusted[i] = smallest;
    }
    Ok(adjusted)
}

/// The indices of the p-values from the smallest up.
fn ascending(p_values: &[f64]) -> Result<Vec<usize>, StatisticsError> {
    if let Some(&got) = p_values.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(StatisticsError { argument: "p_values", expected: "probabilities in [0, 1]", got });
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&i, &j| p_values[i].total_cmp(&p_values[j]));
    Ok(order)
}
