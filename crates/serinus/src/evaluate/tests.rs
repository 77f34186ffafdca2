//! The evaluators against simulated traffic.

mod guardrails;
mod promotion;
mod quality;
mod sequential;
mod state;
mod strata;
mod threshold;
mod users;

use std::ops::Range;
use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;
use crate::model::VersionId;
use crate::observe::{End, Outcome};
use crate::plan::Margins;

fn stable() -> VersionId {
    VersionId::new("stable").unwrap()
}

fn canary() -> VersionId {
    VersionId::new("canary").unwrap()
}

fn sequential() -> SequentialEvaluator {
    SequentialEvaluator::builder(stable(), canary()).build().unwrap()
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_secs_f64(seconds)
}

/// Traffic of which each request fails with its version's probability, one request every `gap` seconds.
struct Traffic {
    rng: ChaCha8Rng,
    now: f64,
    gap: f64,
    share: f64,
    stable: f64,
    canary: f64,
}

impl Traffic {
    fn new(seed: u64, stable: f64, canary: f64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), now: 0.0, gap: 0.36, share: 0.1, stable, canary }
    }

    /// One request of which the answer is judged, and whether it went to the canary.
    fn judged(&mut self, evaluator: &mut impl CanaryEvaluator) -> bool {
        self.request(evaluator, |failed| Outcome::ok().passed(!failed))
    }

    fn errors(&mut self, evaluator: &mut impl CanaryEvaluator) -> bool {
        self.request(evaluator, |failed| if failed { Outcome::error() } else { Outcome::ok() })
    }

    fn request(&mut self, evaluator: &mut impl CanaryEvaluator, outcome: impl Fn(bool) -> Outcome) -> bool {
        self.now += self.gap;
        let to_canary = self.rng.random_bool(self.share);
        let (version, rate) = if to_canary { (canary(), self.canary) } else { (stable(), self.stable) };
        let failed = self.rng.random_bool(rate);
        evaluator.observe(&Observation::new(version, outcome(failed)), at(self.now));
        to_canary
    }

    /// The canary requests until the evaluator rolls back, if it does within this many.
    fn canary_requests_to_rollback(&mut self, evaluator: &mut impl CanaryEvaluator, most: usize) -> Option<usize> {
        let mut requests = 0;
        while requests < most {
            if self.judged(evaluator) {
                requests += 1;
                if evaluator.evaluate(at(self.now)).rollback {
                    return Some(requests);
                }
            }
        }
        None
    }
}

/// A complete block of a minute, made of these ends of requests.
fn block(minute: u32, evaluator: &impl CanaryEvaluator, stable: &[End], canary: &[End]) -> Block {
    let opened_at = at(60.0 * f64::from(minute));
    let mut block = Block::empty(u64::from(minute), opened_at);
    block.closed_at = opened_at + Duration::from_secs(60);
    let signals = evaluator.signals();
    for end in stable {
        block.stable.record(end, &signals);
    }
    for end in canary {
        block.canary.record(end, &signals);
    }
    (block.stable_arrivals, block.canary_arrivals) = (stable.len() as u64, canary.len() as u64);
    block
}

/// How many of these seeds' rollouts are rolled back.
fn rollbacks(seeds: Range<u64>, rollout: impl Fn(u64) -> Evaluation) -> usize {
    seeds.filter(|&seed| rollout(seed).rollback).count()
}
