//! What a version does with a request.

use rand::{Rng, RngExt};
use rand_distr::{Beta, Distribution, StandardNormal};
use statrs::distribution::{ContinuousCDF, Normal};

use crate::rate::Rate;
use crate::simulation::SimulationError;

/// Times of log-normal shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogNormal {
    median_ms: f64,
    sigma: f64,
}

impl LogNormal {
    /// With this median, in milliseconds, and this standard deviation of the logarithm.
    pub const fn new(median_ms: f64, sigma: f64) -> Self {
        Self { median_ms, sigma }
    }

    /// The time at a standard normal value.
    fn at(self, normal: f64) -> f64 {
        self.median_ms * (self.sigma * normal).exp()
    }
}

/// What a version does with requests: how often it errs and fails, how long it takes, how it scores. A new one answers
/// everything, in 1.1 s (median; log-normal with σ 0.5), with 200 tokens and no judgement.
#[derive(Clone, Debug, PartialEq)]
pub struct Behaviour {
    pub(crate) errors: Rate,
    pub(crate) failures: Option<Rate>,
    latency: LogNormal,
    ttft: Option<LogNormal>,
    slower: Rate,
    /// From which standard normal value on, and by which factor.
    tail: Option<(f64, f64)>,
    score: Option<(f64, f64)>,
    tokens: f64,
    pub(crate) abandoned: f64,
    pub(crate) hangs: f64,
}

/// What came of a request, before it waited for anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) service_ms: f64,
    pub(crate) ttft_ms: Option<f64>,
    pub(crate) error: bool,
    pub(crate) failed: Option<bool>,
    pub(crate) score: Option<f64>,
    pub(crate) tokens: u32,
    pub(crate) abandoned: bool,
    pub(crate) hangs: bool,
}

impl Behaviour {
    /// A version that answers everything.
    pub fn new() -> Self {
        Self {
            errors: Rate::Constant(0.0),
            failures: None,
            latency: LogNormal::new(1_100.0, 0.5),
            ttft: None,
            slower: Rate::Constant(0.0),
            tail: None,
            score: None,
            tokens: 200.0,
            abandoned: 0.0,
            hangs: 0.0,
        }
    }

    /// The probability that a request ends in an error.
    pub fn error_rate(self, errors: impl Into<Rate>) -> Self {
        Self { errors: errors.into(), ..self }
    }

    /// The probability that an answer is judged and does not pass; without it nothing is judged.
    pub fn fail_rate(self, failures: impl Into<Rate>) -> Self {
        Self { failures: Some(failures.into()), ..self }
    }

    /// How long an answer takes, without waiting.
    pub fn latency(self, latency: LogNormal) -> Self {
        Self { latency, ..self }
    }

    /// How long its first token takes; not measured without it.
    pub fn ttft(self, ttft: LogNormal) -> Self {
        Self { ttft: Some(ttft), ..self }
    }

    /// Makes all times longer: by this share of themselves, at most 1, which may change with time (0.5 is +50%).
    pub fn slower(self, slower: impl Into<Rate>) -> Self {
        Self { slower: slower.into(), ..self }
    }

    /// Makes this share of the answers slower by this factor, those that are the slowest already: the tail alone.
    pub fn tail(self, share: f64, factor: f64) -> Self {
        // The quantile of what is no share is not a number, which is refused with all else.
        let from = if (0.0..=1.0).contains(&share) { Normal::standard().inverse_cdf(1.0 - share) } else { f64::NAN };
        Self { tail: Some((from, factor)), ..self }
    }

    /// Scores of this mean and standard deviation, beta-distributed; not scored without it.
    pub fn score(self, mean: f64, deviation: f64) -> Self {
        Self { score: Some((mean, deviation)), ..self }
    }

    /// The mean length of answers, in tokens.
    pub fn tokens(self, tokens: f64) -> Self {
        Self { tokens, ..self }
    }

    /// The probability that a client leaves before the end.
    pub fn abandoned(self, abandoned: f64) -> Self {
        Self { abandoned, ..self }
    }

    /// The probability that a request never ends by itself.
    pub fn hangs(self, hangs: f64) -> Self {
        Self { hangs, ..self }
    }

    /// Looks whether it makes sense. [`Simulation::run`](crate::Simulation::run) does so too.
    ///
    /// # Errors
    ///
    /// [`SimulationError`] with what does not.
    pub fn check(&self) -> Result<(), SimulationError> {
        let changing = [Some(self.errors), self.failures, Some(self.slower)].into_iter().flatten();
        if let Some(got) = changing.clone().map(|rate| rate.time()).find(|time| !(*time >= 0.0 && time.is_finite())) {
            return Err(SimulationError::new(
                "behaviour",
                "rates that change at or over a time that is not negative",
                got,
            ));
        }
        let rates = changing.flat_map(|rate| rate.values());
        let shares = [self.abandoned, self.hangs];
        if let Some(got) = rates.chain(shares).find(|rate| !(0.0..=1.0).contains(rate)) {
            return Err(SimulationError::new("behaviour", "probabilities and shares in [0, 1]", got));
        }
        let positive = [self.latency.median_ms, self.ttft.map_or(1.0, |ttft| ttft.median_ms), self.tokens];
        if let Some(got) = positive.into_iter().find(|value| !(*value > 0.0 && value.is_finite())) {
            return Err(SimulationError::new("behaviour", "times and lengths above 0", got));
        }
        let sigmas = [self.latency.sigma, self.ttft.map_or(0.0, |ttft| ttft.sigma)];
        if let Some(got) = sigmas.into_iter().find(|sigma| !(0.0..=10.0).contains(sigma)) {
            return Err(SimulationError::new("behaviour", "a sigma in [0, 10]", got));
        }
        if let Some((from, factor)) = self.tail
            && (from.is_nan() || !(factor > 0.0 && factor.is_finite()))
        {
            return Err(SimulationError::new(
                "behaviour",
                "a share of slow answers in [0, 1] and a factor above 0",
                factor,
            ));
        }
        if let Some((mean, deviation)) = self.score
            && !(mean > 0.0 && mean < 1.0 && deviation > 0.0 && deviation * deviation < mean * (1.0 - mean))
        {
            return Err(SimulationError::new(
                "behaviour",
                "a score's mean in (0, 1) and a deviation that it allows",
                mean,
            ));
        }
        Ok(())
    }

    /// The rate of failures at this time, and 0 where nothing is judged.
    pub(crate) fn fails_at(&self, seconds: f64) -> f64 {
        self.failures.map_or(0.0, |rate| rate.at(seconds))
    }

    /// What comes of a request of a kind (what its times and its failures are multiplied by), from a user (what his failures
    /// are multiplied by).
    pub(crate) fn answer(
        &self,
        rng: &mut impl Rng,
        seconds: f64,
        (slower, fails_more): (f64, f64),
        user: f64,
        is_judged: bool,
    ) -> Answer {
        let (time, first, chance): (f64, f64, [f64; 4]) =
            (rng.sample(StandardNormal), rng.sample(StandardNormal), rng.random());
        let stretch = slower * (1.0 + self.slower.at(seconds));
        let mut service_ms = stretch * self.latency.at(time);
        if let Some((from, factor)) = self.tail
            && time >= from
        {
            service_ms *= factor;
        }
        let error = chance[0] < self.errors.at(seconds);
        let fails = |rate: Rate| chance[1] < (rate.at(seconds) * fails_more * user).min(1.0);
        Answer {
            service_ms,
            // One that begins late also ends late; never after its end.
            ttft_ms: self.ttft.map(|ttft| (stretch * ttft.at(0.5 * time + 0.75_f64.sqrt() * first)).min(service_ms)),
            error,
            failed: if error { None } else { self.failures.map(fails) },
            score: self.score.filter(|_| is_judged).map(|(mean, deviation)| score(rng, mean, deviation)),
            tokens: length(self.tokens, first),
            abandoned: chance[2] < self.abandoned,
            hangs: chance[3] < self.hangs,
        }
    }
}

impl Default for Behaviour {
    fn default() -> Self {
        Self::new()
    }
}

/// Lengths of log-normal shape, σ 0.6.
fn length(mean: f64, normal: f64) -> u32 {
    const SIGMA: f64 = 0.6;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length is small and not negative")]
    let tokens = (mean * (SIGMA * normal - SIGMA * SIGMA / 2.0).exp()).round() as u32;
    tokens.max(1)
}

fn score(rng: &mut impl Rng, mean: f64, deviation: f64) -> f64 {
    let size = mean * (1.0 - mean) / (deviation * deviation) - 1.0;
    // The moments were checked when the simulation was made.
    Beta::new(mean * size, (1.0 - mean) * size).map_or(mean, |beta| beta.sample(rng))
}
