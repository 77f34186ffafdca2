//! A lease: the right to run one request on one version, counted until it ends.

use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant};

use super::counted::InFlight;
use super::request::Reason;
use super::stripe::Stripe;
use super::token::{Pin, SessionPin, SessionToken};
use crate::model::VersionId;
use crate::observe::{End, Outcome};

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
    request: InFlight<Stripe>,
    marks: Marks,
}

impl Lease {
    /// The lease of a request that has been counted as begun.
    #[inline]
    pub(crate) fn new(request: InFlight<Stripe>, reason: Reason, point: u32) -> Self {
        let is_evidence = reason.is_randomised() && request.within_share(reason, point);
        let marks = Marks::new(point, reason, is_evidence, is_evidence && request.recording.is_some());
        Self { request, marks }
    }

    /// The version that must answer this request.
    #[inline]
    pub fn version(&self) -> &VersionId {
        &self.request.id
    }

    /// Why this version was chosen.
    pub fn reason(&self) -> Reason {
        self.marks.reason()
    }

    /// Whether what comes of the request is evidence: chance chose its version, and its user has a share left.
    pub fn is_evidence(&self) -> bool {
        self.marks.is_evidence()
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
        let Stripe { version, pin_epoch, .. } = &*self.request;
        SessionPin { pin: Pin { version: version.token_id, pin_epoch: *pin_epoch }, key: version.token_key }
    }

    /// Ends the request with what came of it.
    #[inline]
    pub fn finish(mut self, outcome: Outcome) {
        self.settle(|| End::Finished(outcome));
    }

    /// Ends the request as abandoned, as dropping the lease does, with what it had come to when its client went away: how
    /// long it had waited as [`latency_ms`](Outcome::latency_ms), and its time to the first token if that had come. So a
    /// version that is left for being slow does not look fast.
    #[inline]
    pub fn abandon(mut self, so_far: Outcome) {
        self.settle(|| End::Abandoned(so_far));
    }

    /// Whether the request must stop: its version is leaving and the drain deadline has passed. Give the lease to
    /// [`TrafficSplitter::retry`](super::TrafficSplitter::retry) to begin again on a version that stays.
    pub fn is_cancelled(&self) -> bool {
        self.request.version.is_cancelled()
    }

    /// Resolves when the request must stop; see [`is_cancelled`](Self::is_cancelled). Works on any async runtime.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + Sync + '_ {
        let stripe = &*self.request;
        stripe.cancellation.until(|| stripe.version.is_cancelled())
    }

    /// Blocks until the request must stop, or until the time is up; says whether it must stop.
    pub fn wait_cancelled(&self, timeout: Duration) -> bool {
        let stripe = &*self.request;
        stripe.cancellation.wait(Instant::now().checked_add(timeout), || stripe.version.is_cancelled())
    }

    /// Ends the lease as cancelled by the library and gives the place on the circle that it was routed by.
    pub(crate) fn into_cancelled(mut self) -> u32 {
        self.settle(|| End::Cancelled);
        self.marks.point()
    }

    /// Notes what came of the request, once. It is counted as ended when the lease is dropped, right afterwards.
    #[inline]
    fn settle(&mut self, end: impl FnOnce() -> End) {
        if self.marks.take_recorded() {
            self.request.record(&end());
        }
    }
}

impl Drop for Lease {
    #[inline]
    fn drop(&mut self) {
        self.settle(|| End::Abandoned(Outcome::ok()));
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("version", self.version()).field("reason", &self.reason()).finish_non_exhaustive()
    }
}

/// What is known of a request, in one word: a lease of two words is handed from call to call in registers.
#[derive(Clone, Copy)]
struct Marks(u64);

impl Marks {
    const REASON: u32 = 32;
    const EVIDENCE: u64 = 1 << 40;
    /// What comes of the request is still to be recorded.
    const RECORDED: u64 = 1 << 41;

    #[inline]
    fn new(point: u32, reason: Reason, is_evidence: bool, is_recorded: bool) -> Self {
        let evidence = if is_evidence { Self::EVIDENCE } else { 0 };
        let recorded = if is_recorded { Self::RECORDED } else { 0 };
        Self(u64::from(point) | (reason as u64) << Self::REASON | evidence | recorded)
    }

    #[inline]
    fn point(self) -> u32 {
        (self.0 & 0xFFFF_FFFF) as u32
    }

    #[inline]
    fn reason(self) -> Reason {
        Reason::ALL[(self.0 >> Self::REASON & 0xFF) as usize % Reason::COUNT]
    }

    #[inline]
    fn is_evidence(self) -> bool {
        self.0 & Self::EVIDENCE != 0
    }

    /// Whether it is still to be recorded, which from here on it is not.
    #[inline]
    fn take_recorded(&mut self) -> bool {
        let recorded = self.0 & Self::RECORDED != 0;
        self.0 &= !Self::RECORDED;
        recorded
    }
}
