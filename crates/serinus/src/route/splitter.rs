//! The trait behind which traffic is split, and what its users may rely on.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::{Lease, Request, RoutingError, RoutingTable, SplitterStats, Tally, Turnout, Weights};
use crate::model::VersionId;
use crate::observe::{Signals, UserShares};

/// Splits traffic between versions. [`HashSplitter`](super::HashSplitter) is the one to use.
///
/// # Contract
///
/// The caller admits a version only after it has been loaded and verified, and unloads it only after it has been
/// withdrawn and [`in_flight`](Self::in_flight) has reached 0 (or its drain deadline has passed).
///
/// The implementer promises:
/// * every change is one atomic publication: a request sees the table before it or after it, never between;
/// * after `withdraw` or `roll_back` returns, no lease for that version is handed out until it is admitted again;
/// * `route` neither blocks nor fails;
/// * a change that is refused changes nothing.
///
/// All methods may be called from any thread. A splitter of your own usually holds a `HashSplitter`, decides in `route`
/// and takes the lease from [`HashSplitter::lease`](super::HashSplitter::lease), and passes all else on.
pub trait TrafficSplitter: Send + Sync + fmt::Debug {
    /// Chooses the version for a request and counts it in flight.
    fn route(&self, request: &Request<'_>) -> Lease;

    /// Gives up a cancelled lease and begins again on a version that stays, so that the user never sees the
    /// cancellation. On the version that stays the request counts under [`Reason::Retried`](super::Reason::Retried)
    /// and is evidence for neither version.
    fn retry(&self, lease: Lease) -> Lease;

    /// The table in force.
    fn table(&self) -> Arc<RoutingTable>;

    /// Makes a loaded version known; it has no traffic yet. Again is harmless.
    fn admit(&self, version: &VersionId);

    /// Shares traffic out anew.
    ///
    /// # Errors
    ///
    /// [`RoutingError::NotServing`] for a version that was not admitted.
    fn set_weights(&self, weights: &Weights) -> Result<(), RoutingError>;

    /// Takes a version out of service: it gets no new request, whatever asks for it.
    ///
    /// # Errors
    ///
    /// [`RoutingError::NotServing`], [`RoutingError::LastVersion`].
    fn withdraw(&self, version: &VersionId) -> Result<(), RoutingError>;

    /// As [`withdraw`](Self::withdraw), and unpins all conversations, in the same publication.
    ///
    /// # Errors
    ///
    /// As [`withdraw`](Self::withdraw).
    fn roll_back(&self, version: &VersionId) -> Result<(), RoutingError>;

    /// Requests begun and not ended, of a version that is served or leaving.
    fn in_flight(&self, version: &VersionId) -> u64;

    /// Blocks until a withdrawn version has no request in flight, or the time is up; says which.
    fn wait_drained(&self, version: &VersionId, timeout: Duration) -> bool;

    /// Resolves when a withdrawn version has no request in flight. Works on any async runtime.
    fn drained(&self, version: &VersionId) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Tells the holders of a withdrawn version's leases to stop and retry; says how many there are.
    ///
    /// # Errors
    ///
    /// [`RoutingError::StillServing`] while the version still gets traffic.
    fn cancel(&self, version: &VersionId) -> Result<u64, RoutingError>;

    /// From here on requests belong to another block of evidence; gives its number. Blocks are numbered upwards. Requests
    /// with a sticky key are evidence as far as their user has a share left.
    fn open_block(&self, signals: &Signals, shares: &Arc<UserShares>) -> u64;

    /// From here on requests leave no evidence; blocks already begun go on.
    fn stop_recording(&self);

    /// How many requests of a block there are and how many are still out, by version. Cheap enough for every tick.
    fn turnout(&self, block: u64) -> BTreeMap<VersionId, Turnout>;

    /// What a block has left behind so far, by version.
    fn tally(&self, block: u64) -> BTreeMap<VersionId, Tally>;

    /// Lets go of the evidence up to and including this block.
    fn discard_blocks_through(&self, block: u64);

    /// Where requests went.
    fn stats(&self) -> SplitterStats;
}
