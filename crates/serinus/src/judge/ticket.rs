//! A request that was taken into the sample.

use std::fmt;
use std::sync::Arc;

use super::desk::Desk;
use super::task::Taken;
use crate::host::{Answer, Prompt};

/// A request that was taken into the sample: its prompt and answer are wanted once it has ended. Dropped without them, it
/// counts as unanswered and is compared with nothing.
#[must_use = "a ticket that is dropped at once takes its request out of the sample"]
pub struct Ticket {
    desk: Arc<Desk>,
    taken: Option<Taken>,
}

impl Ticket {
    pub(super) const fn new(desk: Arc<Desk>, taken: Taken) -> Self {
        Self { desk, taken: Some(taken) }
    }

    /// With the kind of request that it is: see [`Outcome::stratum`](crate::observe::Outcome::stratum).
    pub fn stratum(mut self, stratum: u8) -> Self {
        if let Some(taken) = &mut self.taken {
            taken.stratum = Some(stratum);
        }
        self
    }

    /// Hands in what was asked and answered. Returns at once: both are judged elsewhere and later.
    pub fn submit(mut self, prompt: Prompt, answer: Answer) {
        if let Some(taken) = self.taken.take() {
            self.desk.submit(taken, prompt, answer);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(taken) = self.taken.take() {
            self.desk.unanswered(taken);
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}
