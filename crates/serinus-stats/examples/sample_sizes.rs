//! How many observations each version needs: two-sided, α = 0.05, power 0.80.
//!
//! ```sh
//! cargo run -p serinus-stats --example sample_sizes
//! ```

use std::io::{self, Write};

use serinus_stats::power::{Allocation, Design, PowerOptions, sample_size, time_needed};

const EFFECTS: [f64; 6] = [0.01, 0.02, 0.05, 0.10, 0.15, 0.20];
const DESIGNS: [(&str, Design); 6] = [
    ("paired", Design::Paired),
    ("two-sample", Design::TwoSample),
    ("Mann-Whitney, normal data", Design::MannWhitney),
    ("Mann-Whitney, any shape", Design::MannWhitneyBound),
    ("win rate", Design::WinRate),
    ("two proportions, from 3%", Design::TwoProportions { baseline: 0.03 }),
];
const REQUESTS_PER_HOUR: f64 = 1_000.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = io::stdout().lock();
    write!(out, "{:26}", "effect")?;
    for effect in EFFECTS {
        write!(out, "{effect:>8.2}")?;
    }
    writeln!(out)?;
    for (name, design) in DESIGNS {
        write!(out, "{name:26}")?;
        for effect in EFFECTS {
            write!(out, "{:8}", sample_size(effect, design.into())?.per_group)?;
        }
        writeln!(out)?;
    }

    writeln!(out, "\ntwo-sample, effect 0.05, {REQUESTS_PER_HOUR} requests an hour")?;
    writeln!(out, "{:>6} {:>8} {:>8} {:>8}", "canary", "stable", "canary", "hours")?;
    for share in [0.02, 0.05, 0.10, 0.25, 0.50] {
        let allocation = Allocation::canary_share(share)?;
        let size = sample_size(0.05, PowerOptions { allocation, ..Design::TwoSample.into() })?;
        let hours = time_needed(size, REQUESTS_PER_HOUR, share)?.as_secs_f64() / 3_600.0;
        writeln!(out, "{:5.0}% {:8} {:8} {hours:8.1}", share * 100.0, size.a, size.b)?;
    }
    Ok(())
}
