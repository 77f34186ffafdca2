//! Doing what waits on the desk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::both_orders::compare_in_both_orders;
use super::desk::Desk;
use super::task::{Purpose, Review, Task};
use super::{Judge, JudgeError, Redactor, TextChecks};
use crate::host::{Answer, Generate, Prompt};
use crate::observe::{Checks, Outcome};

/// Who judges, checks, replays and redacts.
#[derive(Clone, Debug, Default)]
pub(super) struct Staff {
    pub(super) judge: Option<Arc<dyn Judge>>,
    pub(super) checks: Option<Arc<dyn TextChecks>>,
    pub(super) generate: Option<Arc<dyn Generate>>,
    pub(super) redactor: Option<Arc<dyn Redactor>>,
}

impl Staff {
    /// Does tasks until the desk closes, or, without waiting, until there is none.
    pub(super) fn work(&self, desk: &Desk, wait: bool) {
        while let Some(task) = desk.next_task(wait) {
            let taken = task.taken;
            // What panics is somebody's judge, redactor, host or check, and no more than a request without a review.
            let review = catch_unwind(AssertUnwindSafe(|| self.review(desk, task))).unwrap_or_else(|_| {
                desk.note::<()>(&Err(JudgeError::Unavailable("a review panicked".into())));
                Review::KeptBack
            });
            desk.done(taken, &review);
        }
    }

    fn review(&self, desk: &Desk, task: Task) -> Review {
        let Task { taken, prompt, answer, canary, .. } = task;
        match taken.purpose {
            Purpose::Score => self.score(desk, prompt, answer),
            Purpose::Replay => {
                let Some(host) = &self.generate else { return Review::KeptBack };
                match host.generate(&canary, &prompt) {
                    Ok(replayed) => self.pair(desk, prompt, answer, replayed),
                    Err(_) => Review::NoReplay,
                }
            }
        }
    }

    fn score(&self, desk: &Desk, prompt: Prompt, answer: Answer) -> Review {
        let checked = Outcome::ok().checks(self.check(&prompt, &answer));
        let Some((prompt, answer)) = self.redact(prompt, answer) else { return Review::KeptBack };
        let Some(judge) = &self.judge else { return Review::Score(checked) };
        let judged = judge.score(&prompt, &answer);
        desk.note(&judged);
        Review::Score(match judged {
            Ok(score) => Outcome { quality: Some(score.quality), passed: score.passed, ..checked },
            Err(_) => checked,
        })
    }

    fn pair(&self, desk: &Desk, prompt: Prompt, stable: Answer, canary: Answer) -> Review {
        let checked = |answer| Outcome::ok().checks(self.check(&prompt, answer));
        let (of_stable, of_canary) = (checked(&stable), checked(&canary));
        let redacted = self.redact(prompt.clone(), stable).zip(self.redact(prompt, canary));
        let Some(((prompt, stable), (_, canary))) = redacted else { return Review::KeptBack };
        let verdict = self.judge.as_ref().and_then(|judge| {
            let verdict = compare_in_both_orders(&**judge, &prompt, &stable, &canary);
            desk.note(&verdict);
            verdict.ok().map(|verdict| (verdict.pair, verdict.flipped))
        });
        Review::Pair { stable: of_stable, canary: of_canary, verdict }
    }

    fn check(&self, prompt: &Prompt, answer: &Answer) -> Checks {
        self.checks.as_ref().map_or_else(Checks::none, |checks| checks.check(prompt, answer))
    }

    fn redact(&self, prompt: Prompt, answer: Answer) -> Option<(Prompt, Answer)> {
        match &self.redactor {
            Some(redactor) => redactor.redact(prompt, answer),
            None => Some((prompt, answer)),
        }
    }
}
