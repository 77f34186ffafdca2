//! What a stage has gathered goes on with it: its time, and its evidence.

use std::sync::Arc;
use std::time::Duration;

use serinus::clock::Clock;
use serinus::deploy::{DeployError, Engine, Surroundings};
use serinus::evaluate::SequentialEvaluator;
use serinus::journal::{Entry, Journal, JournalError, MemoryJournal};
use serinus::rollout::Phase;

use crate::world::{World, made};

/// Stays in the first stage for this long; its hold is an hour, and its requests have come before that.
fn hold_first_stage(world: &mut World, seconds: u64) {
    world.rate = 250;
    world.run_until(|now| now == Phase::Stage(0));
    for _ in 0..seconds / 10 {
        world.step();
    }
    assert_eq!(world.engine.rollout().phase(), Phase::Stage(0));
}

fn seconds_until_the_next_stage(world: &mut World) -> u64 {
    let begun = world.clock.now();
    while world.engine.rollout().stages_passed() == 0 {
        world.step();
    }
    world.clock.now().since(begun).as_secs()
}

#[test]
fn a_stage_goes_on_with_the_time_that_it_was_really_held_and_with_its_evidence() {
    let mut world = World::new();
    hold_first_stage(&mut world, 1_800);
    let before = world.engine.evaluation();
    world.clock.advance(Duration::from_secs(7_200));
    world.crash(false);
    let after = world.engine.evaluation();
    assert!(
        after.canary_requests > before.canary_requests * 8 / 10,
        "{} of {}",
        after.canary_requests,
        before.canary_requests
    );
    let left = seconds_until_the_next_stage(&mut world);
    assert!((1_800..=1_900).contains(&left), "30 of 60 minutes were held; for 2 hours nobody was there: {left} s");
}

#[test]
fn a_crash_while_a_crash_is_mended_loses_no_more() {
    let mut world = World::new();
    hold_first_stage(&mut world, 1_800);
    for _ in 0..3 {
        world.crash(true);
        assert_eq!(world.engine.rollout().phase(), Phase::Loading);
    }
    let left = seconds_until_the_next_stage(&mut world);
    assert!((1_800..=1_900).contains(&left), "{left} s");
}

/// Keeps entries and nothing else, as a journal of one's own may.
#[derive(Debug)]
struct EntriesOnly(Arc<MemoryJournal>);

impl Journal for EntriesOnly {
    fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        self.0.append(entry)
    }
    fn rollouts(&self) -> Result<Vec<String>, JournalError> {
        self.0.rollouts()
    }
    fn entries(&self, rollout: &str) -> Result<Vec<Entry>, JournalError> {
        self.0.entries(rollout)
    }
}

#[test]
fn without_evidence_a_stage_begins_again_and_counts_no_request_of_the_process_that_died() {
    let mut world = World::new();
    world.run_until(|now| now == Phase::Stage(1));
    for _ in 0..60 {
        world.step();
    }
    world.begin_on(world.plan.clone().current().version());
    let journal = Arc::new(EntriesOnly(Arc::clone(&world.journal)));
    let with = Surroundings::new(Arc::clone(&world.splitter) as _, Arc::clone(&world.clock) as _, journal);
    (world.engine, world.work) = Engine::recover(with, "r", made).unwrap();
    let begun = world.clock.now();
    assert_eq!(world.engine.evaluation().canary_requests, 0, "the evidence is gone");
    world.run_until(|now| now == Phase::Stage(2));
    let (hold, held) = (world.plan.stages()[1].hold(), world.clock.now().since(begun));
    assert!(held >= hold && held < hold * 2, "{held:?} of {hold:?}");
}

#[test]
fn evidence_of_other_guardrails_is_refused() {
    let mut world = World::new();
    hold_first_stage(&mut world, 600);
    let with = world.begin_on(world.plan.clone().current().version());
    let refused = Engine::recover(with, "r", |rollout| {
        let evaluator = SequentialEvaluator::for_plan(rollout.plan()).text_checks().build()?;
        Ok::<_, DeployError>((rollout, Box::new(evaluator) as _))
    });
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("guardrails and margins stay the same"), "{refused}");
}
