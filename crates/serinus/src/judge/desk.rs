//! What tickets, workers and the control path share: the samples that wait, and the reviews that have come.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex, RwLock};

use super::comparison::{Comparison, Mode};
use super::feedback::{Feedback, FeedbackError, Receipts};
use super::health::Health;
use super::rounds::Rounds;
use super::sampling::{Pace, Sampler, Sampling};
use super::stats::ReviewStats;
use super::task::{Purpose, Review, Taken, Task};
use crate::clock::{Clock, Timestamp};
use crate::host::{Answer, Prompt};
use crate::model::VersionId;
use crate::observe::{Arm, Block, BlockRule, Outcome, Signals};

#[derive(Debug)]
pub(super) struct Desk {
    sampling: Sampling,
    feedback: Option<Feedback>,
    clock: Arc<dyn Clock>,
    is_active: AtomicBool,
    comparison: RwLock<Option<Arc<Comparison>>>,
    books: Mutex<Books>,
    work: Condvar,
    closing: AtomicBool,
}

#[derive(Debug, Default)]
struct Books {
    open: Option<Open>,
    queue: VecDeque<Task>,
    held: usize,
    stats: ReviewStats,
    health: Health,
    comparisons: u64,
}

/// The books of one comparison.
#[derive(Debug)]
struct Open {
    number: u64,
    rounds: Rounds,
    pace: Pace,
    /// The first block of this stage.
    stage_from: u64,
    /// Answers of this stage's requests that have been judged, of the stable version and of the canary.
    judged: [u64; 2],
    words: Option<(Rounds, Receipts)>,
}

impl Desk {
    pub(super) fn new(sampling: Sampling, feedback: Option<Feedback>, clock: Arc<dyn Clock>) -> Self {
        Self {
            sampling,
            feedback,
            clock,
            is_active: AtomicBool::new(false),
            comparison: RwLock::new(None),
            books: Mutex::default(),
            work: Condvar::new(),
            closing: AtomicBool::new(false),
        }
    }

    /// Begins a comparison; what is left of the one before is let go.
    pub(super) fn begin(&self, stable: VersionId, canary: VersionId, signals: &Signals, rule: BlockRule) {
        let mut books = self.books.lock();
        books.comparisons += 1;
        let number = books.comparisons;
        let now = self.clock.now();
        let words = self.feedback.map(|feedback| {
            // Most requests never get a word: their blocks close by time alone.
            let rule = BlockRule { min_arrivals: u64::MAX, ..rule };
            (Rounds::new(rule, feedback.window, signals.clone()), Receipts::new(feedback.remembered))
        });
        books.open = Some(Open {
            number,
            rounds: Rounds::new(rule, self.sampling.deadline, signals.clone()),
            pace: Pace::new(self.sampling.replays_per_second, now),
            stage_from: 0,
            judged: [0; 2],
            words,
        });
        let sampler = Sampler::new(self.sampling.per_minute);
        *self.comparison.write() = Some(Arc::new(Comparison::new(number, stable, canary, sampler)));
    }

    /// Nothing is compared any more.
    pub(super) fn end(&self) {
        self.set_mode(Mode::Nothing);
        *self.comparison.write() = None;
        let mut books = self.books.lock();
        books.open = None;
        books.held -= books.queue.len();
        books.queue.clear();
    }

    fn set_mode(&self, mode: Mode) {
        let Some(comparison) = self.comparison.read().clone() else { return };
        comparison.set_mode(mode);
        self.is_active.store(mode != Mode::Nothing, Ordering::Release);
    }

    /// Prompts are tried on the canary from here on.
    pub(super) fn begin_shadow(&self) {
        self.set_mode(Mode::Shadow);
    }

    /// No prompt is tried on the canary any more, if any was.
    pub(super) fn end_shadow(&self) {
        let in_shadow = self.comparison.read().as_ref().is_some_and(|comparison| comparison.mode() == Mode::Shadow);
        if in_shadow {
            self.set_traffic(0.0);
        }
    }

    /// The shares of traffic have changed; what waits to be tried in the shadow is let go.
    pub(super) fn set_traffic(&self, canary_share: f64) {
        self.set_mode(if canary_share > 0.0 { Mode::Traffic } else { Mode::Nothing });
        let now = self.clock.now();
        let mut books = self.books.lock();
        let Books { open, queue, held, .. } = &mut *books;
        let Some(open) = open else { return };
        let before = queue.len();
        queue.retain(|task| {
            let stays = task.taken.purpose == Purpose::Score;
            if !stays {
                open.rounds.give_up(task.taken.place);
            }
            stays
        });
        *held -= before - queue.len();
        open.rounds.cut(now);
        (open.stage_from, open.judged) = (open.rounds.next(), [0; 2]);
        if let Some((words, _)) = &mut open.words {
            words.cut(now);
        }
    }

    pub(super) fn canary_alone(&self) {
        if let Some(open) = &mut self.books.lock().open {
            open.rounds.canary_alone();
            if let Some((words, _)) = &mut open.words {
                words.canary_alone();
            }
        }
    }

    /// Takes a request that chance has sent to a version, or does not. Cheap while nothing is compared.
    pub(super) fn take(&self, version: &VersionId, request_id: &str) -> Option<Taken> {
        if !self.is_active.load(Ordering::Acquire) {
            return None;
        }
        // Not held while the books are locked: whoever begins a comparison locks these first.
        let (number, arm, purpose, takes) = {
            let comparison = self.comparison.read();
            let comparison = comparison.as_deref()?;
            let arm = comparison.arm(version)?;
            let purpose = match (comparison.mode(), arm) {
                (Mode::Nothing, _) | (Mode::Shadow, Arm::Canary) => return None,
                (Mode::Shadow, Arm::Stable) => Purpose::Replay,
                (Mode::Traffic, _) => Purpose::Score,
            };
            let takes = purpose == Purpose::Replay || comparison.sampler.takes(arm, request_id);
            (comparison.number, arm, purpose, takes)
        };
        if !takes && self.feedback.is_none() {
            return None;
        }
        let now = self.clock.now();
        let mut books = self.books.lock();
        let open = books.open.as_mut().filter(|open| open.number == number)?;
        if let (Some((words, receipts)), Purpose::Score) = (&mut open.words, purpose) {
            let place = words.take(arm, now);
            receipts.add(request_id, place);
        }
        let has_room = match purpose {
            Purpose::Replay => open.pace.takes(now),
            Purpose::Score => {
                open.rounds.taken(arm) < self.sampling.most(arm, open.rounds.is_alone(), open.rounds.rule())
            }
        };
        if !takes || !has_room {
            return None;
        }
        let place = open.rounds.take(arm, now);
        books.stats.version(arm).sampled += 1;
        Some(Taken { comparison: number, place, purpose, stratum: None })
    }

    /// A request that was taken ended without an answer.
    pub(super) fn unanswered(&self, taken: Taken) {
        let mut books = self.books.lock();
        books.stats.version(taken.place.arm()).unanswered += 1;
        books.give_up(taken);
    }

    /// A request that was taken has its answer, which waits to be judged.
    pub(super) fn submit(&self, taken: Taken, prompt: Prompt, answer: Answer) {
        let comparison = self.comparison.read().clone();
        let Some(comparison) = comparison.filter(|comparison| comparison.number == taken.comparison) else { return };
        let mut books = self.books.lock();
        if taken.purpose == Purpose::Replay && comparison.mode() != Mode::Shadow {
            return books.give_up(taken);
        }
        if books.held >= self.sampling.max_held {
            books.stats.version(taken.place.arm()).crowded_out += 1;
            return books.give_up(taken);
        }
        books.held += 1;
        let (since, canary) = (self.clock.now(), comparison.canary.clone());
        books.queue.push_back(Task { taken, prompt, answer, since, canary });
        self.work.notify_one();
    }

    /// The next task; waits for one if `wait` says so, until the desk closes.
    pub(super) fn next_task(&self, wait: bool) -> Option<Task> {
        let mut books = self.books.lock();
        loop {
            if self.closing.load(Ordering::Acquire) {
                return None;
            }
            while let Some(task) = books.queue.pop_front() {
                if self.clock.now().since(task.since) < self.sampling.deadline / 2 {
                    return Some(task);
                }
                books.held -= 1;
                books.stats.version(task.taken.place.arm()).crowded_out += 1;
                books.give_up(task.taken);
            }
            if !wait {
                return None;
            }
            self.work.wait(&mut books);
        }
    }

    /// No worker gets another task.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        let _books = self.books.lock();
        self.work.notify_all();
    }

    /// A task has been done, in whatever way.
    pub(super) fn done(&self, taken: Taken, review: &Review) {
        let mut books = self.books.lock();
        books.held -= 1;
        let arm = taken.place.arm();
        let with_stratum = |outcome: Outcome| Outcome { stratum: taken.stratum, ..outcome };
        let open = books.open.as_mut().filter(|open| open.number == taken.comparison);
        let Some(open) = open else {
            books.stats.version(arm).late += 1;
            return;
        };
        let rounds = &mut open.rounds;
        let in_time = match review {
            Review::KeptBack | Review::NoReplay => {
                rounds.give_up(taken.place);
                true
            }
            Review::Score(outcome) => {
                let in_time = rounds.review(taken.place, &with_stratum(*outcome));
                let is_judged = outcome.passed.is_some() || outcome.quality.is_some();
                open.judged[arm as usize] += u64::from(in_time && is_judged && taken.place.is_since(open.stage_from));
                in_time
            }
            Review::Pair { stable, canary, verdict } => {
                rounds.pair(taken.place, verdict.map(|(pair, _)| pair), &with_stratum(*stable), &with_stratum(*canary))
            }
        };
        let stats = &mut books.stats;
        match review {
            _ if !in_time => stats.version(arm).late += 1,
            Review::KeptBack => stats.version(arm).kept_back += 1,
            Review::NoReplay => stats.replays_failed += 1,
            Review::Score(_) => stats.version(arm).reviewed += 1,
            Review::Pair { verdict, .. } => {
                stats.stable.reviewed += 1;
                stats.canary.reviewed += 1;
                if let Some((_, flipped)) = verdict {
                    stats.pairs += 1;
                    stats.flipped += u64::from(*flipped);
                }
            }
        }
    }

    /// Notes how a call to the judge went.
    pub(super) fn note<T>(&self, result: &Result<T, super::JudgeError>) {
        let mut books = self.books.lock();
        books.health.note(result);
        if let Err(error) = result {
            books.stats.count_failure(error);
        }
    }

    pub(super) fn feedback(&self, request_id: &str, score: f64) -> Result<(), FeedbackError> {
        if !(0.0..=1.0).contains(&score) {
            return Err(FeedbackError::Invalid(score));
        }
        let mut books = self.books.lock();
        let Books { open, stats, .. } = &mut *books;
        let found = open.as_mut().and_then(|open| open.words.as_mut());
        let found = found.and_then(|(words, receipts)| Some((words, receipts.take(request_id)?)));
        let Some((words, place)) = found else {
            stats.feedback_unknown += 1;
            return Err(FeedbackError::Unknown);
        };
        if !words.review(place, &Outcome::ok().feedback(score)) {
            stats.feedback_late += 1;
            return Err(FeedbackError::Late);
        }
        stats.feedback += 1;
        Ok(())
    }

    /// The blocks of reviews that are complete. To be asked once a tick.
    pub(super) fn collect(&self, now: Timestamp) -> Vec<Block> {
        let comparison = self.comparison.read().clone();
        let mut books = self.books.lock();
        let Some(open) = &mut books.open else { return Vec::new() };
        let in_shadow = comparison.as_ref().is_some_and(|comparison| comparison.mode() == Mode::Shadow);
        if in_shadow && open.rounds.is_open() {
            // Pairs are comparable by themselves and wait for no block to fill.
            open.rounds.cut(now);
        } else if let Some(lasted) = open.rounds.close_if_due(now)
            && let Some(comparison) = comparison
        {
            comparison.sampler.adjust(lasted, open.rounds.is_alone());
        }
        let (mut blocks, missing) = open.rounds.collect(now);
        if let Some((words, _)) = &mut open.words {
            words.close_if_due(now);
            blocks.extend(words.collect(now).0);
        }
        books.stats.missing += missing;
        blocks
    }

    /// What a stage must not end without.
    pub(super) fn awaits(&self) -> Option<String> {
        let in_traffic = self.comparison.read().as_ref().is_some_and(|comparison| comparison.mode() == Mode::Traffic);
        let books = self.books.lock();
        let open = books.open.as_ref().filter(|open| in_traffic && !open.rounds.is_alone())?;
        let [stable, canary] = &open.judged;
        (*stable == 0 || *canary == 0).then(|| {
            format!("judged answers of both versions in this stage ({stable} of the stable one, {canary} of the canary so far)")
        })
    }

    /// What somebody should look at.
    pub(super) fn alerts(&self) -> BTreeMap<String, String> {
        self.books.lock().health.alert().map(|alert| ("judge".to_owned(), alert)).into_iter().collect()
    }

    pub(super) fn stats(&self) -> ReviewStats {
        let books = self.books.lock();
        ReviewStats { held: books.held as u64, ..books.stats.clone() }
    }
}

impl Books {
    fn give_up(&mut self, taken: Taken) {
        if let Some(open) = self.open.as_mut().filter(|open| open.number == taken.comparison) {
            open.rounds.give_up(taken.place);
        }
    }
}
