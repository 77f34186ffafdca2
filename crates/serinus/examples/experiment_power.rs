//! How often an A/B test finds an effect, by its planned size and by anytime evidence: a table of `docs/experiments.md`.
//!
//! `cargo run -p serinus --release --example experiment_power -- [runs]`
#![allow(clippy::print_stdout)] // a program that prints a table

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serinus::experiment::{AbOptions, AbTest, Decision, DecisionRule, ExperimentError, Finding};
use serinus::model::VersionId;

/// Effects in standard deviations, and the samples of an arm that are planned for them at a power of 0.80.
const PLANNED: [(f64, u64); 4] = [(0.05, 6_280), (0.10, 1_570), (0.20, 393), (0.50, 63)];
/// Looks at anytime evidence up to these multiples of the planned size.
const MULTIPLES: [f64; 4] = [0.5, 1.0, 2.0, 3.0];
/// Looks in the time of a planned sample.
const LOOKS: u64 = 60;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runs: u32 = std::env::args().nth(1).map_or(Ok(500), |runs| runs.parse())?;
    let versions = (VersionId::new("v1")?, VersionId::new("v2")?);
    println!(
        "| effect | planned, an arm | fixed, at that size | anytime, within half of it | within it | twice | three times |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (effect, planned) in PLANNED {
        let (mut fixed, mut anytime) = (0, [0; 4]);
        for seed in 0..runs {
            let run = run(&versions, effect, planned, seed)?;
            fixed += u32::from(run.found_by_size);
            for (multiple, count) in MULTIPLES.into_iter().zip(&mut anytime) {
                *count += u32::from(run.found_after.is_some_and(|scores| scores as f64 <= multiple * planned as f64));
            }
        }
        let [half, once, twice, thrice] = anytime;
        println!("| {effect} | {planned} | {fixed} | {half} | {once} | {twice} | {thrice} |");
    }
    Ok(())
}

/// What one test found.
struct Run {
    /// By the fixed analysis of the planned sample.
    found_by_size: bool,
    /// Scores of an arm after which anytime evidence first adopted the better version.
    found_after: Option<u64>,
}

fn run(versions: &(VersionId, VersionId), effect: f64, planned: u64, seed: u32) -> Result<Run, ExperimentError> {
    let (v1, v2) = versions;
    let mut rng = ChaCha8Rng::seed_from_u64(90_000 + u64::from(seed));
    let mut test = AbTest::builder("chat-v2", v1, v2).rule(DecisionRule::Anytime).target_samples(planned).build()?;
    // The deviation of a score before it is cut off at 0 and 1: 0.6 times that of three values spread evenly over 0.4.
    let shift = effect * 0.6 * (3.0 * 0.4_f64.powi(2) / 12.0).sqrt();
    let step = (planned / LOOKS).max(5);
    let (mut scores, mut found_after) = (0, None);
    while scores < 3 * planned && (found_after.is_none() || scores < planned) {
        let more = step.min(3 * planned - scores);
        for _ in 0..more {
            test.record(v1, score(&mut rng, 0.0))?;
            test.record(v2, score(&mut rng, shift))?;
        }
        scores += more;
        if found_after.is_none() && scores >= 30 {
            let decision = test.analyze(AbOptions::default())?.decision;
            found_after = matches!(decision, Decision::Adopt { .. }).then_some(scores);
        }
    }
    let analysis = test.analyze(AbOptions::default())?;
    let found_by_size = analysis.comparisons.iter().any(|compared| compared.fixed.finding == Finding::Better);
    Ok(Run { found_by_size, found_after })
}

/// A score with a standard deviation of about 0.12, around 0.6.
fn score(rng: &mut ChaCha8Rng, shift: f64) -> f64 {
    let noise: f64 = (0..3).map(|_| rng.random_range(-0.2..0.2)).sum();
    (0.6 + shift + 0.6 * noise).clamp(0.0, 1.0)
}
