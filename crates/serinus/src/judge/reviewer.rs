//! Taking samples, having them judged, handing the results on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::thread;

use tracing::error;

use super::desk::Desk;
use super::feedback::FeedbackError;
use super::reviewer_builder::ReviewerBuilder;
use super::stats::ReviewStats;
use super::ticket::Ticket;
use super::workers::Staff;
use crate::clock::Timestamp;
use crate::model::VersionId;
use crate::observe::{Block, BlockRule, Signals};
use crate::route::Lease;

/// Has a sample of both versions' answers judged, off the request path.
///
/// The host asks for a [`ticket`](Self::ticket) when a request arrives. If it gets one, it hands the prompt and the
/// answer in when the request has ended. Which requests are taken depends on their ids and on how many arrive, never on what
/// becomes of them; only requests that [are evidence](Lease::is_evidence) are. Prompts and answers are held of these requests
/// alone, [so many at a time](super::Sampling::max_held) and no longer than it takes to judge them.
///
/// One reviewer serves all rollouts of a server, one after the other. A deployment is
/// [given](crate::deploy::DeploymentBuilder::reviewer) it.
///
/// ```
/// use std::sync::Arc;
/// use serinus::host::{Answer, Prompt};
/// use serinus::judge::{Judge, JudgeError, Preference, Reviewer, Score};
/// use serinus::model::VersionId;
/// use serinus::observe::Outcome;
/// use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};
///
/// /// Likes what is short.
/// #[derive(Debug)]
/// struct Brevity;
///
/// impl Judge for Brevity {
///     fn score(&self, _: &Prompt, answer: &Answer) -> Result<Score, JudgeError> {
///         Ok(Score { quality: 1.0 / (1.0 + answer.text.len() as f64), passed: None })
///     }
///     fn prefer(&self, _: &Prompt, first: &Answer, second: &Answer) -> Result<Preference, JudgeError> {
///         Ok(match first.text.len().cmp(&second.text.len()) {
///             std::cmp::Ordering::Less => Preference::First,
///             std::cmp::Ordering::Equal => Preference::Neither,
///             std::cmp::Ordering::Greater => Preference::Second,
///         })
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let reviewer = Reviewer::builder().judge(Arc::new(Brevity)).build()?;
/// let splitter = HashSplitter::new("chat", &Weights::all(&VersionId::new("v1")?));
///
/// let lease = splitter.route(&Request::new().sticky_key("u42"));
/// let ticket = reviewer.ticket(&lease, "request-81");
/// // … run the model …
/// lease.finish(Outcome::ok().latency_ms(830.0));
/// if let Some(ticket) = ticket {
///     ticket.submit(Prompt::new("What is the capital of France?"), Answer::new("Paris."));
/// }
/// # Ok(())
/// # }
/// ```
pub struct Reviewer {
    desk: Arc<Desk>,
    staff: Staff,
}

impl Reviewer {
    /// Begins a reviewer.
    pub fn builder() -> ReviewerBuilder {
        ReviewerBuilder::new()
    }

    pub(super) fn new(desk: Arc<Desk>, staff: Staff, workers: usize) -> Self {
        for number in 0..workers {
            let (desk, staff) = (Arc::clone(&desk), staff.clone());
            let spawned =
                thread::Builder::new().name(format!("serinus-judge-{number}")).spawn(move || staff.work(&desk, true));
            if let Err(error) = spawned {
                error!(target: "serinus::judge", %error, "a thread for judging could not be started");
            }
        }
        Self { desk, staff }
    }

    /// Takes the request into the sample, or does not; to be asked when the request arrives. `request_id` is the host's
    /// name for it, the same on all routers and different for each request.
    pub fn ticket(&self, lease: &Lease, request_id: &str) -> Option<Ticket> {
        if !lease.is_evidence() {
            return None;
        }
        let taken = self.desk.take(lease.version(), request_id)?;
        Some(Ticket::new(Arc::clone(&self.desk), taken))
    }

    /// Attaches what a user thought of an answer, in [0, 1], to the request. The first word on a request counts.
    ///
    /// # Errors
    ///
    /// [`FeedbackError`] if it is no score, or finds no request that is compared; the latter is usual, and counted.
    pub fn feedback(&self, request_id: &str, score: f64) -> Result<(), FeedbackError> {
        self.desk.feedback(request_id, score)
    }

    /// What it has done so far.
    pub fn stats(&self) -> ReviewStats {
        self.desk.stats()
    }

    /// Does all the work that waits, on this thread: for tests and simulation.
    pub fn work_off(&self) {
        self.staff.work(&self.desk, false);
    }

    /// Whether prompts can be tried on a canary and compared.
    pub fn can_shadow(&self) -> bool {
        self.staff.generate.is_some() && self.staff.judge.is_some()
    }

    /// Whether it checks texts.
    pub fn has_checks(&self) -> bool {
        self.staff.checks.is_some()
    }

    pub(crate) fn begin(&self, stable: &VersionId, canary: &VersionId, signals: &Signals, rule: BlockRule) {
        self.desk.begin(stable.clone(), canary.clone(), signals, rule);
    }

    pub(crate) fn begin_shadow(&self) {
        self.desk.begin_shadow();
    }

    pub(crate) fn end_shadow(&self) {
        self.desk.end_shadow();
    }

    pub(crate) fn set_traffic(&self, canary_share: f64) {
        self.desk.set_traffic(canary_share);
    }

    pub(crate) fn canary_alone(&self) {
        self.desk.canary_alone();
    }

    pub(crate) fn end(&self) {
        self.desk.end();
    }

    pub(crate) fn collect(&self, now: Timestamp) -> Vec<Block> {
        self.desk.collect(now)
    }

    pub(crate) fn awaits(&self) -> Option<String> {
        if self.staff.judge.is_some() { self.desk.awaits() } else { None }
    }

    pub(crate) fn alerts(&self) -> BTreeMap<String, String> {
        self.desk.alerts()
    }
}

impl Drop for Reviewer {
    fn drop(&mut self) {
        self.desk.close();
    }
}

impl fmt::Debug for Reviewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reviewer").field("staff", &self.staff).field("stats", &self.stats()).finish_non_exhaustive()
    }
}
