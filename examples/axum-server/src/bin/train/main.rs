//! Trains the example's checkpoints: `cargo run --release -p axum-server --bin train`.
//!
//! Two models are trained from different seeds until they know every answer. Noise on the weights then makes versions
//! that are wrong as often as asked for. All random numbers are seeded, so a second run makes the same versions, up to
//! the rounding of another machine's matrix kernels.

mod learner;
mod noise;
mod training;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use axum_server::model::{Checkpoint, Llama};
use axum_server::task::{ANSWER_BYTES, Task};
use clap::Parser;
use learner::Learner;
use noise::Noise;

/// Trains the example's checkpoints and measures how often each is wrong.
#[derive(Debug, Parser)]
struct Options {
    /// Where the checkpoints go.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/checkpoints"))]
    out: PathBuf,
    /// Steps of 64 questions for each of the two trainings.
    #[arg(long, default_value_t = 800)]
    steps: usize,
}

/// A version to make: from which training, and how often it shall be wrong.
struct Recipe {
    file: &'static str,
    training_seed: u64,
    noise_seed: u64,
    wrong: f64,
}

const RECIPES: [Recipe; 3] = [
    Recipe { file: "v1.safetensors", training_seed: 1, noise_seed: 101, wrong: 0.030 },
    Recipe { file: "v2.safetensors", training_seed: 2, noise_seed: 202, wrong: 0.025 },
    Recipe { file: "v3-bad.safetensors", training_seed: 1, noise_seed: 303, wrong: 0.140 },
];

fn main() -> Result<()> {
    axum_server::kernels::keep_on_one_thread()?;
    make_all(&Options::parse())
}

#[allow(clippy::print_stdout)] // A program for the terminal.
fn make_all(options: &Options) -> Result<()> {
    let task = Task::capitals();
    let mut trained: Option<(u64, Learner)> = None;
    let mut recipes: Vec<&Recipe> = RECIPES.iter().collect();
    recipes.sort_by_key(|recipe| recipe.training_seed);
    for recipe in recipes {
        let learner = match trained.take() {
            Some((seed, learner)) if seed == recipe.training_seed => learner,
            _ => {
                let start = Instant::now();
                let learner = training::train(&task, options.steps, recipe.training_seed)?;
                println!("seed {}: trained in {:.0} s", recipe.training_seed, start.elapsed().as_secs_f64());
                learner
            }
        };
        let path = options.out.join(recipe.file);
        let sigma = calibrate(&learner, &task, recipe, &path)?;
        let checkpoint = Checkpoint::read(&path)?;
        println!(
            "{}: seed {}, noise {sigma:.4} (seed {}), wrong {:.3}, fingerprint {}",
            recipe.file,
            recipe.training_seed,
            recipe.noise_seed,
            wrong_rate(&checkpoint, &task)?,
            checkpoint.fingerprint(),
        );
        trained = Some((recipe.training_seed, learner));
    }
    Ok(())
}

/// Finds the strength of the noise at which the version is wrong as often as the recipe says, and saves it.
///
/// One direction of noise is scaled, not drawn anew, so the wrong rate rises with it almost everywhere and halving the
/// interval finds the place.
fn calibrate(learner: &Learner, task: &Task, recipe: &Recipe, path: &Path) -> Result<f64> {
    let noise = Noise::draw(learner, recipe.noise_seed)?;
    let (mut low, mut high) = (0.0, 0.2);
    let mut best = (f64::INFINITY, 0.0);
    for _ in 0..12 {
        let sigma = f64::midpoint(low, high);
        let wrong = wrong_rate(&save(learner, &noise, sigma, path)?, task)?;
        let distance = (wrong - recipe.wrong).abs();
        if distance < best.0 {
            best = (distance, sigma);
        }
        if wrong > recipe.wrong { high = sigma } else { low = sigma }
    }
    save(learner, &noise, best.1, path)?;
    Ok(best.1)
}

fn save(learner: &Learner, noise: &Noise, sigma: f64, path: &Path) -> Result<Checkpoint> {
    let parent = path.parent().context("a checkpoint needs a directory")?;
    fs::create_dir_all(parent)?;
    candle_core::safetensors::save(&noise.applied_to(learner, sigma)?, path)?;
    Ok(Checkpoint::read(path)?)
}

/// The share of all questions that the checkpoint answers wrong, asked the way the server asks them.
fn wrong_rate(checkpoint: &Checkpoint, task: &Task) -> Result<f64> {
    let model = Llama::new(checkpoint)?;
    let mut wrong = 0_u32;
    for question in task.questions() {
        let answer: Vec<u8> =
            model.decode(question.prompt.as_bytes())?.take(ANSWER_BYTES + 1).collect::<candle_core::Result<_>>()?;
        wrong += u32::from(answer != question.answer.as_bytes());
    }
    Ok(f64::from(wrong) / task.questions().len() as f64)
}
