//! Numbers in sentences.

use super::finding::Estimate;

pub(super) fn percent(fraction: f64) -> String {
    format!("{:.1}%", 100.0 * fraction)
}

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

pub(super) fn p_value(p: f64) -> String {
    if p < 0.0001 { "p < 0.0001".into() } else { format!("p = {p:.4}") }
}

/// An e-value as betting odds.
pub(super) fn odds(e: f64) -> String {
    if e >= 1e6 {
        "more than 1,000,000 : 1".into()
    } else if e >= 10.0 {
        format!("{} : 1", grouped(&format!("{e:.0}")))
    } else {
        format!("{e:.1} : 1")
    }
}

pub(super) fn whole(number: u64) -> String {
    grouped(&number.to_string())
}

/// A whole number's digits in groups of three.
fn grouped(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use serinus_stats::Interval;

    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(["0", "999", "1,000", "12,345,678"], [0, 999, 1_000, 12_345_678].map(whole));
        assert_eq!(["0.1 : 1", "1,250 : 1", "more than 1,000,000 : 1"], [0.12, 1_250.4, 1e300].map(odds));
        assert_eq!(["p < 0.0001", "p = 0.0312"], [1e-9, 0.0312].map(p_value));
        let estimate = Estimate { estimate: 0.5, interval: Interval { low: -0.25, high: 0.75 } };
        assert_eq!(signed_estimate(&estimate), "+0.5000 (-0.2500 to +0.7500)");
        assert_eq!(percent_estimate(&estimate), "50.0% (-25.0% to 75.0%)");
    }
}
