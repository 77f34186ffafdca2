//! An evaluator with many guardrails.

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serinus::clock::Timestamp;
use serinus::evaluate::{
    CanaryEvaluator, Comparison, Guardrail, RateOf, SequentialBuilder, SequentialEvaluator, StandardGuardrail, Timing,
};
use serinus::observe::{Observation, Outcome, Signal};
use serinus_benches::{Spread, time_on_core, versions};

use super::held::held;

const REQUESTS: u32 = 20_000;
const LOOKS: u32 = 200;

#[derive(Serialize)]
pub(super) struct Cost {
    pub(super) evaluate_ns: Spread,
    /// Of an evaluator that has seen requests enough, without the shares of users.
    pub(super) bytes: usize,
}

/// `evaluate()` with this many guardrails of all kinds: of eight, five are rates of as many signals, and one each is a time, a
/// mean score and a mean length.
pub(super) fn evaluate(guardrails: usize) -> Result<Cost, Box<dyn Error>> {
    let with = |builder: SequentialBuilder| -> Result<SequentialBuilder, Box<dyn Error>> {
        let none = builder.no_default_guardrails();
        (0..guardrails).try_fold(none, |builder, n| Ok(builder.guardrail(Arc::new(OneOfMany::new(n)?), 1.0)))
    };
    let (fed, bytes) = fed(with, |outcome| outcome)?;
    let now = Timestamp::from_secs_f64(f64::from(REQUESTS));
    let looks = || {
        for _ in 0..LOOKS {
            black_box(fed.evaluate(now));
        }
    };
    let measure = || time_on_core(looks) / f64::from(LOOKS);
    Ok(Cost { evaluate_ns: super::fifteen(measure)?, bytes })
}

/// What evaluators hold, in bytes, by what they watch; without the shares of users.
pub(super) fn memory() -> Result<BTreeMap<&'static str, usize>, Box<dyn Error>> {
    let alone = |guardrail: StandardGuardrail| {
        let with = |builder: SequentialBuilder| Ok(builder.no_default_guardrails().guardrail(Arc::new(guardrail), 1.0));
        fed(with, |outcome| outcome).map(|(_, bytes)| bytes)
    };
    let mut stratum = (0u8..16).cycle();
    let strata = |outcome: Outcome| outcome.stratum(stratum.next().unwrap_or_default());
    Ok([
        ("default guardrails", fed(Ok, |outcome| outcome)?.1),
        ("default guardrails, 16 strata", fed(Ok, strata)?.1),
        ("no guardrails", fed(|builder| Ok(builder.no_default_guardrails()), |outcome| outcome)?.1),
        ("a rate alone", alone(StandardGuardrail::error_rate(0.5)?)?),
        ("a time alone", alone(StandardGuardrail::latency(0.2)?)?),
        ("scores alone", alone(StandardGuardrail::score(0.05)?)?),
        ("lengths alone", alone(StandardGuardrail::length(0.2)?)?),
    ]
    .into())
}

/// An evaluator that has seen requests enough, and the bytes that it holds: those that a copy of it takes, which shares what all
/// evaluators share.
fn fed(
    with: impl FnOnce(SequentialBuilder) -> Result<SequentialBuilder, Box<dyn Error>>,
    mut outcome: impl FnMut(Outcome) -> Outcome,
) -> Result<(SequentialEvaluator, usize), Box<dyn Error>> {
    let (stable, canary) = versions()?;
    let mut evaluator = with(SequentialEvaluator::builder(stable.clone(), canary.clone()))?.build()?;
    for n in 0..REQUESTS {
        let latency_ms = f64::from(400 + n.wrapping_mul(2_654_435_761) % 1_600);
        let judged = Outcome::ok().passed(!n.is_multiple_of(33)).quality(f64::from(70 + n % 30) / 100.0);
        let measured = judged.latency_ms(latency_ms).ttft_ms(latency_ms / 9.0).tokens(100 + n % 300);
        let version = if n.is_multiple_of(20) { &canary } else { &stable };
        let at = Timestamp::ZERO + Duration::from_millis(u64::from(n) * 100);
        evaluator.observe(&Observation::new(version.clone(), outcome(measured)), at);
    }
    let before = held();
    let copy = black_box(Box::new(evaluator.clone()));
    let bytes = held() - before;
    drop(copy);
    Ok((evaluator, bytes))
}

/// A guardrail with a name of its own.
#[derive(Debug)]
struct OneOfMany {
    name: String,
    compares: Comparison,
}

impl OneOfMany {
    fn new(n: usize) -> Result<Self, Box<dyn Error>> {
        let name = format!("guardrail {n}");
        let compares = match n % 8 {
            1 => Comparison::Time { of: Timing::Latency, worse: 0.1, safe: 0.2 },
            3 => Comparison::Score { worse: 0.025, safe: 0.05 },
            5 => Comparison::Length { worse: 0.1, safe: 0.2 },
            _ => Comparison::relative_rate(RateOf::Signal(Arc::new(Remainder(name.clone(), n))), 0.5, 0.5)?,
        };
        Ok(Self { name, compares })
    }
}

impl Guardrail for OneOfMany {
    fn name(&self) -> &str {
        &self.name
    }

    fn compares(&self) -> Comparison {
        self.compares.clone()
    }
}

/// Answers whose length leaves this remainder: a twentieth or fewer.
#[derive(Debug)]
struct Remainder(String, usize);

impl Signal for Remainder {
    fn name(&self) -> &str {
        &self.0
    }

    fn failed(&self, outcome: &Outcome) -> Option<bool> {
        outcome.tokens.map(|tokens| (tokens as usize).is_multiple_of(20 + self.1))
    }
}
