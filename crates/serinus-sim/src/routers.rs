//! Several routers, of which all but one hear of a new table late.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serinus::model::VersionId;
use serinus::observe::{Signals, UserShares};
use serinus::route::{
    HashSplitter, Lease, Request, RoutingError, RoutingTable, SplitterStats, Tally, TokenKey, TrafficSplitter, Turnout,
    Weights,
};

/// Routers that hold the same table, the later ones after a while. The first is the controller's own.
#[derive(Debug)]
pub(crate) struct Routers {
    routers: Vec<HashSplitter>,
    next: AtomicUsize,
}

impl Routers {
    pub(crate) fn new(salt: &str, weights: &Weights, lagging: usize) -> Self {
        let table = RoutingTable::new(salt, weights);
        let key = TokenKey::random();
        let routers = (0..=lagging).map(|_| HashSplitter::from_table(table.clone(), key)).collect();
        Self { routers, next: AtomicUsize::new(0) }
    }

    fn first(&self) -> &HashSplitter {
        &self.routers[0]
    }

    /// The late ones hear of a table.
    pub(crate) fn deliver(&self, table: &RoutingTable) {
        for router in &self.routers[1..] {
            router.adopt(table.clone());
        }
    }
}

impl TrafficSplitter for Routers {
    fn route(&self, request: &Request<'_>) -> Lease {
        let turn =
            if self.routers.len() == 1 { 0 } else { self.next.fetch_add(1, Ordering::Relaxed) % self.routers.len() };
        self.routers[turn].route(request)
    }

    fn retry(&self, lease: Lease) -> Lease {
        self.first().retry(lease)
    }

    fn table(&self) -> Arc<RoutingTable> {
        self.first().table()
    }

    fn admit(&self, version: &VersionId) {
        self.first().admit(version);
    }

    fn set_weights(&self, weights: &Weights) -> Result<(), RoutingError> {
        self.first().set_weights(weights)
    }

    fn withdraw(&self, version: &VersionId) -> Result<(), RoutingError> {
        self.first().withdraw(version)
    }

    fn roll_back(&self, version: &VersionId) -> Result<(), RoutingError> {
        self.first().roll_back(version)
    }

    fn in_flight(&self, version: &VersionId) -> u64 {
        self.routers.iter().map(|router| router.in_flight(version)).sum()
    }

    fn wait_drained(&self, version: &VersionId, _timeout: Duration) -> bool {
        self.in_flight(version) == 0
    }

    fn drained(&self, _version: &VersionId) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }

    fn cancel(&self, version: &VersionId) -> Result<u64, RoutingError> {
        self.routers.iter().map(|router| router.cancel(version)).sum()
    }

    /// All of them open their blocks together, so numbers agree.
    fn open_block(&self, signals: &Signals, shares: &Arc<UserShares>) -> u64 {
        self.routers.iter().map(|router| router.open_block(signals, shares)).max().unwrap_or(0)
    }

    fn stop_recording(&self) {
        self.routers.iter().for_each(HashSplitter::stop_recording);
    }

    fn turnout(&self, block: u64) -> BTreeMap<VersionId, Turnout> {
        let mut sum: BTreeMap<VersionId, Turnout> = BTreeMap::new();
        for (version, turnout) in self.routers.iter().flat_map(|router| router.turnout(block)) {
            let entry = sum.entry(version).or_default();
            entry.arrivals += turnout.arrivals;
            entry.unfinished += turnout.unfinished;
        }
        sum
    }

    fn tally(&self, block: u64) -> BTreeMap<VersionId, Tally> {
        let mut sum: BTreeMap<VersionId, Tally> = BTreeMap::new();
        for (version, tally) in self.routers.iter().flat_map(|router| router.tally(block)) {
            let entry = sum.entry(version).or_default();
            entry.arrivals += tally.arrivals;
            entry.capped += tally.capped;
            entry.evidence.merge(&tally.evidence);
        }
        sum
    }

    fn discard_blocks_through(&self, block: u64) {
        self.routers.iter().for_each(|router| router.discard_blocks_through(block));
    }

    fn stats(&self) -> SplitterStats {
        self.first().stats()
    }
}
