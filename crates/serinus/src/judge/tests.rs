//! The desk in virtual time.

use std::sync::Arc;
use std::time::Duration;

use super::desk::Desk;
use super::feedback::{Feedback, FeedbackError};
use super::sampling::Sampling;
use super::task::Review;
use crate::clock::{Clock, ManualClock, Timestamp};
use crate::host::{Answer, Prompt};
use crate::model::VersionId;
use crate::observe::{Block, BlockRule, Failures, Outcome, Signal, Signals, Unhappy};

struct Rollout {
    desk: Desk,
    clock: Arc<ManualClock>,
    stable: VersionId,
    canary: VersionId,
}

fn rollout(sampling: Sampling, feedback: Option<Feedback>) -> Rollout {
    let (stable, canary) = (VersionId::new("v1").unwrap(), VersionId::new("v2").unwrap());
    let clock = Arc::new(ManualClock::new(Timestamp::ZERO));
    let desk = Desk::new(sampling, feedback, Arc::clone(&clock) as _);
    let signals: Signals = [Arc::new(Failures) as Arc<dyn Signal>, Arc::new(Unhappy)].into_iter().collect();
    desk.begin(stable.clone(), canary.clone(), &signals, BlockRule::default());
    Rollout { desk, clock, stable, canary }
}

impl Rollout {
    fn submit(&self, version: &VersionId, id: &str) -> bool {
        let taken = self.desk.take(version, id);
        let is_taken = taken.is_some();
        if let Some(taken) = taken {
            self.desk.submit(taken, Prompt::new("?"), Answer::new("!"));
        }
        is_taken
    }

    fn judge_all(&self, passed: bool) {
        while let Some(task) = self.desk.next_task(false) {
            self.desk.done(task.taken, &Review::Score(Outcome::ok().passed(passed)));
        }
    }

    fn collect_after(&self, seconds: u64) -> Vec<Block> {
        self.clock.advance(Duration::from_secs(seconds));
        self.desk.collect(self.clock.now())
    }
}

#[test]
fn nothing_is_held_before_the_canary_has_traffic() {
    let rollout = rollout(Sampling::default(), None);
    assert!(!rollout.submit(&rollout.stable, "a"));
    rollout.desk.set_traffic(0.1);
    assert!(rollout.submit(&rollout.stable, "a"));
    assert!(!rollout.submit(&VersionId::new("v0").unwrap(), "b"), "a version that is not compared");
    rollout.desk.end();
    assert!(!rollout.submit(&rollout.stable, "c"));
    assert_eq!(rollout.desk.stats().held, 0, "what waited is let go");
}

#[test]
fn a_stage_ends_its_block() {
    let rollout = rollout(Sampling::default(), None);
    rollout.desk.set_traffic(0.1);
    assert!(rollout.submit(&rollout.stable, "a") && rollout.submit(&rollout.canary, "b"));
    rollout.desk.set_traffic(0.5);
    assert!(rollout.submit(&rollout.canary, "c"));
    rollout.judge_all(false);
    let blocks = rollout.collect_after(1);
    assert_eq!(blocks.len(), 1, "the next one is still open");
    assert_eq!((blocks[0].stable.reviewed(), blocks[0].canary.reviewed()), (1, 1));
}

#[test]
fn so_many_are_held_and_no_more() {
    let rollout = rollout(Sampling { max_held: 3, ..Sampling::default() }, None);
    rollout.desk.set_traffic(0.1);
    for n in 0..10 {
        rollout.submit(&rollout.canary, &n.to_string());
    }
    let stats = rollout.desk.stats();
    assert_eq!((stats.held, stats.canary.sampled, stats.canary.crowded_out), (3, 10, 7));
    rollout.judge_all(true);
    assert_eq!(rollout.desk.stats().held, 0);
}

#[test]
fn a_judgement_of_another_rollout_is_late() {
    let rollout = rollout(Sampling::default(), None);
    rollout.desk.set_traffic(0.1);
    rollout.submit(&rollout.canary, "a");
    let task = rollout.desk.next_task(false).unwrap();
    rollout.desk.begin(rollout.stable.clone(), rollout.canary.clone(), &Signals::from_iter([]), BlockRule::default());
    rollout.desk.done(task.taken, &Review::Score(Outcome::ok().passed(false)));
    assert_eq!(rollout.desk.stats().canary.late, 1);
}

#[test]
fn a_word_counts_in_the_block_of_its_request_once_its_window_has_passed() {
    let feedback = Feedback { window: Duration::from_secs(900), remembered: 100 };
    let rollout = rollout(Sampling { per_minute: 1e-9, ..Sampling::default() }, Some(feedback));
    rollout.desk.set_traffic(0.5);
    for n in 0..20 {
        rollout.desk.take(&rollout.stable, &format!("s{n}"));
        rollout.desk.take(&rollout.canary, &format!("c{n}"));
    }
    assert!(rollout.collect_after(60).iter().all(|block| block.stable.total().rates().is_empty()));
    assert_eq!(rollout.desk.feedback("c3", 0.0), Ok(()));
    assert_eq!(rollout.desk.feedback("s3", 1.0), Ok(()));
    assert!(rollout.collect_after(899).iter().all(|block| block.canary.reviewed() == 0));
    let blocks = rollout.collect_after(1);
    let block = blocks.iter().find(|block| block.canary.total().rates().len() == 2).unwrap();
    assert_eq!(block.canary.total().rates()[1].failures(), 1);
    assert_eq!((block.stable.total().rates()[1].failures(), block.stable.total().rates()[1].trials()), (0, 1));
    assert_eq!(rollout.desk.feedback("c4", 0.0), Err(FeedbackError::Late));
    assert_eq!(rollout.desk.stats().feedback_late, 1);
}

#[test]
fn before_it_is_known_how_many_arrive_a_block_takes_no_more_than_its_budget() {
    let rollout = rollout(Sampling { per_minute: 60.0, ..Sampling::default() }, None);
    rollout.desk.set_traffic(0.5);
    let taken = |version, name| (0..500).filter(|n| rollout.submit(version, &format!("{name}{n}"))).count();
    assert_eq!((taken(&rollout.stable, "s"), taken(&rollout.canary, "c")), (60, 30));
}

#[test]
fn where_more_is_sampled_than_can_be_judged_the_latest_are() {
    let rollout = rollout(Sampling { deadline: Duration::from_secs(120), ..Sampling::default() }, None);
    rollout.desk.set_traffic(0.5);
    assert!(rollout.submit(&rollout.stable, "old") && rollout.submit(&rollout.canary, "old too"));
    rollout.clock.advance(Duration::from_secs(60));
    assert!(rollout.submit(&rollout.canary, "new"));
    rollout.judge_all(true);
    let stats = rollout.desk.stats();
    assert_eq!((stats.held, stats.stable.crowded_out, stats.canary.crowded_out, stats.canary.reviewed), (0, 1, 1, 1));
    let blocks = rollout.collect_after(1);
    assert_eq!(blocks.len(), 1, "nothing is waited for any more");
}

#[test]
fn a_prompt_of_the_shadow_that_ends_after_it_is_not_tried_any_more() {
    let rollout = rollout(Sampling::default(), None);
    rollout.desk.begin_shadow();
    let taken = rollout.desk.take(&rollout.stable, "a").unwrap();
    rollout.desk.set_traffic(0.1);
    rollout.desk.submit(taken, Prompt::new("?"), Answer::new("!"));
    assert!(rollout.desk.next_task(false).is_none());
    assert_eq!(rollout.collect_after(1).len(), 1, "nor waited for");
}

#[test]
fn what_the_stage_before_is_still_judged_on_is_no_judgement_of_this_one() {
    let rollout = rollout(Sampling::default(), None);
    rollout.desk.set_traffic(0.1);
    assert!(rollout.submit(&rollout.stable, "a") && rollout.submit(&rollout.canary, "b"));
    rollout.desk.set_traffic(0.5);
    rollout.judge_all(true);
    assert!(rollout.desk.awaits().is_some_and(|awaited| awaited.contains("(0 of the stable one, 0 of the canary")));
    assert!(rollout.submit(&rollout.stable, "c") && rollout.submit(&rollout.canary, "d"));
    rollout.judge_all(true);
    assert_eq!(rollout.desk.awaits(), None);
}
