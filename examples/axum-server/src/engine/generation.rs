//! One request on its way through a replica, seen from both ends.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::pool::Ticket;
use crate::model::CONTEXT;

/// What a replica is asked to do.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) prompt: Vec<u8>,
    pub(super) max_tokens: usize,
    pub(super) ticket: Ticket,
    // An answer is never longer than a context, which bounds this channel.
    pub(super) events: UnboundedSender<Event>,
}

impl Request {
    pub(super) fn new(prompt: &str, max_tokens: usize, ticket: Ticket) -> (Self, Generation) {
        let (sender, receiver) = unbounded_channel();
        let room = CONTEXT - 1 - prompt.len();
        let request = Self { prompt: prompt.into(), max_tokens: max_tokens.min(room), ticket, events: sender };
        (request, Generation { events: receiver })
    }
}

/// What a replica reports about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The next byte of the answer.
    Byte(u8),
    /// The answer is complete. Nothing follows.
    Finished(Finish),
    /// There will be no answer. Nothing follows.
    Failed(GenerationError),
}

/// Why an answer is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model ended it.
    Stop,
    /// It has as many tokens as it may have.
    Length,
}

/// Why an answer was not completed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenerationError {
    /// The version's requests were cancelled: ask again, of another version.
    #[error("the request was cancelled with its version")]
    Cancelled,
    /// The replica went away.
    #[error("the replica died")]
    ReplicaDied,
    /// The model could not be run.
    #[error("the model failed: {0}")]
    Model(String),
}

/// An answer in progress. Dropping it stops the generation at the next token.
#[derive(Debug)]
pub struct Generation {
    events: UnboundedReceiver<Event>,
}

impl Generation {
    /// Waits for the next events and appends all that are there to `events`, so that a slow reader catches up in one
    /// step. Returns whether more may follow; the last event is always [`Event::Finished`] or [`Event::Failed`].
    ///
    /// Cancel safe: if the future is dropped before it is ready, no event is lost.
    pub async fn next(&mut self, events: &mut Vec<Event>) -> bool {
        if self.events.recv_many(events, CONTEXT).await == 0 {
            events.push(Event::Failed(GenerationError::ReplicaDied));
        }
        matches!(events.last(), Some(Event::Byte(_)))
    }

    /// Waits on this thread, which must not be one of an async runtime's, until the answer is complete.
    ///
    /// # Errors
    /// [`GenerationError`] if there is none.
    pub fn wait(mut self) -> Result<(Vec<u8>, Finish), GenerationError> {
        let mut bytes = Vec::new();
        loop {
            match self.events.blocking_recv() {
                Some(Event::Byte(byte)) => bytes.push(byte),
                Some(Event::Finished(finish)) => return Ok((bytes, finish)),
                Some(Event::Failed(error)) => return Err(error),
                None => return Err(GenerationError::ReplicaDied),
            }
        }
    }
}
