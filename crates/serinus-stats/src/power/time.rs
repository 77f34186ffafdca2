//! How long traffic takes to bring what a comparison needs.

use std::time::Duration;

use super::SampleSize;
use crate::{StatisticsError, check};

/// How long it takes until both arms have enough, if this share of the requests goes to `b`, the canary, and the rest
/// to `a`.
///
/// ```
/// use serinus_stats::power::{Allocation, Design, PowerOptions, sample_size, time_needed};
///
/// let size = sample_size(0.05, Design::TwoSample.into())?;
/// let hours = |share: f64| time_needed(size, 1_000.0, share).map(|time| time.as_secs_f64() / 3_600.0);
/// assert_eq!((hours(0.5)?, hours(0.1)?, hours(0.02)?), (12.56, 62.8, 314.0));
///
/// // The stable version's many observations make up for some of the canary's, if the test counts on them.
/// let tenth = PowerOptions { allocation: Allocation::canary_share(0.1)?, ..Design::TwoSample.into() };
/// let time = time_needed(sample_size(0.05, tenth)?, 1_000.0, 0.1)?;
/// assert_eq!(time.as_secs() / 3_600, 34);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If `requests_per_hour` is not finite and above 0, or so few that the time does not fit into a [`Duration`]; if
/// `canary_share` is not in (0, 1).
pub fn time_needed(size: SampleSize, requests_per_hour: f64, canary_share: f64) -> Result<Duration, StatisticsError> {
    let error = |expected| StatisticsError { argument: "requests_per_hour", expected, got: requests_per_hour };
    if !(requests_per_hour > 0.0 && requests_per_hour.is_finite()) {
        return Err(error("above 0 and finite"));
    }
    check::open_unit("canary_share", canary_share)?;
    let requests = (size.a as f64 / (1.0 - canary_share)).max(size.b as f64 / canary_share);
    Duration::try_from_secs_f64(requests / requests_per_hour * 3_600.0)
        .map_err(|_| error("enough for the time to fit into a Duration"))
}
