//! What is compared.

use std::sync::Arc;

use serinus::evaluate::{SequentialBuilder, StandardGuardrail, Thresholds};
use serinus::observe::UserCap;
use serinus_sim::{Behaviour, Capacity, Host, LogNormal, PromptKind, Rate, Simulation, Traffic, Users, plans};

use crate::{judged, limits};

/// A scenario, and what is to be reached.
pub(crate) struct Row {
    pub(crate) group: Group,
    pub(crate) name: String,
    pub(crate) ours: Simulation,
    /// The rule to compare with, where that makes sense.
    pub(crate) thresholds: Option<Simulation>,
    /// On average no test needs fewer canary requests.
    pub(crate) limit: Option<f64>,
    /// When the canary began to be worse, in seconds after its first traffic.
    pub(crate) worse_from: Option<f64>,
    pub(crate) target: &'static str,
}

/// In which table a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Nothing is wrong with the canary.
    Identical,
    /// Something is.
    Worse,
    /// How a good canary gets to 100%, and a bad one does not.
    Promotion,
    /// What a judge that reads samples makes of it.
    Judged,
}

/// Shares of the budget of 0.01 that the default guardrails have.
const QUARTER: f64 = 0.01 * 0.25 * 0.95;
const LATENCY: f64 = QUARTER * 2.0 / 3.0;
const TTFT: f64 = QUARTER / 3.0;
/// The target of a row that has none.
const FOR_COMPARISON: &str = "for comparison";
/// Runs of what is only there for comparison.
pub(crate) const FEW: u64 = 300;
/// Seconds from the start until the canary's first traffic: loading and warming up.
const LOADED: f64 = 70.0;

fn good() -> Behaviour {
    let latency = LogNormal::new(1_100.0, 0.5);
    Behaviour::new().error_rate(0.01).fail_rate(0.03).latency(latency).ttft(LogNormal::new(120.0, 0.5))
}

fn simulation(per_hour: f64, stable: &Behaviour, canary: &Behaviour) -> Simulation {
    Simulation::new(plans::five_hours(), Traffic::per_hour(per_hour), stable.clone(), canary.clone())
}

pub(crate) fn row(group: Group, name: impl Into<String>, ours: Simulation, target: &'static str) -> Row {
    Row { group, name: name.into(), ours, thresholds: None, limit: None, worse_from: None, target }
}

impl Row {
    pub(crate) fn matches(&self, part: &str) -> bool {
        match part {
            "identical" => self.group == Group::Identical,
            "worse" => self.group == Group::Worse,
            "promotion" => self.group == Group::Promotion,
            "judged" => self.group == Group::Judged,
            part => self.name.contains(part),
        }
    }

    /// Rows that only show what others are good for need no large number.
    pub(crate) fn runs(&self, runs: u64) -> u64 {
        if self.target == FOR_COMPARISON { runs.min(FEW) } else { runs }
    }

    fn beside_thresholds(self) -> Self {
        let thresholds = self.ours.clone().judged_by_thresholds(Thresholds::default());
        Self { thresholds: Some(thresholds), ..self }
    }

    fn limit(self, limit: f64) -> Self {
        Self { limit: Some(limit), ..self }
    }
}

pub(crate) fn all() -> Vec<Row> {
    let mut rows = identical();
    rows.extend(worse());
    rows.extend(promotion());
    rows.extend(judged::rows());
    rows
}

fn identical() -> Vec<Row> {
    let mut rows = unusual();
    rows.extend(grid(0));
    rows.extend(grid(1));
    rows.extend(grid(2));
    rows
}

/// A third of all combinations of error rates, spreads of latency and traffic, in which every value of each occurs.
fn grid(shift: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for (place, per_hour) in [10_000.0, 1_000.0, 100_000.0].into_iter().enumerate() {
        for (sigma, turn) in [(0.5, 0), (1.0, 1)] {
            let errors = [0.001, 0.01, 0.03][(place + shift + turn) % 3];
            let both = good().error_rate(errors).latency(LogNormal::new(1_100.0, sigma)).score(0.85, 0.11);
            // At 100,000 an hour a judge looks at a tenth of the answers.
            let judged = if per_hour > 50_000.0 { 0.1 } else { 1.0 };
            let traffic = Traffic::per_hour(per_hour).judged(judged);
            let ours = Simulation::new(plans::five_hours(), traffic, both.clone(), both);
            let ours = ours.tick(if per_hour < 5_000.0 { 120.0 } else { 60.0 });
            let name = format!("errors {}%, sigma {sigma}, {per_hour}/h", 100.0 * errors);
            rows.push(row(Group::Identical, name, ours, "<= 1%, upper end <= 1.5%").beside_thresholds());
        }
    }
    rows
}

fn unusual() -> Vec<Row> {
    let mut rows = Vec::new();
    let budget = "<= 1%";
    let ramp = good().fail_rate(Rate::Ramp { from: 0.02, to: 0.06, over: 5.0 * 3_600.0 });
    rows.push(row(
        Group::Identical,
        "failures drift from 2% to 6% during the ramp",
        simulation(10_000.0, &ramp, &ramp),
        budget,
    ));
    let daily = good().fail_rate(Rate::Daily { low: 0.01, high: 0.07 });
    rows.push(row(Group::Identical, "failures 1-7% over the day", simulation(10_000.0, &daily, &daily), budget));
    let of_users =
        |users: Users| Simulation::new(plans::five_hours(), Traffic::per_hour(10_000.0).users(users), good(), good());
    let different = Users::zipf(5_000, 1.0).failing_differently(1.0);
    rows.push(row(
        Group::Identical,
        "5,000 users (Zipf 1.0), failure rates that vary by 100%",
        of_users(different),
        budget,
    ));
    let uncapped = of_users(different).evaluator(|builder| builder.user_cap(UserCap::None));
    rows.push(row(Group::Identical, "the same, without a cap on users' shares", uncapped, FOR_COMPARISON));
    let broken = Users::zipf(5_000, 1.1).failing_differently(1.0).with_broken(0.01);
    let unit = of_users(broken).evaluator(|builder| builder.user_cap(UserCap::Once));
    rows.push(row(Group::Identical, "5,000 users (Zipf 1.1), 1% broken, the user as unit", unit, budget));
    rows.push(row(Group::Identical, "the same, ten requests of a user an hour", of_users(broken), FOR_COMPARISON));
    let uncapped = of_users(broken).evaluator(|builder| builder.user_cap(UserCap::None));
    rows.push(row(Group::Identical, "the same, without a cap", uncapped, FOR_COMPARISON));
    let kinds = [
        PromptKind { share: 0.9, canary_share: 0.5, slower: 1.0, fails_more: 1.0 },
        PromptKind { share: 0.1, canary_share: 0.5, slower: 4.0, fails_more: 4.0 },
    ];
    let mixed = |labelled| {
        let traffic = Traffic::per_hour(10_000.0).kinds(kinds, labelled);
        Simulation::new(plans::five_hours(), traffic, good(), good())
    };
    rows.push(row(Group::Identical, "the canary gets more long prompts, labelled", mixed(true), budget));
    rows.push(row(Group::Identical, "the same, without labels", mixed(false), FOR_COMPARISON));
    let busy = Capacity::of_replica(6.0);
    let host = Host { stable: busy, canary: busy, ..Host::default() };
    let queues = simulation(100_000.0, &good(), &good()).host(host).tick(60.0);
    rows.push(row(
        Group::Identical,
        "a queue before each version's replicas, 58% busy (100,000/h)",
        queues,
        FOR_COMPARISON,
    ));
    rows
}

fn worse() -> Vec<Row> {
    let mut rows = Vec::new();
    let failing = good().fail_rate(0.14);
    for (per_hour, target) in [(10_000.0, "mean <= 1.4x, median <= 80"), (1_000.0, "mean <= 1.4x, median <= 95")] {
        let name = format!("judged failures 3% -> 14%, {per_hour}/h");
        let ours = simulation(per_hour, &good(), &failing).tick(10.0);
        rows.push(row(Group::Worse, name, ours, target).limit(limits::rate(QUARTER, 0.14, 0.0375)));
    }
    let as_errors = |rate: f64| good().error_rate(rate);
    let fed = simulation(10_000.0, &as_errors(0.03), &as_errors(0.14)).tick(10.0);
    let fed = row(Group::Worse, "the same fed as errors", fed, "").limit(limits::rate(QUARTER, 0.14, 0.0375));
    rows.push(fed.beside_thresholds());
    let strict = |builder: SequentialBuilder| {
        let standard = [
            (StandardGuardrail::error_rate(0.5), 1.0),
            (StandardGuardrail::failure_rate(0.5).and_then(|failures| failures.granting(0.0)), 1.0),
            (StandardGuardrail::latency(0.2), 2.0 / 3.0),
            (StandardGuardrail::ttft(0.2), 1.0 / 3.0),
            (StandardGuardrail::score(0.05), 1.0),
        ];
        let builder = builder.no_default_guardrails();
        standard.into_iter().fold(builder, |builder, (guardrail, weight)| {
            builder.guardrail(Arc::new(guardrail.expect("the margins make sense")), weight)
        })
    };
    let equality = simulation(10_000.0, &good(), &failing).tick(10.0).evaluator(strict);
    let equality = row(Group::Worse, "3% -> 14% with the null at equality", equality, "mean <= 1.6x");
    rows.push(equality.limit(limits::rate(QUARTER, 0.14, 0.03)));
    for (before, after) in [(0.01, 0.05), (0.0, 0.02)] {
        let name = format!("errors {}% -> {}%", 100.0 * before, 100.0 * after);
        let ours = simulation(10_000.0, &as_errors(before), &as_errors(after)).tick(10.0);
        let row = row(Group::Worse, name, ours, "reported");
        // No finite number of requests is too few where the stable version never fails.
        rows.push(if before > 0.0 { row.limit(limits::rate(QUARTER, after, 1.25 * before)) } else { row });
    }
    let slower = |by: f64| simulation(10_000.0, &good(), &good().slower(by)).tick(10.0);
    let times = |factor: f64| limits::time(LATENCY, 0.5, 1.0, factor, 0.1);
    rows.push(row(Group::Worse, "latency x1.5", slower(0.5), "median <= 70").limit(times(1.5)));
    rows.push(row(Group::Worse, "latency x1.2", slower(0.2), "median <= 900").limit(times(1.2)));
    for (name, factor) in [("p99 alone +50%", 1.5), ("p99 alone +100%", 2.0)] {
        let ours = simulation(10_000.0, &good(), &good().tail(0.05, factor)).tick(10.0);
        let limit = limits::time(LATENCY, 0.5, 0.05, factor, 0.1);
        rows.push(row(Group::Worse, name, ours, "mean <= 1.6x").limit(limit));
    }
    let late_first_token = good().ttft(LogNormal::new(240.0, 0.5));
    let ours = simulation(10_000.0, &good(), &late_first_token).tick(10.0);
    let limit = limits::time(TTFT, 0.5, 1.0, 2.0, 0.1);
    rows.push(row(Group::Worse, "TTFT +100%", ours.clone(), "mean <= 1.6x").limit(limit));
    let at_once = ours.evaluator(|builder| builder.min_requests(1));
    rows.push(row(Group::Worse, "TTFT +100%, no minimum of requests", at_once, "mean <= 1.6x").limit(limit));
    let scored = |mean: f64| good().score(mean, 0.11);
    let ours = simulation(10_000.0, &scored(0.85), &scored(0.75)).tick(10.0);
    let limit = limits::score(QUARTER, 0.75, 0.11, 0.825);
    rows.push(row(Group::Worse, "mean score -0.10", ours.clone(), "mean <= 1.6x").limit(limit));
    let at_once = ours.evaluator(|builder| builder.min_requests(1));
    rows.push(row(Group::Worse, "mean score -0.10, no minimum of requests", at_once, "mean <= 1.6x").limit(limit));

    let late = good().fail_rate(Rate::Step { before: 0.03, after: 0.14, at: LOADED + 2_400.0 });
    let late =
        row(Group::Worse, "3% -> 14% from 40 minutes on", simulation(10_000.0, &good(), &late).tick(10.0), "found");
    rows.push(Row { worse_from: Some(2_400.0), ..late });
    // Up to a share of 10% the canary has twice the room that it needs; at 25% it has too little.
    let host = Host { canary: Capacity::UNLIMITED.in_all(8.2), ..Host::default() };
    let both = Behaviour::new().error_rate(0.01).fail_rate(0.03);
    let ours = simulation(100_000.0, &both, &both).host(host);
    rows.push(row(Group::Worse, "a queue that fails from a share of 25% on (100,000/h)", ours, "found"));
    rows
}

fn promotion() -> Vec<Row> {
    let mut rows = Vec::new();
    for per_hour in [10_000.0, 100_000.0] {
        for early in [false, true] {
            let plan = plans::five_hours().with_early_advance(early);
            let ours = Simulation::new(plan, Traffic::per_hour(per_hour), good(), good());
            let name = format!("identical, {per_hour}/h{}", if early { ", early advance" } else { "" });
            rows.push(row(Group::Promotion, name, ours, if per_hour < 50_000.0 { ">= 95%" } else { "reported" }));
        }
    }
    let beyond = simulation(10_000.0, &good(), &good().fail_rate(0.0455));
    rows.push(row(Group::Promotion, "failures 3% -> 4.55%, just beyond the margin", beyond, "<= 5%"));
    let beyond = simulation(10_000.0, &good(), &good().slower(0.21));
    rows.push(row(Group::Promotion, "latency +21%, just beyond the margin", beyond, "<= 5%"));
    rows
}
