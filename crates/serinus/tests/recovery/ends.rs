//! After the promotion, and at the very end.

use std::sync::Arc;

use serinus::deploy::{DeployError, Engine, Work};
use serinus::host::{Fault, HostError, Operation};
use serinus::journal::{Entry, History, Journal, MemoryJournal, Record};
use serinus::rollout::{Command, Phase, Status};
use serinus::route::{TrafficSplitter, Weights};

use crate::world::{World, made};

#[test]
fn a_bake_goes_on_and_the_old_version_is_the_way_back_once_it_is_there() {
    for host_too in [false, true] {
        let mut world = World::new();
        world.run_until(|now| now == Phase::Baking);
        for _ in 0..20 {
            world.step();
        }
        world.crash(host_too);
        let (old, new) = (world.plan.current().version().clone(), world.plan.target().version().clone());
        assert_eq!(world.splitter.table().weights(), &Weights::all(&new));
        assert!(!world.splitter.table().serves(&old), "nobody has looked whether it is there");
        while !world.splitter.table().serves(&old) {
            world.step();
        }
        assert!(world.host.replicas(&old) > 0);
        world.work = world.engine.command(Command::Abort { reason: "enough".into() }).unwrap();
        assert_eq!(world.splitter.table().weights(), &Weights::all(&old));
        world.run_until(Phase::is_final);
        assert_eq!(world.engine.outcome().unwrap().status, Status::Aborted);
    }
}

#[test]
fn a_bake_goes_on_with_the_time_that_it_lasted() {
    let mut world = World::new();
    world.run_until(|now| now == Phase::Baking);
    let (bake, mut baked) = (world.plan.bake().as_secs(), 0);
    while baked < bake / 2 {
        world.step();
        baked += 10;
    }
    world.crash(false);
    let mut left = 0;
    while world.engine.rollout().phase() == Phase::Baking {
        world.step();
        left += 10;
    }
    assert!((bake / 2 - 10..=bake / 2 + 90).contains(&left), "{left} of {bake} s");
}

#[test]
fn a_bake_without_a_way_back_goes_on_and_says_so() {
    let mut world = World::new();
    world.run_until(|now| now == Phase::Baking);
    world.crash(false);
    world.host.inject(Operation::Load, Fault::Error(HostError::permanent("the weights are gone")));
    let mut alerts = Vec::new();
    for _ in 0..5 {
        world.step();
        alerts.extend(world.work.iter().filter_map(|work| match work {
            Work::Alert(alert) => Some(alert.title.clone()),
            _ => None,
        }));
    }
    assert!(alerts.iter().any(|title| title == "there is no way back"), "{alerts:?}");
    world.run_until(Phase::is_final);
    let outcome = world.engine.outcome().unwrap();
    assert_eq!(outcome.status, Status::Completed);
    assert!(outcome.warnings.iter().any(|warning| warning.contains("the weights are gone")), "{outcome:?}");
}

#[test]
fn a_process_that_begins_with_another_version_is_told_which_one() {
    for phase in [Phase::Stage(0), Phase::Baking, Phase::Retiring] {
        let mut world = World::new();
        if phase == Phase::Retiring {
            world.run_until(|now| now == Phase::Baking);
            world.work = world.engine.command(Command::EndBake).unwrap();
        }
        world.run_until(|now| now == phase);
        let plan = Arc::clone(&world.plan);
        let (old, new) = (plan.current().version(), plan.target().version());
        let (right, wrong) = if phase == Phase::Stage(0) { (old, new) } else { (new, old) };
        let with = world.begin_on(wrong);
        let before = (world.splitter.table(), world.journal.entries("r").unwrap().len());
        let refused = Engine::recover(with, "r", made).unwrap_err();
        assert!(matches!(&refused, DeployError::WrongTable { expected, .. } if expected == right), "{refused}");
        assert!(refused.to_string().contains(&format!("{wrong} at 1")), "{refused}");
        assert_eq!((world.splitter.table(), world.journal.entries("r").unwrap().len()), before, "nothing was done");
    }
}

/// How often the rollback was recorded, and how often the end.
fn told(entries: &[Entry]) -> (usize, usize) {
    let count = |wanted: fn(&Record) -> bool| entries.iter().filter(|entry| wanted(&entry.what)).count();
    (count(|what| matches!(what, Record::RolledBack(_))), count(|what| matches!(what, Record::Finished(_))))
}

fn journal_of(entries: &[Entry]) -> Arc<MemoryJournal> {
    let journal = MemoryJournal::default();
    for entry in entries {
        journal.append(entry).unwrap();
    }
    Arc::new(journal)
}

#[test]
fn a_record_an_alert_and_an_end_that_were_decided_and_not_told_are_told() {
    let mut world = World::new();
    world.run_until(|now| now == Phase::Stage(0));
    world.work = world.engine.command(Command::Abort { reason: "enough".into() }).unwrap();
    world.run_until(Phase::is_final);
    let all = world.journal.entries("r").unwrap();
    let decided = all.len() - 2;
    assert!(told(&all) == (1, 1) && told(&all[..decided]) == (0, 0));
    // It dies after the decision; after the record; and after the decision, and again while that is mended.
    for (kept, crashes) in [(decided, 1), (decided + 1, 1), (decided, 2)] {
        world.journal = journal_of(&all[..kept]);
        if crashes == 2 {
            world.crash(false);
            world.journal = journal_of(&world.journal.entries("r").unwrap()[..=kept]);
        }
        world.crash(false);
        assert_eq!(told(&world.journal.entries("r").unwrap()), (1, 1), "{kept} entries, {crashes} crashes");
        assert_eq!(world.engine.outcome().unwrap().status, Status::Aborted);
        assert!(world.work.iter().any(|work| matches!(work, Work::Alert(_))));
        let history = History::of(&*world.journal, "r").unwrap().unwrap();
        assert_eq!((history.status, history.recoveries), (Some(Status::Aborted), crashes));
    }
}
