//! How a [`Reviewer`] is put together.

use std::sync::Arc;

use super::desk::Desk;
use super::feedback::Feedback;
use super::reviewer::Reviewer;
use super::sampling::{Sampling, SamplingError};
use super::workers::Staff;
use super::{Judge, Redactor, TextChecks};
use crate::clock::{Clock, SystemClock};
use crate::host::Generate;

/// Puts a [`Reviewer`] together. Whatever is left out is not done: no judge, no checks, no replays, no feedback.
#[derive(Debug)]
pub struct ReviewerBuilder {
    staff: Staff,
    sampling: Sampling,
    feedback: Option<Feedback>,
    workers: usize,
    clock: Arc<dyn Clock>,
}

impl ReviewerBuilder {
    pub(super) fn new() -> Self {
        Self {
            staff: Staff::default(),
            sampling: Sampling::default(),
            feedback: None,
            workers: 4,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// Answers are judged by this.
    pub fn judge(mut self, judge: Arc<dyn Judge>) -> Self {
        self.staff.judge = Some(judge);
        self
    }

    /// Answers' texts are checked by this.
    pub fn checks(mut self, checks: Arc<dyn TextChecks>) -> Self {
        self.staff.checks = Some(checks);
        self
    }

    /// Prompts can be tried on a canary by this, before it has any traffic.
    pub fn replays(mut self, host: Arc<dyn Generate>) -> Self {
        self.staff.generate = Some(host);
        self
    }

    /// Prompts and answers pass through this before a judge sees them.
    pub fn redactor(mut self, redactor: Arc<dyn Redactor>) -> Self {
        self.staff.redactor = Some(redactor);
        self
    }

    /// How many requests are judged.
    pub fn sampling(self, sampling: Sampling) -> Self {
        Self { sampling, ..self }
    }

    /// Users' words are attached to their requests ([`Reviewer::feedback`]). Each request of the rollout is then
    /// remembered for a while, at the cost of a lock.
    pub fn feedback(self, feedback: Feedback) -> Self {
        Self { feedback: Some(feedback), ..self }
    }

    /// Threads that judge; as many answers are judged at a time. Default 4. With 0 nothing is judged until
    /// [`Reviewer::work_off`] is called.
    pub fn workers(self, workers: usize) -> Self {
        Self { workers, ..self }
    }

    /// Another clock; the deployment's.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The reviewer, with its threads started.
    ///
    /// # Errors
    ///
    /// [`SamplingError`] for a sampling that makes no sense.
    pub fn build(self) -> Result<Reviewer, SamplingError> {
        self.sampling.check()?;
        let desk = Arc::new(Desk::new(self.sampling, self.feedback, self.clock));
        Ok(Reviewer::new(desk, self.staff, self.workers))
    }
}
