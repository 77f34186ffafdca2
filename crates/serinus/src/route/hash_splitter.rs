//! The splitter in use: a hash, a table, and counts that no two threads share.

mod cache;
mod publication;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use parking_lot::{Mutex, RwLock};
use thread_local::ThreadLocal;

use self::cache::Cache;
use self::publication::resolve;
use super::flight::Epoch;
use super::registry::Registry;
use super::request::Reason;
use super::routes::{OpenBlock, Routes};
use super::{
    Lease, Request, RoutingError, RoutingTable, SplitterStats, Tally, TokenKey, TrafficSplitter, Turnout, Weights,
};
use crate::model::VersionId;
use crate::observe::{Signals, UserShares};

/// Splits traffic by a frozen hash of the sticky key. Keeps nothing per user.
///
/// A request costs one hash, one load of the epoch, one count on a cache line of its own thread, and one more load;
/// no lock and no allocation. The first request of a thread after a publication fetches the table and makes the
/// thread's counters.
///
/// ```
/// use serinus::model::VersionId;
/// use serinus::observe::Outcome;
/// use serinus::route::{HashSplitter, Reason, Request, TrafficSplitter, Weights};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (v1, v2) = (VersionId::new("v1")?, VersionId::new("v2")?);
/// let splitter = HashSplitter::new("llama-70b-chat", &Weights::all(&v1));
///
/// splitter.admit(&v2); // loaded, warmed and verified
/// splitter.set_weights(&Weights::split(&v1, &v2, 0.05)?)?;
/// let lease = splitter.route(&Request::new().sticky_key("u42"));
/// assert_eq!(lease.reason(), Reason::Sticky);
/// lease.finish(Outcome::ok());
///
/// splitter.roll_back(&v2)?; // the very next request is on v1
/// assert_eq!(splitter.version_for("u42"), v1);
/// # Ok(())
/// # }
/// ```
pub struct HashSplitter {
    token_key: TokenKey,
    epoch: CachePadded<Epoch>,
    /// Read by every request, and apart from the locks, which are written.
    threads: CachePadded<ThreadLocal<CachePadded<RefCell<Cache>>>>,
    routes: RwLock<Arc<Routes>>,
    registry: Mutex<Registry>,
    /// Blocks of evidence opened so far.
    blocks: AtomicU64,
}

impl HashSplitter {
    /// A splitter for versions that are loaded already. The salt decides who stands where on the circle; take the
    /// model's name, so that two models on one server do not try new versions on the same users.
    ///
    /// Session tokens are valid in this process only; see [`with_token_key`](Self::with_token_key).
    pub fn new(salt: impl Into<String>, weights: &Weights) -> Self {
        Self::from_table(RoutingTable::new(salt, weights), TokenKey::random())
    }

    /// A splitter under a table that another router, or an earlier process, has published.
    pub fn from_table(table: RoutingTable, token_key: TokenKey) -> Self {
        let mut registry = Registry::default();
        let epoch = Epoch::new();
        let routes = resolve(epoch.current(), Arc::new(table), None, &mut registry, token_key);
        Self {
            token_key,
            epoch: CachePadded::new(epoch),
            routes: RwLock::new(Arc::new(routes)),
            registry: Mutex::new(registry),
            threads: CachePadded::new(ThreadLocal::new()),
            blocks: AtomicU64::new(0),
        }
    }

    /// With the key that the service's routers share, so that each accepts the others' session tokens.
    #[must_use]
    pub fn with_token_key(self, token_key: TokenKey) -> Self {
        let table = RoutingTable::clone(&self.table());
        Self::from_table(table, token_key)
    }

    /// The version that a sticky key belongs to. Counts nothing.
    #[inline]
    pub fn version_for(&self, sticky_key: &str) -> VersionId {
        self.with_version_for(sticky_key, VersionId::clone)
    }

    /// As [`version_for`](Self::version_for), without a copy of the name.
    ///
    /// # Panics
    ///
    /// If `read` comes back to this splitter.
    #[inline]
    pub fn with_version_for<T>(&self, sticky_key: &str, read: impl FnOnce(&VersionId) -> T) -> T {
        self.with_cache(|cache| read(&cache.owner(sticky_key).id))
    }

    /// A lease for a version of the caller's choosing, for splitters with rules of their own; `None` if it is not
    /// served. Give [`Reason::Sticky`] or [`Reason::Weighted`] only if chance alone chose the version: such requests
    /// are evidence, sticky ones as far as the request's user has a share left.
    pub fn lease(&self, request: &Request<'_>, version: &VersionId, reason: Reason) -> Option<Lease> {
        loop {
            let lease = self.with_cache(|cache| {
                let slot = cache.routes.named(version.as_str())?;
                let (point, _) = cache.point(request.sticky_key);
                Some(self.begin(cache, slot, reason, point))
            });
            if let Some(lease) = lease? {
                return Some(lease);
            }
        }
    }
}

impl TrafficSplitter for HashSplitter {
    #[inline]
    fn route(&self, request: &Request<'_>) -> Lease {
        self.lease_by(|cache| self.choose(cache, request))
    }

    fn retry(&self, lease: Lease) -> Lease {
        let point = lease.into_cancelled();
        self.lease_by(|cache| (cache.routes.owner(point), Reason::Retried, point))
    }

    fn table(&self) -> Arc<RoutingTable> {
        Arc::clone(&self.routes.read().table)
    }

    fn admit(&self, version: &VersionId) {
        if !self.table().serves(version) {
            self.publish_change(|table| table.admitted(version));
        }
    }

    fn set_weights(&self, weights: &Weights) -> Result<(), RoutingError> {
        self.publish(|table| table.reweighed(weights))
    }

    fn withdraw(&self, version: &VersionId) -> Result<(), RoutingError> {
        self.publish(|table| table.withdrawn(version))
    }

    fn roll_back(&self, version: &VersionId) -> Result<(), RoutingError> {
        self.publish(|table| table.rolled_back(version))
    }

    fn in_flight(&self, version: &VersionId) -> u64 {
        self.registry.lock().in_flight(version)
    }

    fn wait_drained(&self, version: &VersionId, timeout: Duration) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let versions = self.registry.lock().versions(version);
        versions.iter().all(|counted| counted.ended.wait(deadline, || self.registry.lock().in_flight_of(counted) == 0))
    }

    fn drained(&self, version: &VersionId) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let versions = self.registry.lock().versions(version);
        Box::pin(async move {
            for counted in versions {
                counted.ended.until(|| self.registry.lock().in_flight_of(&counted) == 0).await;
            }
        })
    }

    fn cancel(&self, version: &VersionId) -> Result<u64, RoutingError> {
        if self.table().serves(version) {
            return Err(RoutingError::StillServing { version: version.clone() });
        }
        let leaving = self.registry.lock().leaving(version);
        let mut told = 0;
        for (version, stripes) in leaving {
            version.cancel();
            for stripe in stripes {
                told += stripe.flight().in_flight();
                stripe.cancellation.ring();
            }
        }
        Ok(told)
    }

    fn open_block(&self, signals: &Signals, shares: &Arc<UserShares>) -> u64 {
        let number = self.blocks.fetch_add(1, Ordering::Relaxed);
        self.record_into(Some(OpenBlock { number, signals: signals.clone(), shares: Arc::clone(shares) }));
        number
    }

    fn stop_recording(&self) {
        self.record_into(None);
    }

    fn turnout(&self, block: u64) -> BTreeMap<VersionId, Turnout> {
        self.registry.lock().turnout(block)
    }

    fn tally(&self, block: u64) -> BTreeMap<VersionId, Tally> {
        self.registry.lock().tally(block)
    }

    fn discard_blocks_through(&self, block: u64) {
        self.registry.lock().discard_through(block);
    }

    fn stats(&self) -> SplitterStats {
        let table = self.table();
        let registry = self.registry.lock();
        let mut versions = registry.stats();
        for version in table.serving() {
            versions.entry(version.clone()).or_default();
        }
        let total: u64 = versions.values().map(|version| version.count).sum();
        for (id, version) in &mut versions {
            version.configured_weight = table.weights().of(id);
            version.actual_fraction = if total == 0 { 0.0 } else { version.count as f64 / total as f64 };
        }
        SplitterStats {
            versions,
            forged_tokens: registry.ignored(|ignored| &ignored.forged_tokens),
            outdated_tokens: registry.ignored(|ignored| &ignored.outdated_tokens),
            ignored_forces: registry.ignored(|ignored| &ignored.forces),
        }
    }
}

impl fmt::Debug for HashSplitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashSplitter").field("table", &self.table()).finish_non_exhaustive()
    }
}
