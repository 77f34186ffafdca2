//! A lease: the right to run one request on one version, counted until it ends.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bell::Bell;
use super::flight::{Epoch, Flight};
use super::request::Reason;
use super::token::{Pin, SessionPin, SessionToken, TokenId, TokenKey};
use crate::model::VersionId;
use crate::observe::{ArmEvidence, End, Outcome, Ready, Signals, UserShares};
use crate::sync::{AtomicBool, Ordering};

/// What all leases of one version share while it is served.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) id: VersionId,
    pub(crate) token_id: TokenId,
    token_key: TokenKey,
    /// Set when the requests still in flight are to stop.
    cancelled: AtomicBool,
    /// Rung whenever a request has ended.
    pub(crate) ended: Bell,
}

impl Version {
    pub(crate) fn new(id: VersionId, token_key: TokenKey) -> Self {
        let token_id = TokenId::new(&id);
        Self { id, token_id, token_key, cancelled: AtomicBool::new(false), ended: Bell::new() }
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}

/// One thread's requests to one version in one block of evidence: written by that thread without a lock that anyone
/// else holds for longer than it takes to read it.
#[derive(Debug)]
pub(crate) struct Stripe {
    pub(crate) version: Arc<Version>,
    pub(crate) recording: Option<Recording>,
    pub(crate) flight: Flight,
    /// Rung when the version's requests are cancelled.
    pub(crate) cancellation: Bell,
}

/// The evidence of a stripe, and what is read off each request.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) block: u64,
    pub(crate) signals: Signals,
    pub(crate) shares: Arc<UserShares>,
    pub(crate) evidence: parking_lot::Mutex<ArmEvidence>,
}

impl Stripe {
    pub(crate) fn new(version: Arc<Version>, recording: Option<Recording>) -> Self {
        Self { version, recording, flight: Flight::new(), cancellation: Bell::new() }
    }

    #[inline]
    pub(crate) fn begin(&self, reason: Reason, epoch: &Epoch, seen: u64) -> bool {
        let counted = self.flight.begin(reason, epoch, seen);
        if !counted {
            // Somebody may have counted this request before it was taken back.
            self.version.ended.ring();
        }
        counted
    }

    /// Whether a request that was begun is evidence: chance chose its version, and its user has not had his share.
    #[inline]
    pub(crate) fn counts(&self, reason: Reason, point: u32) -> bool {
        let within = match (reason, &self.recording) {
            (Reason::Sticky, Some(recording)) => recording.shares.take(point),
            _ => true,
        };
        if !within {
            self.flight.cap();
        }
        within && reason.is_randomised()
    }

    #[inline]
    fn end(&self, is_evidence: bool, end: &End) {
        if let Some(recording) = self.recording.as_ref().filter(|_| is_evidence) {
            // The signals are asked before the lock is taken: one of the host's may wait for a lock that a thread holds which
            // waits for this one.
            let ready = Ready::new(end, &recording.signals);
            recording.evidence.lock().count(&ready, &recording.signals);
        }
        self.flight.end();
        self.version.ended.ring();
    }
}

/// The right to run one request on one version.
///
/// A lease counts its request as in flight until [`finish`](Self::finish) or drop; a version is unloaded only when its
/// leases are gone. It owns what it needs, is `Send`, and may end on another thread than it began on.
///
/// Dropping a lease without finishing it means that the request was *abandoned*: the client went away. That is
/// neither an error nor a success. [`abandon`](Self::abandon) also says how long it had waited.
///
/// ```
/// use serinus::model::VersionId;
/// use serinus::observe::Outcome;
/// use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let v1 = VersionId::new("v1")?;
/// let splitter = HashSplitter::new("llama-70b-chat", &Weights::all(&v1));
/// let lease = splitter.route(&Request::new().sticky_key("u42"));
/// assert_eq!(lease.version(), &v1);
/// // … run the model …
/// lease.finish(Outcome::ok().ttft_ms(41.0).latency_ms(830.0).tokens(212));
/// # Ok(())
/// # }
/// ```
#[must_use = "a lease that is dropped at once counts as an abandoned request"]
pub struct Lease {
    /// Present until the lease ends.
    stripe: Option<Arc<Stripe>>,
    pin_epoch: u64,
    point: u32,
    reason: Reason,
    is_evidence: bool,
}

impl Lease {
    /// The lease of a request that the stripe has counted as begun.
    #[inline]
    pub(crate) fn new(stripe: Arc<Stripe>, reason: Reason, point: u32, pin_epoch: u64) -> Self {
        let is_evidence = stripe.counts(reason, point);
        Self { stripe: Some(stripe), pin_epoch, point, reason, is_evidence }
    }

    fn stripe(&self) -> &Arc<Stripe> {
        self.stripe.as_ref().expect("the stripe is taken only by the calls that consume the lease")
    }

    /// The version that must answer this request.
    pub fn version(&self) -> &VersionId {
        &self.stripe().version.id
    }

    /// Why this version was chosen.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Whether what comes of the request is evidence: chance chose its version, and its user has a share left.
    pub fn is_evidence(&self) -> bool {
        self.is_evidence
    }

    /// A token that keeps the conversation on this version; hand it to the client and pass it back in with
    /// [`Request::session_token`](super::Request::session_token).
    pub fn session_token(&self) -> SessionToken {
        self.session_pin().sign()
    }

    /// The session token before it is signed, which takes longer than all else here: for who may want it once the lease has
    /// ended.
    #[inline]
    pub fn session_pin(&self) -> SessionPin {
        let version = &self.stripe().version;
        SessionPin { pin: Pin { version: version.token_id, pin_epoch: self.pin_epoch }, key: version.token_key }
    }

    /// Ends the request with what came of it.
    #[inline]
    pub fn finish(mut self, outcome: Outcome) {
        self.end(&End::Finished(outcome));
    }

    /// Ends the request as abandoned, as dropping the lease does, with what it had come to when its client went away: how
    /// long it had waited as [`latency_ms`](Outcome::latency_ms), and its time to the first token if that had come. So a
    /// version that is left for being slow does not look fast.
    #[inline]
    pub fn abandon(mut self, so_far: Outcome) {
        self.end(&End::Abandoned(so_far));
    }

    /// Whether the request must stop: its version is leaving and the drain deadline has passed. Give the lease to
    /// [`TrafficSplitter::retry`](super::TrafficSplitter::retry) to begin again on a version that stays.
    pub fn is_cancelled(&self) -> bool {
        self.stripe().version.is_cancelled()
    }

    /// Resolves when the request must stop; see [`is_cancelled`](Self::is_cancelled). Works on any async runtime.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + Sync + '_ {
        let stripe = self.stripe();
        stripe.cancellation.until(|| stripe.version.is_cancelled())
    }

    /// Blocks until the request must stop, or until the time is up; says whether it must stop.
    pub fn wait_cancelled(&self, timeout: Duration) -> bool {
        let stripe = self.stripe();
        stripe.cancellation.wait(Instant::now().checked_add(timeout), || stripe.version.is_cancelled())
    }

    /// Ends the lease as cancelled by the library and gives the place on the circle that it was routed by.
    pub(crate) fn into_cancelled(mut self) -> u32 {
        self.end(&End::Cancelled);
        self.point
    }

    #[inline]
    fn end(&mut self, end: &End) {
        if let Some(stripe) = self.stripe.take() {
            stripe.end(self.is_evidence, end);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.end(&End::Abandoned(Outcome::ok()));
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("version", self.version()).field("reason", &self.reason).finish_non_exhaustive()
    }
}
