//! Estimates in sentences.

use super::finding::Estimate;
use crate::words;
pub(super) use crate::words::{percent, whole};

/// "56.2% (52.0% to 60.1%)"
pub(super) fn percent_estimate(estimate: &Estimate) -> String {
    let interval = estimate.interval;
    format!("{} ({} to {})", percent(estimate.estimate), percent(interval.low), percent(interval.high))
}

/// "+0.031 (+0.011 to +0.052)"
pub(super) fn signed_estimate(estimate: &Estimate) -> String {
    let interval = estimate.interval;
    format!("{:+.4} ({:+.4} to {:+.4})", estimate.estimate, interval.low, interval.high)
}

/// An e-value as betting odds.
pub(super) fn odds(e: f64) -> String {
    words::odds(e.ln())
}

pub(super) fn p_value(p: f64) -> String {
    if p < 0.0001 { "p < 0.0001".into() } else { format!("p = {p:.4}") }
}

#[cfg(test)]
mod tests {
    use serinus_stats::Interval;

    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(["p < 0.0001", "p = 0.0312"], [1e-9, 0.0312].map(p_value));
        let estimate = Estimate { estimate: 0.5, interval: Interval { low: -0.25, high: 0.75 } };
        assert_eq!(signed_estimate(&estimate), "+0.5000 (-0.2500 to +0.7500)");
        assert_eq!(percent_estimate(&estimate), "50.0% (-25.0% to 75.0%)");
    }
}
