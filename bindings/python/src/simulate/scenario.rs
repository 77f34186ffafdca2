//! What is simulated, as Python says it.

use std::time::Duration;

use serde::Deserialize;
use serinus::evaluate::SequentialBuilder;
use serinus::judge::Sampling;
use serinus::observe::UserCap;
use serinus::plan::{Margins, UpdatePlan};
use serinus_sim as sim;
use serinus_sim::SimulationError;

use crate::evaluate::thresholds;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    traffic: Traffic,
    stable: Behaviour,
    canary: Behaviour,
    gpus: Gpus,
    faults: Faults,
    judge: Option<NoisyJudge>,
    rule: Rule,
    tick_seconds: Option<f64>,
    max_hours: f64,
}

impl Scenario {
    /// Its simulation, checked.
    pub(super) fn of(self, plan: UpdatePlan) -> Result<sim::Simulation, SimulationError> {
        let simulation = sim::Simulation::new(plan, self.traffic.known(), self.stable.into(), self.canary.into())
            .host(self.gpus.into())
            .faults(self.faults.into())
            .at_most_hours(self.max_hours);
        let simulation = match self.tick_seconds {
            Some(seconds) => simulation.tick(seconds),
            None => simulation,
        };
        let simulation = match self.judge {
            Some(judge) => simulation.reviewed_by(judge.known()?),
            None => simulation,
        };
        let simulation = match self.rule {
            Rule::Sequential(rule) => {
                let rule = rule.known()?;
                simulation.evaluator(move |builder| rule.change(builder))
            }
            Rule::Threshold(rule) => simulation.judged_by_thresholds(thresholds(rule.margins, rule.min_requests)),
        };
        simulation.check()?;
        Ok(simulation)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Traffic {
    requests_per_hour: f64,
    users: Option<Users>,
    daily_swing: f64,
    kinds: Vec<PromptKind>,
    labelled: bool,
    judge_error: f64,
    judged: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Users {
    count: u32,
    exponent: f64,
    variation: f64,
    broken: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PromptKind {
    share: f64,
    canary_share: f64,
    slower: f64,
    fails_more: f64,
}

impl Traffic {
    pub(super) fn known(self) -> sim::Traffic {
        let users = self.users.map_or(sim::Users::Strangers, |users| sim::Users::Regulars {
            users: users.count,
            exponent: users.exponent,
            variation: users.variation,
            broken: users.broken,
        });
        let kinds = self.kinds.into_iter().map(|kind| sim::PromptKind {
            share: kind.share,
            canary_share: kind.canary_share,
            slower: kind.slower,
            fails_more: kind.fails_more,
        });
        sim::Traffic::per_hour(self.requests_per_hour)
            .users(users)
            .daily_swing(self.daily_swing)
            .kinds(kinds.collect::<Vec<_>>(), self.labelled)
            .judge_error(self.judge_error)
            .judged(self.judged)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Rate {
    Constant(f64),
    Shape(Shape),
}

#[derive(Deserialize)]
#[serde(tag = "shape", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Shape {
    Ramp { before: f64, after: f64, over_seconds: f64 },
    Daily { low: f64, high: f64 },
    Step { before: f64, after: f64, at_seconds: f64 },
}

impl From<Rate> for sim::Rate {
    fn from(rate: Rate) -> Self {
        match rate {
            Rate::Constant(rate) => Self::Constant(rate),
            Rate::Shape(Shape::Ramp { before, after, over_seconds }) => {
                Self::Ramp { from: before, to: after, over: over_seconds }
            }
            Rate::Shape(Shape::Daily { low, high }) => Self::Daily { low, high },
            Rate::Shape(Shape::Step { before, after, at_seconds }) => Self::Step { before, after, at: at_seconds },
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Behaviour {
    error_rate: Rate,
    fail_rate: Option<Rate>,
    latency: LogNormal,
    ttft: Option<LogNormal>,
    slower: Rate,
    tail: Option<SlowTail>,
    score: Option<BetaScore>,
    tokens: f64,
    abandoned: f64,
    hangs: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogNormal {
    median_ms: f64,
    sigma: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SlowTail {
    share: f64,
    factor: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BetaScore {
    mean: f64,
    deviation: f64,
}

impl From<Behaviour> for sim::Behaviour {
    fn from(of: Behaviour) -> Self {
        let times = |of: LogNormal| sim::LogNormal::new(of.median_ms, of.sigma);
        let mut known = Self::new()
            .error_rate(of.error_rate)
            .latency(times(of.latency))
            .slower(of.slower)
            .tokens(of.tokens)
            .abandoned(of.abandoned)
            .hangs(of.hangs);
        if let Some(failures) = of.fail_rate {
            known = known.fail_rate(failures);
        }
        if let Some(ttft) = of.ttft {
            known = known.ttft(times(ttft));
        }
        if let Some(SlowTail { share, factor }) = of.tail {
            known = known.tail(share, factor);
        }
        if let Some(BetaScore { mean, deviation }) = of.score {
            known = known.score(mean, deviation);
        }
        known
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gpus {
    load_seconds: f64,
    warm_up_seconds: f64,
    #[serde(default)]
    stable: Capacity,
    #[serde(default)]
    canary: Capacity,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Capacity {
    concurrent: Option<f64>,
    in_all: Option<f64>,
}

impl From<Gpus> for sim::Host {
    fn from(of: Gpus) -> Self {
        let capacity = |of: Capacity| sim::Capacity { concurrent: of.concurrent, in_all: of.in_all };
        Self {
            load_seconds: of.load_seconds,
            warm_up_seconds: of.warm_up_seconds,
            stable: capacity(of.stable),
            canary: capacity(of.canary),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Faults {
    loads: Vec<Mishap>,
    replica_dies: Vec<f64>,
    clock_jumps: Vec<(f64, f64)>,
    crashes: Vec<f64>,
    lagging_routers: usize,
    lag_seconds: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mishap {
    None,
    Transient,
    Permanent,
    Hangs,
}

impl From<Faults> for sim::Faults {
    fn from(of: Faults) -> Self {
        let mishap = |mishap| match mishap {
            Mishap::None => sim::Mishap::None,
            Mishap::Transient => sim::Mishap::Transient,
            Mishap::Permanent => sim::Mishap::Permanent,
            Mishap::Hangs => sim::Mishap::Hangs,
        };
        Self {
            loads: of.loads.into_iter().map(mishap).collect(),
            replica_dies: of.replica_dies,
            clock_jumps: of.clock_jumps,
            crashes: of.crashes,
            lagging_routers: (of.lagging_routers, of.lag_seconds),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoisyJudge {
    error: f64,
    position_bias: f64,
    silence: f64,
    per_minute: f64,
    replays_per_second: f64,
    max_held: usize,
    deadline_seconds: f64,
}

impl NoisyJudge {
    pub(super) fn known(self) -> Result<sim::NoisyJudge, SimulationError> {
        let sampling = Sampling {
            per_minute: self.per_minute,
            replays_per_second: self.replays_per_second,
            max_held: self.max_held,
            deadline: duration("judge", self.deadline_seconds)?,
        };
        let Self { error, position_bias, silence, .. } = self;
        Ok(sim::NoisyJudge { error, position_bias, silence, sampling })
    }
}

fn duration(what: &str, seconds: f64) -> Result<Duration, SimulationError> {
    Duration::try_from_secs_f64(seconds).map_err(|_| SimulationError {
        what: what.to_owned(),
        expected: "seconds that are finite and not negative".to_owned(),
        got: seconds.to_string(),
    })
}

#[derive(Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
enum Rule {
    Sequential(SequentialRule),
    Threshold(ThresholdRule),
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SequentialRule {
    false_rollback_budget: Option<f64>,
    false_promotion_budget: Option<f64>,
    margins: Option<Margins>,
    min_requests: Option<u64>,
    user_cap: UserCap,
    cold_start_requests: u64,
    cold_start_seconds: f64,
}

/// The rule, with its time read.
struct KnownRule {
    rule: SequentialRule,
    cold_start: Duration,
}

impl SequentialRule {
    fn known(self) -> Result<KnownRule, SimulationError> {
        let cold_start = duration("cold start", self.cold_start_seconds)?;
        Ok(KnownRule { rule: self, cold_start })
    }
}

impl KnownRule {
    /// The default evaluator with what the rule says otherwise.
    fn change(&self, mut builder: SequentialBuilder) -> SequentialBuilder {
        let rule = &self.rule;
        if let Some(budget) = rule.false_rollback_budget {
            builder = builder.false_rollback_budget(budget);
        }
        if let Some(budget) = rule.false_promotion_budget {
            builder = builder.false_promotion_budget(budget);
        }
        if let Some(margins) = rule.margins {
            builder = builder.margins(margins);
        }
        if let Some(requests) = rule.min_requests {
            builder = builder.min_requests(requests);
        }
        builder.user_cap(rule.user_cap).cold_start(rule.cold_start_requests, self.cold_start)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThresholdRule {
    margins: Margins,
    min_requests: u64,
}
