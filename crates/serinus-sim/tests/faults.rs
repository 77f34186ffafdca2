//! What goes wrong on the way: every rollout ends, and no request goes where no version serves.

use proptest::prelude::*;
use serinus::evaluate::Thresholds;
use serinus_sim::{Behaviour, Ending, Faults, LogNormal, Mishap, Rate, Run, Simulation, Traffic, Users, plans};

fn good() -> Behaviour {
    Behaviour::new().error_rate(0.005).fail_rate(0.02).latency(LogNormal::new(1_100.0, 0.5)).abandoned(0.01)
}

fn with(faults: Faults) -> Simulation {
    let traffic = Traffic::per_hour(20_000.0).daily_swing(0.4);
    let plan = plans::five_hours().with_early_advance(true);
    Simulation::new(plan, traffic, good(), good()).faults(faults)
}

fn run(faults: Faults) -> Run {
    with(faults).run(3).unwrap()
}

#[test]
fn a_rollout_without_faults_is_promoted() {
    let run = run(Faults::default());
    assert_eq!((run.ending, run.misrouted, run.died_in_crashes), (Ending::Promoted, 0, 0), "{}", run.reason);
}

#[test]
fn loads_that_fail_for_a_moment_are_made_again_and_others_lead_back() {
    let of = |loads: &[Mishap]| run(Faults { loads: loads.to_vec(), ..Faults::default() });
    assert_eq!(of(&[Mishap::Transient, Mishap::Transient]).ending, Ending::Promoted);
    for mishap in [Mishap::Permanent, Mishap::Hangs] {
        let run = of(&[mishap]);
        assert_eq!((run.ending, run.exposed, run.misrouted), (Ending::RolledBack, 0, 0), "{}", run.reason);
        let later = of(&[Mishap::None, mishap]);
        assert_eq!((later.ending, later.misrouted), (Ending::RolledBack, 0), "{}", later.reason);
    }
}

#[test]
fn a_controller_that_dies_is_taken_over() {
    let run = run(Faults { crashes: vec![100.0, 110.0, 3_000.0, 9_000.0], ..Faults::default() });
    assert_eq!((run.ending, run.misrouted), (Ending::Promoted, 0), "{}", run.reason);
    assert!(
        run.died_in_crashes > 300,
        "those in flight and those of three times half a minute: {}",
        run.died_in_crashes
    );
}

#[test]
fn evidence_survives_a_crash() {
    let bad = good().fail_rate(0.12);
    let simulation = Simulation::new(plans::five_hours(), Traffic::per_hour(10_000.0), good(), bad);
    let alone = simulation.run(5).unwrap();
    let shortly_before = 70.0 + 0.8 * alone.seconds;
    let crashed = simulation.faults(Faults { crashes: vec![shortly_before], ..Faults::default() }).run(5).unwrap();
    assert_eq!((alone.ending, crashed.ending), (Ending::RolledBack, Ending::RolledBack));
    // What was judged before the crash still counts; all that is lost was in the open block or in flight.
    assert!(crashed.canary_requests > crashed.exposed * 17 / 20, "{} of {}", crashed.canary_requests, crashed.exposed);
}

#[test]
fn clocks_that_jump_routers_that_lag_and_replicas_that_die_do_no_harm() {
    let faults = Faults {
        clock_jumps: vec![(1_000.0, 7_200.0), (4_000.0, -10_000.0)],
        lagging_routers: (3, 20.0),
        replica_dies: vec![2_000.0, 6_000.0],
        ..Faults::default()
    };
    let run = run(faults);
    assert_eq!(run.ending, Ending::Promoted, "{}", run.reason);
}

#[test]
fn requests_that_never_end_are_cancelled_and_answered_elsewhere() {
    let hanging = good().hangs(0.2);
    let run = Simulation::new(plans::five_hours(), Traffic::per_hour(10_000.0), good(), hanging).run(2).unwrap();
    assert_eq!(run.ending, Ending::RolledBack, "{}", run.reason);
    assert!(run.retried > 0, "{run:?}");
}

#[test]
fn the_same_seed_is_the_same_rollout() {
    let faults = Faults {
        loads: vec![Mishap::Transient],
        crashes: vec![5_000.0],
        lagging_routers: (2, 5.0),
        replica_dies: vec![1_000.0],
        clock_jumps: vec![(2_000.0, 60.0)],
    };
    let users = Users::zipf(2_000, 1.0).failing_differently(0.5);
    let simulation = Simulation::new(
        plans::five_hours(),
        Traffic::per_hour(5_000.0).users(users).judge_error(0.05).judged(0.5),
        good().score(0.8, 0.1),
        good().score(0.8, 0.1),
    );
    let simulation = simulation.faults(faults).at_most_hours(8.0);
    assert_eq!(simulation.run(9).unwrap(), simulation.run(9).unwrap());
    let many = simulation.run_many([9, 4]).unwrap();
    assert_eq!(many.runs()[0], simulation.run(9).unwrap());
    assert_ne!(many.runs()[0], many.runs()[1]);
}

#[test]
fn nonsense_is_refused_with_what_was_expected() {
    let of = |traffic: Traffic, stable: Behaviour| {
        Simulation::new(plans::five_hours(), traffic, stable, good()).run(1).unwrap_err().to_string()
    };
    let traffic = || Traffic::per_hour(1_000.0);
    assert!(of(Traffic::per_hour(0.0), good()).contains("requests an hour above 0"));
    assert!(of(Traffic::per_hour(f64::NAN), good()).contains("NaN"));
    assert!(of(traffic().judged(1.5), good()).contains("shares in [0, 1], got 1.5"));
    assert!(of(traffic(), good().error_rate(1.5)).contains("stable version: expected probabilities and shares"));
    assert!(of(traffic(), good().latency(LogNormal::new(0.0, 0.5))).contains("above 0"));
    assert!(of(traffic(), good().score(0.8, 0.9)).contains("deviation"));
    assert!(of(traffic(), good().slower(1.5)).contains("in [0, 1], got 1.5"));
    assert!(of(traffic(), good().tail(f64::NAN, 2.0)).contains("a share of slow answers"));
    assert!(of(traffic(), good().latency(LogNormal::new(900.0, f64::NAN))).contains("sigma"));
    assert!(
        of(traffic(), good().error_rate(Rate::Ramp { from: 0.0, to: 0.1, over: -1.0 }))
            .contains("stable version: expected rates that change")
    );
    for users in [Users::zipf(0, 1.0), Users::zipf(u32::MAX, 1.0), Users::zipf(9, f64::NAN)] {
        assert!(of(traffic().users(users), good()).contains("users"));
    }
    let simulation = Simulation::new(plans::five_hours(), traffic(), good(), good());
    let thresholds = Thresholds { error_increase: f64::NAN, ..Thresholds::default() };
    assert!(simulation.clone().judged_by_thresholds(thresholds).check().is_err());
    for faults in [
        Faults { crashes: vec![-1.0], ..Faults::default() },
        Faults { replica_dies: vec![f64::NAN], ..Faults::default() },
        Faults { clock_jumps: vec![(1.0, f64::INFINITY)], ..Faults::default() },
        Faults { clock_jumps: vec![(1.0, 1e300)], ..Faults::default() },
        Faults { lagging_routers: (usize::MAX, 1.0), ..Faults::default() },
        Faults { lagging_routers: (1, f64::NAN), ..Faults::default() },
    ] {
        assert!(simulation.clone().faults(faults).run(1).unwrap_err().to_string().contains("faults: expected"));
    }
    assert!(simulation.clone().tick(0.0).run(1).is_err());
    assert!(simulation.clone().tick(1e-300).run(1).is_err(), "time would stand still");
    assert!(simulation.at_most_hours(f64::INFINITY).run(1).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_goes_wrong_it_ends_and_nothing_is_misrouted(
        seed in 0..1_000u64,
        loads in prop::collection::vec(prop_oneof![
            3 => Just(Mishap::None), 2 => Just(Mishap::Transient), 1 => Just(Mishap::Permanent), 1 => Just(Mishap::Hangs)
        ], 0..6),
        crashes in prop::collection::vec(10.0..12_000.0f64, 0..4),
        clock_jumps in prop::collection::vec((10.0..12_000.0f64, -50_000.0..50_000.0f64), 0..3),
        fails in 0.0..0.2f64,
        hangs in 0.0..0.01f64,
    ) {
        let faults = Faults { loads, crashes, clock_jumps, ..Faults::default() };
        let canary = good().fail_rate(fails).hangs(hangs);
        let plan = plans::five_hours().with_early_advance(true);
        let simulation = Simulation::new(plan, Traffic::per_hour(20_000.0), good(), canary).faults(faults);
        let run = simulation.run(seed).unwrap();
        prop_assert_ne!(run.ending, Ending::Unfinished);
        prop_assert_eq!(run.misrouted, 0);
    }
}
