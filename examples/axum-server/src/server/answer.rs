//! One request's answer, from its lease to its outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serinus::host::{Answer as Answered, Prompt};
use serinus::judge::Ticket;
use serinus::observe::Outcome;
use serinus::route::{Lease, Request, TrafficSplitter};

use super::Server;
use super::error::ChatError;
use super::text::decode_available;
use super::wire::{Origin, Usage};
use crate::engine::{EngineError, Event, Finish, Generation, GenerationError};

static NEXT_ID: AtomicU64 = AtomicU64::new(0);
static NEXT_REQUEST: AtomicU64 = AtomicU64::new(0);

/// What a user wants to know.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) prompt: String,
    pub(super) max_tokens: usize,
    pub(super) arrived: Instant,
}

/// An answer in progress. Dropping it abandons the request: the generation stops and the lease tells the router.
#[derive(Debug)]
pub(super) struct Answer {
    server: Server,
    question: Question,
    attempt: Attempt,
    /// Present if the answer is wanted for judging.
    ticket: Option<Ticket>,
}

/// One version's try at the answer.
#[derive(Debug)]
struct Attempt {
    lease: Lease,
    generation: Generation,
    origin: Arc<Origin>,
    /// Bytes that do not make up a character yet.
    pending: Vec<u8>,
    text: String,
    tokens: u32,
    ttft: Option<Duration>,
}

/// Whether a request was told to stop.
#[derive(Debug, PartialEq, Eq)]
struct Cancelled(bool);

/// What a reader of an [`Answer`] is told. Text under another [`Origin`] than before starts the answer over.
#[derive(Debug)]
pub(super) enum Progress {
    /// There is more text, and more to come.
    Text { origin: Arc<Origin>, more: String, answer: Answer },
    /// The answer is complete.
    Finished { origin: Arc<Origin>, more: String, whole: String, finish: Finish, usage: Usage },
}

impl Answer {
    pub(super) fn start(server: Server, request: &Request<'_>, question: Question) -> Result<Self, ChatError> {
        let lease = server.splitter.route(request);
        let ticket = server.reviewer.as_ref().and_then(|reviewer| reviewer.ticket(&lease, &next_id()));
        let attempt = Attempt::start(&server, lease, &question)?;
        Ok(Self { server, question, attempt, ticket })
    }

    /// Waits for more text, and starts over on another version if this one is cancelled.
    pub(super) async fn next(mut self) -> Result<Progress, ChatError> {
        let mut events = Vec::new();
        loop {
            events.clear();
            if self.attempt.advance(&mut events).await == Cancelled(true) {
                self = self.start_over()?;
                continue;
            }
            let more = self.attempt.receive(&events, self.question.arrived);
            match events.pop() {
                Some(Event::Finished(finish)) => return Ok(self.finish(more, finish)),
                Some(Event::Failed(GenerationError::Cancelled)) => {
                    // This ends: each round takes another cancellation.
                    self = self.start_over()?;
                }
                Some(Event::Failed(error)) => {
                    self.attempt.lease.finish(failure(&self.question));
                    return Err(error.into());
                }
                Some(Event::Byte(_)) | None if more.is_empty() => {}
                Some(Event::Byte(_)) | None => {
                    return Ok(Progress::Text { origin: Arc::clone(&self.attempt.origin), more, answer: self });
                }
            }
        }
    }

    /// The user never sees that a version was taken away: another one answers the same question.
    fn start_over(self) -> Result<Self, ChatError> {
        let Self { server, question, attempt, .. } = self;
        let lease = server.splitter.retry(attempt.lease);
        let attempt = Attempt::start(&server, lease, &question)?;
        // What another version says now is not what was sampled.
        Ok(Self { server, question, attempt, ticket: None })
    }

    fn finish(self, more: String, finish: Finish) -> Progress {
        let Self { server, question, attempt, ticket } = self;
        let Attempt { lease, origin, text: whole, tokens, ttft, .. } = attempt;
        let passed = match server.reviewer {
            Some(_) => None,
            None => server.task.check(&question.prompt, &whole),
        };
        let mut outcome = Outcome::ok().latency_ms(millis(question.arrived.elapsed())).tokens(tokens);
        outcome.ttft_ms = ttft.map(millis);
        outcome.passed = passed;
        lease.finish(outcome);
        if let Some(ticket) = ticket {
            let answered = Answered::new(whole.clone()).cut_off(finish == Finish::Length).tokens(tokens);
            ticket.submit(Prompt::new(question.prompt.clone()), answered);
        }
        let usage = Usage::new(question.prompt.len() + 1, tokens as usize);
        Progress::Finished { origin, more, whole, finish, usage }
    }
}

impl Attempt {
    fn start(server: &Server, lease: Lease, question: &Question) -> Result<Self, EngineError> {
        let version = lease.version().as_str();
        let started = server.engine.generate(version, &question.prompt, question.max_tokens);
        let started = started.and_then(|generation| Ok((generation, server.engine.fingerprint(version)?)));
        let (generation, fingerprint) = match started {
            Ok(started) => started,
            // The client's mistake says nothing of the version.
            Err(error @ EngineError::Prompt(_)) => return Err(error),
            Err(error) => {
                lease.finish(failure(question));
                return Err(error);
            }
        };
        let origin = Arc::new(Origin::new(NEXT_ID.fetch_add(1, Ordering::Relaxed), &lease, fingerprint));
        let (pending, text) = Default::default();
        Ok(Self { lease, generation, origin, pending, text, tokens: 0, ttft: None })
    }

    /// Waits for what the engine reports, or for the word that this version's requests must stop.
    async fn advance(&mut self, events: &mut Vec<Event>) -> Cancelled {
        tokio::select! {
            biased;
            _ = self.generation.next(events) => Cancelled(false),
            () = self.lease.cancelled() => Cancelled(true),
        }
    }

    /// Takes in what the engine reports and returns the text that is new.
    fn receive(&mut self, events: &[Event], arrived: Instant) -> String {
        for event in events {
            if let Event::Byte(byte) = event {
                self.ttft.get_or_insert_with(|| arrived.elapsed());
                self.tokens += 1;
                self.pending.push(*byte);
            }
        }
        let is_last = !matches!(events.last(), Some(Event::Byte(_)));
        let more = decode_available(&mut self.pending, is_last);
        self.text.push_str(&more);
        more
    }
}

/// The request's own name, which decides whether it is sampled.
fn next_id() -> String {
    NEXT_REQUEST.fetch_add(1, Ordering::Relaxed).to_string()
}

fn failure(question: &Question) -> Outcome {
    Outcome::error().latency_ms(millis(question.arrived.elapsed()))
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
