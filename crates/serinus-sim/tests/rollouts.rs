//! Whole rollouts: good versions stay, bad ones go, and `examples/compare` measures the same with more runs.

use serinus::evaluate::Thresholds;
use serinus::observe::UserCap;
use serinus_sim::{
    Behaviour, Capacity, Ending, Host, LogNormal, PromptKind, Rate, Report, Simulation, Traffic, Users, plans,
};

fn good() -> Behaviour {
    let latency = LogNormal::new(1_100.0, 0.5);
    Behaviour::new().error_rate(0.01).fail_rate(0.03).latency(latency).ttft(LogNormal::new(120.0, 0.5))
}

fn simulation(per_hour: f64, stable: &Behaviour, canary: &Behaviour) -> Simulation {
    Simulation::new(plans::five_hours(), Traffic::per_hour(per_hour), stable.clone(), canary.clone())
}

fn run(simulation: &Simulation, runs: u64) -> Report {
    simulation.run_many(1..=runs).unwrap()
}

/// Of 60 rollouts that are rolled back with a probability of 0.01 each, more than 4 are once in 2,500 times.
const RUNS: u64 = 60;
const MOST: usize = 4;

#[test]
fn identical_versions_stay_and_are_promoted_by_nobody() {
    let report = run(&simulation(10_000.0, &good(), &good()), RUNS);
    assert!(report.rolled_back() <= MOST, "{report}");
    // 95% at least: fewer than 51 of 60 once in 500 times.
    assert!(report.count(Ending::Promoted) >= 51, "{report}");
    let hours = report.quantile(Ending::Promoted, 0.5, |run| run.seconds / 3_600.0);
    assert!(hours > 5.0, "{hours}");
}

#[test]
fn fixed_thresholds_roll_nearly_all_of_them_back() {
    let thresholds = simulation(10_000.0, &good(), &good()).judged_by_thresholds(Thresholds::default());
    let report = run(&thresholds, 20);
    assert!(report.rolled_back() >= 15, "{report}");
}

#[test]
fn a_baseline_that_drifts_and_one_that_swings_are_no_regression() {
    for failures in [Rate::Ramp { from: 0.02, to: 0.06, over: 5.0 * 3_600.0 }, Rate::Daily { low: 0.01, high: 0.07 }] {
        let both = Behaviour::new().fail_rate(failures);
        let report = run(&simulation(10_000.0, &both, &both), RUNS);
        assert!(report.rolled_back() <= MOST, "{failures:?} {report}");
    }
}

#[test]
fn users_who_differ_are_no_regression() {
    let of = |users: Users, cap| {
        let both = Behaviour::new().fail_rate(0.03);
        let traffic = Traffic::per_hour(10_000.0).users(users);
        Simulation::new(plans::five_hours(), traffic, both.clone(), both)
            .evaluator(move |builder| builder.user_cap(cap))
    };
    let different = run(&of(Users::zipf(5_000, 1.0).failing_differently(1.0), UserCap::default()), RUNS);
    assert!(different.rolled_back() <= MOST, "{different}");
    let broken = Users::zipf(5_000, 1.1).failing_differently(1.0).with_broken(0.01);
    let unit = run(&of(broken, UserCap::Once).at_most_hours(12.0), RUNS);
    assert!(unit.rolled_back() <= MOST, "{unit}");
    let uncapped = run(&of(broken, UserCap::None).at_most_hours(12.0), 20);
    assert!(uncapped.rolled_back() >= 2, "{uncapped}");
}

#[test]
fn another_mixture_of_prompts_is_no_regression_where_it_is_labelled() {
    let kinds = [
        PromptKind { share: 0.9, canary_share: 0.5, slower: 1.0, fails_more: 1.0 },
        PromptKind { share: 0.1, canary_share: 0.5, slower: 4.0, fails_more: 4.0 },
    ];
    let of = |labelled| {
        let traffic = Traffic::per_hour(10_000.0).kinds(kinds, labelled);
        Simulation::new(plans::five_hours(), traffic, good(), good()).at_most_hours(4.0)
    };
    assert!(run(&of(true), 30).rolled_back() <= 3);
    assert_eq!(run(&of(false), 10).rolled_back(), 10);
}

#[test]
fn a_bad_checkpoint_is_found_in_the_first_stage() {
    for (per_hour, most) in [(10_000.0, 110.0), (1_000.0, 115.0)] {
        let report = run(&simulation(per_hour, &good(), &good().fail_rate(0.14)), 41);
        assert_eq!(report.rolled_back(), 41, "{report}");
        let median = report.quantile(Ending::RolledBack, 0.5, |run| run.canary_requests as f64);
        assert!(median <= most, "{median} canary requests at {per_hour} an hour");
        let first = &report.runs()[0];
        assert_eq!((first.guardrail.as_deref(), first.share), (Some("failure_rate"), 0.02));
        assert!(first.reason.contains("judged failures: "), "{}", first.reason);
    }
}

#[test]
fn a_slow_canary_is_found() {
    let report = run(&simulation(10_000.0, &good(), &good().slower(0.5)), 41);
    assert_eq!(report.rolled_back(), 41, "{report}");
    assert!(report.quantile(Ending::RolledBack, 0.5, |run| run.canary_requests as f64) <= 90.0);
}

#[test]
fn what_begins_late_and_what_only_load_brings_out_is_found() {
    let late = good().fail_rate(Rate::Step { before: 0.03, after: 0.14, at: 2_470.0 });
    let report = run(&simulation(10_000.0, &good(), &late), 21);
    assert_eq!(report.rolled_back(), 21, "{report}");
    let minutes = report.quantile(Ending::RolledBack, 0.5, |run| (run.seconds - 2_400.0) / 60.0);
    assert!(minutes > 0.0 && minutes < 75.0, "{minutes}");

    // Up to a share of 10% the canary has twice the room that it needs; at 25% it has too little.
    let host = Host { canary: Capacity::UNLIMITED.in_all(8.2), ..Host::default() };
    let both = Behaviour::new().error_rate(0.01).fail_rate(0.03);
    let report = run(&simulation(100_000.0, &both, &both).host(host), 5);
    assert_eq!(report.rolled_back(), 5, "{report}");
    let at_25 = report.runs().iter().filter(|run| run.share == 0.25).count();
    assert!(at_25 >= 3, "{:?}", report.runs());
}

#[test]
fn a_canary_just_beyond_the_margin_is_seldom_promoted() {
    let report = run(&simulation(10_000.0, &good(), &good().fail_rate(0.0455)), RUNS);
    // 5% each: more than 9 of 60 once in 1,000 times.
    assert!(report.count(Ending::Promoted) <= 9, "{report}");
}

#[test]
fn proof_shortens_the_stages_where_the_plan_says_so() {
    let hours = |early: bool| {
        let plan = plans::five_hours().with_early_advance(early);
        let simulation = Simulation::new(plan, Traffic::per_hour(100_000.0), good(), good());
        run(&simulation, 3).quantile(Ending::Promoted, 0.5, |run| run.seconds / 3_600.0)
    };
    let (fixed, early) = (hours(false), hours(true));
    assert!(fixed > 5.0 && early < 2.5, "{fixed} {early}");
}

#[test]
fn whoever_waits_hears_how_far_it_is_and_may_break_it_off() {
    let many = simulation(100_000.0, &good(), &good());
    let mut heard = Vec::new();
    let broken_off = many.run_many_while(1..=10_000, |done| {
        heard.push(done);
        heard.len() < 3
    });
    assert_eq!(broken_off, Ok(None));
    assert!(heard.len() == 3 && heard.is_sorted() && heard[2] < 10_000, "{heard:?}");
    assert_eq!(simulation(1e9, &good(), &good()).trace_while(1, || false), Ok(None));
    let bad = simulation(1_000.0, &good(), &good().fail_rate(0.5));
    assert_eq!(bad.run_many_while(1..=9, |_| true), bad.run_many(1..=9).map(Some));
}
