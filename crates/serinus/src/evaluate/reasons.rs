//! Verdicts in words, with their numbers.

use super::gauge::{Reading, Unit};
use super::watch::{Fed, Watch};
use crate::words::{grouped, odds, percent, whole};

/// "judged failures: 14.2% of 212 canary requests against 3.1% of 4,310 stable ones"
fn comparison(watch: &Watch, reading: &Reading) -> String {
    let noun = watch.guardrail().noun();
    let ((stable_requests, canary_requests), (stable, canary)) = (reading.requests, reading.values);
    if reading.unit == Unit::Pairs {
        let (worse, better) = (value(reading.unit, stable), value(reading.unit, canary));
        let pairs = whole(canary_requests);
        return format!(
            "{noun}: the canary's was the worse one in {worse} and the better one in {better} of {pairs} pairs"
        );
    }
    let (what, of) = match reading.unit {
        Unit::Share | Unit::Pairs => (String::new(), "of"),
        Unit::Milliseconds => (quantile(reading), "over"),
        Unit::Score | Unit::Tokens => ("a mean of ".to_owned(), "over"),
    };
    let since = reading.limit.map_or_else(String::new, |limit| {
        format!(", since the promotion against a limit of {}", value(reading.unit, Some(limit)))
    });
    format!(
        "{noun}: {what}{} {of} {} canary requests against {} {of} {} stable ones{since}",
        value(reading.unit, canary),
        whole(canary_requests),
        value(reading.unit, stable),
        whole(stable_requests),
    )
}

fn quantile(reading: &Reading) -> String {
    match reading.quantile {
        Some(0.5) => "a median of ".into(),
        Some(quantile) => format!("a p{:.0} of ", 100.0 * quantile),
        None => String::new(),
    }
}

fn value(unit: Unit, value: Option<f64>) -> String {
    let Some(value) = value else { return "none".into() };
    match unit {
        Unit::Share | Unit::Pairs => percent(value),
        Unit::Milliseconds if value >= 100.0 => format!("{} ms", grouped(&format!("{value:.0}"))),
        Unit::Milliseconds => format!("{value:.1} ms"),
        Unit::Score => format!("{value:.3}"),
        Unit::Tokens => format!("{value:.0} tokens"),
    }
}

pub(super) fn degraded(watch: &Watch, reading: &Reading, log_e: f64, threshold: f64, joint: (f64, f64)) -> String {
    let sentence = format!("{}; evidence {}", comparison(watch, reading), odds(log_e));
    if log_e.exp() >= threshold {
        format!("{sentence}, needed {}", odds(threshold.ln()))
    } else {
        let (log_joint, joint_threshold) = joint;
        format!("{sentence}, with the other guardrails' {}, needed {}", odds(log_joint), odds(joint_threshold.ln()))
    }
}

pub(super) fn healthy(watch: &Watch, reading: &Reading, safe_threshold: f64) -> String {
    let (evidence, needed) = (odds(reading.log_safe), odds(safe_threshold.ln()));
    format!("{}; within the margin by evidence {evidence}, needed {needed}", comparison(watch, reading))
}

pub(super) fn undecided(
    watch: &Watch,
    reading: &Reading,
    threshold: f64,
    safe_threshold: f64,
    promoted: bool,
) -> String {
    let (worse, safe) = (threshold.ln(), safe_threshold.ln());
    // Once the canary is alone, only evidence of its being worse still grows.
    let more = match watch.more_requests(reading, worse, if promoted { f64::INFINITY } else { safe }) {
        Some(more) => format!("; about {} more canary requests at the current rates", grouped(&rough(more))),
        None => String::new(),
    };
    format!(
        "{}; undecided: evidence of being worse {}, needed {}; of being within the margin {}, needed {}{more}",
        comparison(watch, reading),
        odds(reading.log_worse),
        odds(worse),
        odds(reading.log_safe),
        odds(safe),
    )
}

/// A number to two digits: no estimate of what is to come is better.
fn rough(number: f64) -> String {
    let unit = 10_f64.powf((number.log10().floor() - 1.0).max(0.0));
    format!("{:.0}", (number / unit).ceil() * unit)
}

pub(super) fn heavy_users(capped: u64, counted: u64) -> String {
    format!(
        "{} of this stage's {} canary requests are beyond their users' share and no evidence: a few users make up most of \
         the traffic, and the verdict takes longer",
        whole(capped),
        whole(capped.saturating_add(counted)),
    )
}

/// Why a guardrail without data on both versions keeps the canary from being healthy; `None` if it does not.
pub(super) fn one_sided(watch: &Watch, reading: &Reading) -> Option<String> {
    let (stable, canary) = reading.requests;
    let (with, without, count) = match watch.fed() {
        Fed::OnlyStable => ("stable", "canary", stable),
        Fed::OnlyCanary => ("canary", "stable", canary),
        Fed::Neither | Fed::Both => return None,
    };
    Some(format!(
        "{}: {} {with} requests say something of them and no {without} one does; the canary is not healthy before both do",
        watch.guardrail().noun(),
        whole(count),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(["7", "340", "13000"], [6.2, 334.0, 12_345.0].map(rough));
        let milliseconds = |ms| value(Unit::Milliseconds, Some(ms));
        assert_eq!(["9.3 ms", "830 ms", "12,000 ms"], [9.31, 830.2, 12_000.0].map(milliseconds));
    }
}
