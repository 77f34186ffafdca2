//! One question: through the budget and the gate, over the wire, and again if that may help.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serinus::judge::JudgeError;
use tracing::debug;

use super::budget::{Known, Ledger, Reason, Reservation, Usage, estimate_tokens};
use super::gate::Gate;
use super::retry::{Retries, asked_for, is_passing};
use super::transport::{Broken, Reply, Transport, is_overheard};
use super::wire::{Completion, error_code};

/// Makes calls within the limits.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) transport: Transport,
    pub(super) gate: Gate,
    pub(super) ledger: Ledger,
    pub(super) retries: Retries,
    pub(super) timeout: Duration,
}

/// A call that failed.
#[derive(Debug)]
enum Failed {
    /// It may work again.
    Passing { what: String, asked: Option<Duration> },
    /// It will fail again.
    Lasting(JudgeError),
}

impl Caller {
    /// The answer to a question, or what was wrong with it. All is over by the deadline.
    pub(super) fn ask(
        &self,
        body: &str,
        most: Usage,
        reason: Reason,
        deadline: Instant,
    ) -> Result<Result<String, String>, JudgeError> {
        let mut number = 0;
        loop {
            let reason = if number == 0 { reason } else { Reason::Retry };
            let (what, asked) = match self.attempt(body, most, reason, deadline) {
                Ok(content) => return Ok(content),
                Err(Failed::Lasting(error)) => return Err(error),
                Err(Failed::Passing { what, asked }) => (what, asked),
            };
            debug!(target: "serinus::judge", attempt = number + 1, %what, "a call of the judge failed");
            if let Some(asked) = asked {
                self.gate.hold_off(asked);
            }
            if number >= self.retries.most {
                return Err(JudgeError::Unavailable(format!("{what}; {} calls were made", number + 1)));
            }
            let wait = self.retries.wait(number, asked);
            if Instant::now() + wait >= deadline {
                return Err(JudgeError::Unavailable(format!("{what}; no time is left to try again")));
            }
            thread::sleep(wait);
            number += 1;
        }
    }

    fn attempt(
        &self,
        body: &str,
        most: Usage,
        reason: Reason,
        deadline: Instant,
    ) -> Result<Result<String, String>, Failed> {
        if is_overheard() {
            let what = "the log is at trace level for the HTTP client, which would write the key and the judged texts to it: set \
                        ureq_proto to debug";
            return Err(Failed::Lasting(JudgeError::Refused(what.into())));
        }
        let mut room = self.ledger.reserve(most).map_err(Failed::Lasting)?;
        let _pass = self.gate.enter(deadline).map_err(|_| {
            let what = "its limits of calls at a time or a second, or the server's own, left no time for one more";
            Failed::Lasting(JudgeError::Unavailable(what.into()))
        })?;
        let left = deadline.saturating_duration_since(Instant::now());
        room.sent(reason);
        match self.transport.post(body, self.timeout.min(left)) {
            Ok(reply) => answer(reply, room, most),
            Err(Broken { what, was_sent }) => {
                if was_sent {
                    room.used_the_question();
                }
                Err(Failed::Passing { what: what.into(), asked: None })
            }
        }
    }
}

fn answer(reply: Reply, room: Reservation<'_>, most: Usage) -> Result<Result<String, String>, Failed> {
    if reply.status != 200 {
        return Err(failure(&reply));
    }
    let completion = reply.body.map_or_else(
        || Completion { content: Err("the reply is longer than allowed".into()), usage: None },
        |body| Completion::parse(&body),
    );
    if let Some(usage) = completion.usage {
        room.used(usage, Known::Told);
    } else {
        let output = completion.content.as_deref().map_or(most.output, estimate_tokens);
        room.used(Usage { input: most.input, output }, Known::Estimated);
    }
    Ok(completion.content)
}

fn failure(reply: &Reply) -> Failed {
    let code = reply.body.as_deref().and_then(error_code);
    let what = code
        .as_ref()
        .map_or_else(|| format!("status {}", reply.status), |code| format!("status {}, {code}", reply.status));
    if code.as_deref() == Some("insufficient_quota") {
        // A status of 429 that no waiting mends.
        return Failed::Lasting(JudgeError::OutOfBudget(what));
    }
    if is_passing(reply.status) {
        let asked = reply.retry_after.as_deref().and_then(|header| asked_for(header, SystemTime::now()));
        return Failed::Passing { what, asked };
    }
    Failed::Lasting(JudgeError::Refused(what))
}
