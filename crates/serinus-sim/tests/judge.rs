//! Rollouts whose answers a judge reads: in pairs in the shadow, by samples in the stages.

use serinus::judge::Sampling;
use serinus::plan::Shadow;
use serinus_sim::{Behaviour, Ending, LogNormal, NoisyJudge, Report, Simulation, Traffic, plans};

fn failing(rate: f64) -> Behaviour {
    Behaviour::new().error_rate(0.01).fail_rate(rate).latency(LogNormal::new(1_100.0, 0.5))
}

/// It takes one answer in ten for what it is not, and prefers the first of two, whatever they say, one time in five.
fn noisy() -> NoisyJudge {
    NoisyJudge { error: 0.1, position_bias: 0.2, ..NoisyJudge::default() }
}

fn simulation(stable: f64, canary: f64, judge: NoisyJudge, shadow: Option<Shadow>) -> Simulation {
    let plan = plans::five_hours().with_shadow(shadow).unwrap();
    Simulation::new(plan, Traffic::per_hour(10_000.0), failing(stable), failing(canary)).reviewed_by(judge)
}

fn run(simulation: &Simulation, runs: u64) -> Report {
    simulation.run_many(1..=runs).unwrap()
}

#[test]
fn a_noisy_and_biased_judge_rolls_no_identical_version_back() {
    let report = run(&simulation(0.03, 0.03, noisy(), Some(Shadow::default())), 60);
    // With a probability of 0.01 each, more than 4 of 60 are once in 2,500 times.
    assert!(report.rolled_back() <= 4, "{report}");
    assert!(report.count(Ending::Promoted) >= 45, "{report}");
    assert!(report.runs().iter().all(|run| run.pairs >= 500 && run.judged > 0), "{report}");
}

#[test]
fn a_version_that_hallucinates_is_found_in_the_shadow() {
    let report = run(&simulation(0.03, 0.14, NoisyJudge::default(), Some(Shadow::default())), 40);
    let unseen = report.runs().iter().filter(|run| run.ending == Ending::RolledBack && run.exposed == 0).count();
    // 90% at least: fewer than 30 of 40 once in 500 times.
    assert!(unseen >= 30, "{unseen} of 40, {report}");
    assert_eq!(report.count(Ending::Promoted), 0, "{report}");
}

#[test]
fn without_a_shadow_samples_of_the_first_stages_find_it() {
    let report = run(&simulation(0.03, 0.14, noisy(), None), 20);
    assert_eq!(report.rolled_back(), 20, "{report}");
    assert!(report.runs().iter().all(|run| run.exposed > 0 && run.judged >= 20 && run.pairs == 0), "{report}");
}

#[test]
fn a_judge_that_never_speaks_decides_nothing() {
    let silent = NoisyJudge { silence: 1.0, ..NoisyJudge::default() };
    let report = run(&simulation(0.03, 0.14, silent, Some(Shadow::default())).at_most_hours(30.0), 3);
    assert_eq!(report.count(Ending::Waiting), 3, "{report}");
    assert!(report.runs().iter().all(|run| run.exposed == 0 && run.pairs == 0), "{report}");
    assert!(report.runs()[0].reason.contains("the shadow has been held for"), "{}", report.runs()[0].reason);
}

#[test]
fn a_judge_that_makes_no_sense_is_refused() {
    let bad = NoisyJudge { error: 1.5, ..NoisyJudge::default() };
    assert!(simulation(0.03, 0.03, bad, None).run(1).is_err());
    let never = NoisyJudge { sampling: Sampling { per_minute: 0.0, ..Sampling::default() }, ..NoisyJudge::default() };
    assert!(simulation(0.03, 0.03, never, None).run(1).is_err());
}
