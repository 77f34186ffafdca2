//! The sign test.

use serde::{Deserialize, Serialize};

use crate::proportions::{McNemarOptions, mcnemar};
use crate::{Interval, StatisticsError, TestOptions};

/// The result of [`sign_test`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignTest {
    /// The wins.
    pub statistic: f64,
    /// The probability of numbers at least as uneven if each pair may go either way.
    pub p_value: f64,
    /// wins/(wins + losses), in [0, 1]; ½ if both are 0.
    pub win_share: f64,
    /// Clopper and Pearson's interval of the share, of which the test is the dual.
    pub interval: Interval,
}

/// The sign test: of pairs that one side wins or loses, ties left out, whether it wins more often than it loses. Exact: the
/// binomial test at ½ (W. J. Dixon and A. M. Mood, Journal of the American Statistical Association 41, 1946,
/// [doi:10.1080/01621459.1946.10501898]). Without wins and losses the p-value is 1.
///
/// ```
/// use serinus_stats::TestOptions;
/// use serinus_stats::ranks::sign_test;
///
/// let test = sign_test(17, 5, TestOptions::default())?;
/// assert!((test.p_value - 0.016_901).abs() < 1e-6 && test.interval.low > 0.5);
/// # Ok::<(), serinus_stats::StatisticsError>(())
/// ```
///
/// # Errors
///
/// If wins and losses sum to more than 10¹², or the confidence is not in (0, 1).
///
/// [doi:10.1080/01621459.1946.10501898]: https://doi.org/10.1080/01621459.1946.10501898
pub fn sign_test(wins: u64, losses: u64, options: TestOptions) -> Result<SignTest, StatisticsError> {
    let TestOptions { alternative, confidence } = options;
    // Discordant pairs that go one way or the other are wins and losses.
    let test = mcnemar(wins, losses, McNemarOptions { alternative, confidence, ..McNemarOptions::default() })
        .map_err(|error| if error.argument == "b" { too_many(wins) } else { error })?;
    Ok(SignTest { statistic: wins as f64, p_value: test.p_value, win_share: test.share, interval: test.interval })
}

fn too_many(wins: u64) -> StatisticsError {
    let expected = "at most 1000000000000 together with the losses";
    StatisticsError { argument: "wins", expected, got: wins as f64 }
}
