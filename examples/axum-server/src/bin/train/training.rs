//! Learning every answer by heart.

use anyhow::{Context, Result};
use axum_server::model::{BOS, EOS, VOCAB};
use axum_server::task::{Question, Task};
use candle_core::{Device, Tensor};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::learner::Learner;

const BATCH: usize = 64;
const LEARNING_RATE: f64 = 3e-3;
const REPORT_EVERY: usize = 100;

/// Trains a model from scratch for `steps` batches.
#[allow(clippy::print_stdout)] // A program for the terminal.
pub(crate) fn train(task: &Task, steps: usize, seed: u64) -> Result<Learner> {
    let learner = Learner::new(seed)?;
    let parameters = ParamsAdamW { lr: LEARNING_RATE, weight_decay: 0.01, ..ParamsAdamW::default() };
    let mut optimizer = AdamW::new(learner.weights().values().cloned().collect(), parameters)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut order: Vec<&Question> = Vec::new();
    for step in 0..steps {
        if order.len() < BATCH {
            order = task.questions().iter().collect();
            order.shuffle(&mut rng);
        }
        let batch = order.split_off(order.len() - BATCH);
        let loss = loss(&learner, &batch)?;
        optimizer.set_learning_rate(LEARNING_RATE * schedule(step as f64 / steps as f64));
        optimizer.backward_step(&loss)?;
        if step % REPORT_EVERY == 0 || step + 1 == steps {
            println!("seed {seed}: step {step}, loss {:.4}", loss.to_scalar::<f32>()?);
        }
    }
    Ok(learner)
}

/// A short rise, then a straight fall to a twentieth.
fn schedule(progress: f64) -> f64 {
    (progress * 20.0).min(1.0) * (1.0 - progress).max(0.05)
}

/// Mean cross-entropy of the answers' tokens; the questions' own are given, not learnt.
fn loss(learner: &Learner, batch: &[&Question]) -> Result<Tensor> {
    let length = batch.iter().map(|q| q.prompt.len() + q.answer.len() + 1).max().context("a batch has questions")?;
    let rows = batch.len();
    let (mut inputs, mut targets, mut scored) = (Vec::new(), Vec::new(), Vec::new());
    for question in batch {
        // Short rows are filled up with tokens that are not scored.
        let bytes = question.prompt.bytes().chain(question.answer.bytes()).map(u32::from);
        let tokens: Vec<u32> = std::iter::once(BOS).chain(bytes).chain([EOS]).collect();
        for at in 0..length {
            inputs.push(tokens.get(at).copied().unwrap_or(EOS));
            targets.push(tokens.get(at + 1).copied().unwrap_or(EOS));
            scored.push(if at >= question.prompt.len() && at + 1 < tokens.len() { 1.0_f32 } else { 0.0 });
        }
    }
    let logits = learner.forward(&Tensor::from_vec(inputs, (rows, length), &Device::Cpu)?)?;
    let log_probabilities = candle_nn::ops::log_softmax(&logits.reshape((rows * length, VOCAB))?, 1)?;
    let targets = Tensor::from_vec(targets, (rows * length, 1), &Device::Cpu)?;
    let losses = log_probabilities.gather(&targets, 1)?.squeeze(1)?.neg()?;
    let scored = Tensor::from_vec(scored, rows * length, &Device::Cpu)?;
    Ok(((losses * &scored)?.sum_all()? / scored.sum_all()?)?)
}
