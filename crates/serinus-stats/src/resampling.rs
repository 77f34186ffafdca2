//! Tests and intervals by resampling: for any statistic, and without a formula for its distribution.
//!
//! All draws are of `xoshiro256++` (D. Blackman and S. Vigna, ACM Transactions on Mathematical Software 47, 2021,
//! <https://doi.org/10.1145/3460772>), seeded with the number that the caller gives, so that a result can be had again: the same seed,
//! the same result, on every machine. A release that changes it says so in the changelog.

mod bootstrap;
mod draws;
mod permutation;
mod statistic;

use crate::StatisticsError;

pub use bootstrap::{Bootstrap, BootstrapInterval, BootstrapOptions, bootstrap, bootstrap_difference};
pub use permutation::{PermutationOptions, PermutationTest, mean_difference, permutation_test};
pub use statistic::Statistic;

const MOST_RESAMPLES: u32 = 10_000_000;

fn check_resamples(resamples: u32) -> Result<(), StatisticsError> {
    if (1..=MOST_RESAMPLES).contains(&resamples) {
        return Ok(());
    }
    Err(StatisticsError { argument: "resamples", expected: "from 1 to 10000000", got: f64::from(resamples) })
}
