//! Where what criterion does not measure is written down, for the report.

use std::path::PathBuf;
use std::{env, fs, io};

use serde::Serialize;

/// The middle of several measurements, and how far they spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The lower quartile.
    pub low: f64,
    /// The upper quartile.
    pub high: f64,
}

impl Spread {
    /// Of these measurements; `None` of none.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let at = |quarter: usize| values.get((values.len().checked_sub(1)? * quarter + 2) / 4).copied();
        Some(Self { median: at(2)?, low: at(1)?, high: at(3)? })
    }
}

/// `CARGO_TARGET_DIR`, or the workspace's own folder of that purpose.
pub fn folder() -> PathBuf {
    let own = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target"));
    env::var_os("CARGO_TARGET_DIR").map_or_else(own, PathBuf::from)
}

/// Writes `bench/NAME.json` in the target folder.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write(name: &str, value: &impl Serialize) -> io::Result<()> {
    let folder = folder().join("bench");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("{name}.json")), serde_json::to_vec_pretty(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quartiles_are_measured_values() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0].to_vec();
        assert_eq!(Spread::of(values), Some(Spread { median: 3.0, low: 2.0, high: 4.0 }));
        assert_eq!(Spread::of(vec![7.0]), Some(Spread { median: 7.0, low: 7.0, high: 7.0 }));
        assert_eq!(Spread::of(Vec::new()), None);
    }
}
