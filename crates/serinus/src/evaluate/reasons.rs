//! Verdicts in words, with their numbers.

use super::watch::{Fed, Watch};
use crate::observe::Count;

/// "judged failures: 14.2% of 212 canary requests against 3.1% of 4,310 stable ones"
pub(super) fn comparison(watch: &Watch) -> String {
    let noun = watch.guardrail().noun();
    let (stable, canary) = (watch.stable(), watch.canary());
    let since = watch
        .limit()
        .map_or_else(String::new, |limit| format!(", since the promotion against a limit of {}", percent(limit)));
    format!(
        "{noun}: {} of {} canary requests against {} of {} stable ones{since}",
        share(canary),
        whole(canary.trials()),
        share(stable),
        whole(stable.trials()),
    )
}

pub(super) fn degraded(watch: &Watch, log_e: f64, threshold: f64, joint: (f64, f64)) -> String {
    let sentence = format!("{}; evidence {}", comparison(watch), odds(log_e));
    if log_e.exp() >= threshold {
        format!("{sentence}, needed {}", odds(threshold.ln()))
    } else {
        let (log_joint, joint_threshold) = joint;
        format!("{sentence}, with the other guardrails' {}, needed {}", odds(log_joint), odds(joint_threshold.ln()))
    }
}

pub(super) fn healthy(watch: &Watch, safe_threshold: f64) -> String {
    let (evidence, needed) = (odds(watch.safest()), odds(safe_threshold.ln()));
    format!("{}; within the margin by evidence {evidence}, needed {needed}", comparison(watch))
}

pub(super) fn undecided(watch: &Watch, threshold: f64, safe_threshold: f64) -> String {
    format!(
        "{}; undecided: evidence of being worse {}, needed {}; of being within the margin {}, needed {}",
        comparison(watch),
        odds(watch.log_e_value()),
        odds(threshold.ln()),
        odds(watch.safest()),
        odds(safe_threshold.ln()),
    )
}

/// Why a guardrail without data on both versions keeps the canary from being healthy; `None` if it does not.
pub(super) fn one_sided(watch: &Watch) -> Option<String> {
    let (with, without, count) = match watch.fed() {
        Fed::OnlyStable => ("stable", "canary", watch.stable()),
        Fed::OnlyCanary => ("canary", "stable", watch.canary()),
        Fed::Neither | Fed::Both => return None,
    };
    Some(format!(
        "{}: {} {with} requests say something of them and no {without} one does; the canary is not healthy before both do",
        watch.guardrail().noun(),
        whole(count.trials()),
    ))
}

pub(super) fn too_few(stable: u64, canary: u64, needed: u64) -> String {
    format!(
        "too few requests: {} canary and {} stable ones, needed {} of each",
        whole(canary),
        whole(stable),
        whole(needed)
    )
}

pub(super) fn unknown_versions(n: u64) -> Option<String> {
    (n > 0).then(|| format!("{} reported requests of other versions were left out", whole(n)))
}

pub(super) fn invalid_values(n: u64) -> Option<String> {
    (n > 0).then(|| format!("{} reported values that cannot be right were left out", whole(n)))
}

pub(super) fn percent(fraction: f64) -> String {
    let percent = 100.0 * fraction;
    if percent != 0.0 && percent.abs() < 1.0 { format!("{percent:.2}%") } else { format!("{percent:.1}%") }
}

fn share(count: Count) -> String {
    if count.trials() == 0 { "none".into() } else { percent(count.failures() as f64 / count.trials() as f64) }
}

/// An e-value as betting odds.
fn odds(log_e: f64) -> String {
    match log_e.exp() {
        e if e >= 1e6 => "more than 1,000,000 : 1".into(),
        e if e >= 10.0 => format!("{} : 1", grouped(&format!("{e:.0}"))),
        e => format!("{e:.1} : 1"),
    }
}

fn whole(number: u64) -> String {
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
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(["0", "999", "1,000", "12,345,678"], [0, 999, 1_000, 12_345_678].map(whole));
        assert_eq!(["0.0%", "0.30%", "14.2%", "100.0%"], [0.0, 0.003, 0.1416, 1.0].map(percent));
        assert_eq!(["0.0 : 1", "3.0 : 1", "1,250 : 1"], [-800.0, 3f64.ln(), 1_250.4f64.ln()].map(odds));
        assert_eq!(odds(f64::INFINITY), "more than 1,000,000 : 1");
    }
}
