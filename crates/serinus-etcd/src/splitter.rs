//! The splitter of a whole fleet: what a controller's deployment drives in the place of one process's.

mod led;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serinus::model::VersionId;
use serinus::observe::{Signals, UserShares};
use serinus::route::{
    Lease, Request, RoutingError, RoutingTable, SplitterStats, Tally, TrafficSplitter, Turnout, Weights,
};
use tracing::{error, warn};

use crate::error::FleetError;
use crate::follow::follow;
use crate::leadership::Leadership;
use crate::router::Router;
use crate::view::View;
use led::Led;

/// How long routers may take to confirm before they are named in the log.
const NAMED_AFTER: Duration = Duration::from_secs(1);

/// Splits the traffic of all routers of a model. Requests of this process are routed by its own [`Router`].
///
/// Every change is one write, which every router follows. [`withdraw`](TrafficSplitter::withdraw) and
/// [`roll_back`](TrafficSplitter::roll_back) return once every router that is there has confirmed that no new request of its
/// reaches the version; a router that does not answer is waited for until it is gone, for it is named as soon as it is late.
///
/// A change that etcd did not answer in time is an error, although it may have been carried out; the next change begins with
/// finding that out.
///
/// See the [crate's example](crate).
pub struct FleetSplitter {
    router: Router,
    leadership: Leadership,
    view: Arc<View>,
    led: Mutex<Led>,
    table: Mutex<Arc<RoutingTable>>,
}

/// A router of the fleet, as its controller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetRouter {
    /// Its name.
    pub name: String,
    /// Its name and the number of this start of it.
    pub incarnation: String,
    /// Whether it has confirmed the latest publication.
    pub is_current: bool,
    /// Requests that it has in flight, of all versions.
    pub in_flight: u64,
}

impl FleetSplitter {
    /// Takes over what is published; publishes the router's own table if nothing ever was.
    ///
    /// # Errors
    ///
    /// [`FleetError`] if etcd cannot be reached or read, or the leadership is lost.
    pub fn new(leadership: &Leadership, router: &Router) -> Result<Self, FleetError> {
        let view = Arc::new(View::new());
        let link = leadership.etcd().link().clone();
        let (watching, keys) = (Arc::clone(&view), Arc::clone(&link.keys));
        let led = Led::take_over(leadership, router.first_table())?;
        leadership.etcd().spawn(follow(link, keys.routers(), move |change| watching.hear(&keys, &change)));
        let table = Mutex::new(Arc::new(led.published.table.clone()));
        let splitter =
            Self { router: router.clone(), leadership: leadership.clone(), view, led: Mutex::new(led), table };
        splitter.mark()?;
        Ok(splitter)
    }

    /// All traffic to one version, and none to any other: what a controller that takes over publishes before it
    /// [recovers](serinus::deploy::Deployment::recovery) a rollout whose canary nobody has watched meanwhile. Conversations on the
    /// others are unpinned.
    ///
    /// # Errors
    ///
    /// [`FleetError`] if it could not be published, or not all routers have confirmed it.
    pub fn all_to(&self, version: &VersionId) -> Result<(), FleetError> {
        let revision = self.change(|published| {
            let mut next = published.table.clone();
            if !next.serves(version) {
                next = next.admitted(version);
            }
            if next.weights().of(version) < 1.0 {
                next = next.reweighed(&Weights::all(version))?;
            }
            let others: Vec<_> = next.serving().filter(|other| *other != version).cloned().collect();
            for other in &others {
                next = next.rolled_back(other)?;
            }
            Ok(next)
        })?;
        self.confirmed(revision)
    }

    /// The routers that are there.
    pub fn routers(&self) -> Vec<FleetRouter> {
        let revision = self.led.lock().revision;
        self.view.look(|fleet| {
            let routers = fleet.live().map(|(incarnation, presence)| FleetRouter {
                name: presence.name.clone(),
                incarnation: incarnation.to_owned(),
                is_current: presence.applied >= revision,
                in_flight: presence.stats.versions.values().map(|version| version.in_flight).sum(),
            });
            routers.collect()
        })
    }

    /// Blocks until every router that is there follows what was published last, or the time is up; says whether they do.
    pub fn wait_current(&self, timeout: Duration) -> bool {
        let revision = self.led.lock().revision;
        self.view.wait(timeout, |fleet| fleet.follows(revision))
    }

    fn change(&self, table: impl Fn(&led::Published) -> Result<RoutingTable, RoutingError>) -> Result<i64, FleetError> {
        self.publish(&mut self.led.lock(), |published| {
            let table = table(published)?;
            let mut cancelled = published.cancelled.clone();
            cancelled.retain(|version| !table.serves(version));
            Ok(led::Published { table, cancelled, ..published.clone() })
        })
    }

    fn publish(
        &self,
        led: &mut Led,
        wanted: impl Fn(&led::Published) -> Result<led::Published, RoutingError>,
    ) -> Result<i64, FleetError> {
        let done = led.publish(&self.leadership, wanted);
        *self.table.lock() = Arc::new(led.published.table.clone());
        done
    }

    fn leave(
        &self,
        version: &VersionId,
        table: impl Fn(&RoutingTable) -> Result<RoutingTable, RoutingError>,
    ) -> Result<(), RoutingError> {
        match self.change(|published| table(&published.table)) {
            Ok(revision) => {
                self.led.lock().left.insert(version.clone(), revision);
                Ok(self.confirmed(revision)?)
            }
            Err(FleetError::Routing(gone @ RoutingError::NotServing { .. })) => {
                // Only a controller that leads knows that: what follows is that the version is unloaded.
                led::mark(&self.leadership)?;
                self.confirmed(self.left_at(version))?;
                Err(gone)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The publication since which a version is not served. A controller that has just taken over does not know it, and takes
    /// the latest.
    fn left_at(&self, version: &VersionId) -> i64 {
        let led = self.led.lock();
        led.left.get(version).copied().unwrap_or(led.revision)
    }

    /// Waits until all routers that are there follow a publication. Those that died are there until their lease has expired.
    fn confirmed(&self, revision: i64) -> Result<(), FleetError> {
        if self.view.wait(NAMED_AFTER, |fleet| fleet.follows(revision)) {
            return Ok(());
        }
        let routers = self.view.look(|fleet| fleet.behind(revision));
        warn!(target: "serinus::fleet", ?routers, "not confirmed yet: requests of these may still follow the table before");
        let rest = self.leadership.etcd().link().options.ttl + NAMED_AFTER;
        if self.view.wait(rest, |fleet| fleet.follows(revision)) {
            return Ok(());
        }
        Err(FleetError::Unconfirmed { routers: self.view.look(|fleet| fleet.behind(revision)) })
    }

    /// Has the routers' keys seen up to here.
    fn mark(&self) -> Result<(), FleetError> {
        let revision = led::mark(&self.leadership)?;
        let patience = self.leadership.etcd().link().options.patience;
        if self.view.wait(patience, |fleet| fleet.has_seen(revision)) {
            return Ok(());
        }
        Err(FleetError::Unconfirmed { routers: vec!["etcd itself".to_owned()] })
    }

    fn log<T>(&self, what: &str, done: Result<T, FleetError>) {
        if let Err(error) = done {
            error!(target: "serinus::fleet", controller = self.leadership.name(), %error, "{what}");
        }
    }
}

impl TrafficSplitter for FleetSplitter {
    fn route(&self, request: &Request<'_>) -> Lease {
        self.router.splitter().route(request)
    }

    fn retry(&self, lease: Lease) -> Lease {
        self.router.splitter().retry(lease)
    }

    /// The table that was published last.
    fn table(&self) -> Arc<RoutingTable> {
        Arc::clone(&self.table.lock())
    }

    fn admit(&self, version: &VersionId) {
        let admitted = self.change(|published| {
            let table = &published.table;
            Ok(if table.serves(version) { table.clone() } else { table.admitted(version) })
        });
        self.log("a version was not admitted; giving it traffic will be refused", admitted);
    }

    fn set_weights(&self, weights: &Weights) -> Result<(), RoutingError> {
        Ok(self.change(|published| published.table.reweighed(weights)).map(|_| ())?)
    }

    fn withdraw(&self, version: &VersionId) -> Result<(), RoutingError> {
        self.leave(version, |table| table.withdrawn(version))
    }

    fn roll_back(&self, version: &VersionId) -> Result<(), RoutingError> {
        self.leave(version, |table| table.rolled_back(version))
    }

    fn in_flight(&self, version: &VersionId) -> u64 {
        self.view.look(|fleet| fleet.in_flight(version))
    }

    fn wait_drained(&self, version: &VersionId, timeout: Duration) -> bool {
        let left_at = self.left_at(version);
        self.view.wait(timeout, |fleet| fleet.follows(left_at) && fleet.in_flight(version) == 0)
            && self.leadership.check().is_ok()
    }

    fn drained(&self, version: &VersionId) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let (left_at, version) = (self.left_at(version), version.clone());
        Box::pin(async move {
            self.view.until(|fleet| fleet.follows(left_at) && fleet.in_flight(&version) == 0).await;
            if self.leadership.check().is_err() {
                // What follows is for whoever leads to do.
                std::future::pending::<()>().await;
            }
        })
    }

    fn cancel(&self, version: &VersionId) -> Result<u64, RoutingError> {
        let told = self.in_flight(version);
        self.publish(&mut self.led.lock(), |published| {
            if published.table.serves(version) {
                return Err(RoutingError::StillServing { version: version.clone() });
            }
            let mut next = published.clone();
            next.cancelled.insert(version.clone());
            Ok(next)
        })?;
        Ok(told)
    }

    fn open_block(&self, signals: &Signals, shares: &Arc<UserShares>) -> u64 {
        let routers = self.view.look(|fleet| fleet.live().count());
        let mut led = self.led.lock();
        let block = led.next_block(signals, shares, routers);
        let opened = led.publish_block(&self.leadership);
        self.log("a block was not opened; it is tried again", opened);
        block
    }

    fn stop_recording(&self) {
        let mut led = self.led.lock();
        led.wanted = None;
        let stopped = led.publish_block(&self.leadership);
        self.log("requests go on leaving evidence that nobody reads", stopped);
    }

    fn turnout(&self, block: u64) -> BTreeMap<VersionId, Turnout> {
        let mut led = self.led.lock();
        if led.is_behind() {
            let opened = led.publish_block(&self.leadership);
            self.log("a block was not opened; it is tried again", opened);
        }
        let stable = led.published.table.stable().clone();
        let closed = led.closed.get(&block).map(|revision| (*revision, &stable));
        self.view.look(|fleet| fleet.turnout(block, closed))
    }

    fn tally(&self, block: u64) -> BTreeMap<VersionId, Tally> {
        self.view.look(|fleet| fleet.tally(block))
    }

    fn discard_blocks_through(&self, block: u64) {
        self.view.discard_through(block);
        self.led.lock().discard_through(&self.leadership, block);
    }

    /// Where requests went on all routers that are there, since each was started.
    fn stats(&self) -> SplitterStats {
        let mut stats = self.view.look(crate::view::Fleet::stats);
        let table = self.table();
        let total: u64 = stats.versions.values().map(|version| version.count).sum();
        for (id, version) in &mut stats.versions {
            version.configured_weight = table.weights().of(id);
            version.actual_fraction = if total == 0 { 0.0 } else { version.count as f64 / total as f64 };
        }
        stats
    }
}

impl Drop for FleetSplitter {
    fn drop(&mut self) {
        self.view.close();
    }
}

impl fmt::Debug for FleetSplitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetSplitter").field("leadership", &self.leadership).finish_non_exhaustive()
    }
}
