//! What was to be reached, beside what was.

use std::error::Error;

use serde::Deserialize;

use super::figures::{Figure, Figures};
use super::units::{round_time, three_digits, time};

const TARGETS: &str = include_str!("../../../report/targets.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Targets {
    target: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    /// In words.
    what: String,
    /// The figure, or one divided by another.
    measured: String,
    /// The bound, in nanoseconds or as a ratio: one of the two.
    at_most: Option<f64>,
    at_least: Option<f64>,
    /// Why it is missed, if it is.
    reason: Option<String>,
}

/// The targets of which something was measured; says of each whether it is met.
pub(super) fn table(figures: &Figures) -> Result<String, Box<dyn Error>> {
    let targets: Targets = toml::from_str(TARGETS)?;
    let mut rows = Vec::new();
    for target in &targets.target {
        let Some(measured) = figures.get(&target.measured) else { continue };
        let is_ratio = target.measured.contains(" / ");
        let read = |figure: Figure| if is_ratio { three_digits(figure.middle) } else { time(figure) };
        let bound = |words: &str, bound: f64| {
            let bound = if is_ratio { bound.to_string() } else { round_time(bound) };
            format!("{words} {bound}")
        };
        let (asked, met) = match (target.at_most, target.at_least) {
            (Some(most), None) => (bound("at most", most), measured.middle <= most),
            (None, Some(least)) => (bound("at least", least), measured.middle >= least),
            _ => return Err(format!("{:?} needs one bound", target.what).into()),
        };
        let verdict = match (met, &target.reason) {
            (true, _) => "met".to_owned(),
            (false, Some(reason)) => format!("**missed**: {reason}"),
            (false, None) => "**missed**".to_owned(),
        };
        rows.push(format!("| {} | {asked} | {} | {verdict} |", target.what, read(measured)));
    }
    if rows.is_empty() {
        return Ok(String::new());
    }
    Ok(format!("| what | target | measured | |\n|---|---|---|---|\n{}", rows.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_or_missed_by_the_median() {
        let mut figures = Figures::default();
        assert_eq!(table(&figures).unwrap(), "");
        figures.put("route/version_for", Figure { middle: 12.1, spread: Some((11.0, 13.0)) });
        figures.put("route/route+finish/1", Figure { middle: 19.0, spread: None });
        figures.put("route/route+finish/2", Figure { middle: 19.0, spread: None });
        let table = table(&figures).unwrap();
        let row = |beginning: &str| table.lines().find(|line| line.starts_with(beginning)).unwrap().to_owned();
        assert!(row("| `version_for` |").contains("| at most 12 ns | 12.1 ns (11.0 to 13.0) | **missed**"), "{table}");
        assert!(row("| `route` and `finish`, one thread |").ends_with("| met |"), "{table}");
        assert!(row("| requests of two threads").contains("| at least 1.9 | 2.00 | met |"), "{table}");
    }
}
