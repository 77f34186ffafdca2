//! Where and with what it was measured.

use std::error::Error;
use std::process::Command;
use std::{fs, thread};

use serde::Deserialize;

use super::figures::{Figure, Figures};

const LOCK: &str = include_str!("../../../../Cargo.lock");

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
}

/// Adds the machine, the date and the versions of all crates.
pub(super) fn describe(figures: &mut Figures) -> Result<(), Box<dyn Error>> {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    figures.put_text("machine/processor", model.map_or("an unknown processor", |(_, model)| model.trim()));
    let cores = thread::available_parallelism()?.get() as f64;
    figures.put("machine/cores", Figure { middle: cores, spread: None });
    figures.put_text("machine/system", said("uname", &["-srm"])?);
    figures.put_text("machine/rustc", said("rustc", &["--version"])?);
    figures.put_text("machine/date", said("date", &["-u", "+%Y-%m-%d"])?);
    figures.put_text("machine/commit", said("git", &["describe", "--always", "--dirty"])?);
    let lock: Lock = toml::from_str(LOCK)?;
    for package in lock.package {
        figures.put_text(format!("version/{}", package.name), package.version);
    }
    Ok(())
}

fn said(program: &str, arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
