//! Quantiles and their intervals.
//!
//! [`quantile`] and [`quantiles`] know the nine definitions in use, [`harrell_davis`] is smoother and closer for the
//! quantiles of small samples, [`quantile_interval`] says how far the quantile of the population may be.

mod harrell_davis;
mod interval;
mod sample_quantile;

pub use harrell_davis::harrell_davis;
pub use interval::{QuantileInterval, quantile_interval};
pub use sample_quantile::{QuantileType, quantile, quantiles};
pub(crate) use sample_quantile::{of_sorted, select};

use crate::StatisticsError;

/// A probability, its ends included.
fn closed_unit(argument: &'static str, got: f64) -> Result<(), StatisticsError> {
    if (0.0..=1.0).contains(&got) {
        return Ok(());
    }
    Err(StatisticsError { argument, expected: "in [0, 1]", got })
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}
