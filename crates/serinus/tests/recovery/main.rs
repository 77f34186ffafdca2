//! A driver that dies, and another that goes on from the journal.

mod ends;
mod evidence;
mod world;

use std::sync::Arc;
use std::time::Duration;

use serinus::deploy::{Engine, Surroundings};
use serinus::journal::Journal;
use serinus::plan::Shadow;
use serinus::rollout::{Command, Decision, Phase, Rollout, RolloutPolicy, StageView, Status};
use serinus::route::{TrafficSplitter, Weights};

use self::world::{World, made};

#[test]
fn a_policy_of_ones_own_is_kept_over_a_crash() {
    #[derive(Debug)]
    struct Never;
    impl RolloutPolicy for Never {
        fn decide(&self, _: &StageView<'_>) -> Decision {
            Decision::Pause { reason: "never".into() }
        }
    }
    let mut world = World::new();
    world.run_until(|now| now == Phase::Stage(0));
    let with = world.begin_on(world.plan.clone().current().version());
    let with_policy = |rollout: Rollout| made(rollout.with_policy(Arc::new(Never)));
    (world.engine, world.work) = Engine::recover(with, "r", with_policy).unwrap();
    world.run_until(|now| now == Phase::Stage(0));
    world.step();
    assert_eq!(world.engine.rollout().paused(), Some("never"));
}

#[test]
fn a_crash_in_any_phase_ends_as_the_rollout_would_have() {
    let phases = [Phase::Loading, Phase::Stage(0), Phase::Stage(2), Phase::Baking];
    for (phase, host_too) in phases.into_iter().flat_map(|phase| [(phase, false), (phase, true)]) {
        let mut world = World::new();
        world.run_until(|now| now == phase);
        world.step();
        world.crash(host_too);
        assert!(world.engine.outcome().is_none());
        world.run_until(Phase::is_final);
        let outcome = world.engine.outcome().unwrap().clone();
        assert_eq!(outcome.status, Status::Completed, "{phase} {host_too}: {}", outcome.reason);
        assert_eq!(world.splitter.table().weights(), &Weights::all(world.plan.target().version()));
    }
}

#[test]
fn a_crash_on_the_way_out_is_taken_up_again() {
    for phase in [Phase::RollingBack, Phase::Retiring] {
        let mut world = World::new();
        if phase == Phase::RollingBack {
            world.run_until(|now| now == Phase::Stage(1));
            world.step();
            world.work = world.engine.command(Command::Abort { reason: "enough".into() }).unwrap();
        } else {
            world.run_until(|now| now == Phase::Baking);
            world.work = world.engine.command(Command::EndBake).unwrap();
        }
        assert_eq!(world.engine.rollout().phase(), phase);
        world.crash(false);
        world.run_until(Phase::is_final);
        let (expected, stays) = match phase {
            Phase::RollingBack => (Status::Aborted, world.plan.current()),
            _ => (Status::Completed, world.plan.target()),
        };
        assert_eq!(world.engine.outcome().unwrap().status, expected);
        assert_eq!(world.splitter.table().weights(), &Weights::all(stays.version()));
        let gone = if phase == Phase::RollingBack { world.plan.target() } else { world.plan.current() };
        assert_eq!(world.host.replicas(gone.version()), 0);
    }
}

#[test]
fn the_journal_goes_on_where_it_stopped_and_an_unknown_rollout_is_an_error() {
    let mut world = World::new();
    world.run_until(|now| now == Phase::Stage(0));
    let before = world.journal.entries("r").unwrap().len() as u64;
    world.crash(false);
    let entries = world.journal.entries("r").unwrap();
    assert!(entries.len() as u64 > before);
    assert!(entries.iter().enumerate().all(|(place, entry)| entry.sequence == place as u64));
    let with = Surroundings::new(Arc::clone(&world.splitter) as _, world.clock, world.journal);
    let unknown = Engine::recover(with, "another", made).unwrap_err();
    assert!(unknown.to_string().contains("another"), "{unknown}");
}

#[test]
fn a_crash_in_the_shadow_comes_back_to_the_shadow() {
    let shadow = Shadow::new(Duration::from_secs(600), 100);
    for host_too in [false, true] {
        let mut world = World::with_plan(|plan| plan.with_shadow(Some(shadow)).unwrap());
        world.run_until(|now| now == Phase::Shadow);
        for _ in 0..10 {
            world.step();
        }
        assert!(world.engine.evaluation().pairs > 0);
        world.crash(host_too);
        world.run_until(|now| now == Phase::Shadow);
        let met = world.splitter.stats().versions.get(world.plan.target().version()).map_or(0, |version| version.count);
        assert_eq!(met, 0, "nobody has met it");
        world.run_until(|now| now == Phase::Stage(0));
        assert!(world.engine.evaluation().pairs >= 100);
        world.run_until(Phase::is_final);
        assert_eq!(world.engine.outcome().unwrap().status, Status::Completed);
    }
}
