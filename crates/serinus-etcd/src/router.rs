//! A router process's part in the fleet.

mod following;
mod presence;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_client::GetOptions;
use parking_lot::Mutex;
use serinus::observe::Signal;
use serinus::route::{HashSplitter, RoutingTable, TokenKey, Weights};
use tokio::sync::Notify;

use crate::codec;
use crate::connection::Etcd;
use crate::error::FleetError;
use crate::follow::follow;
use crate::published::Published;
use crate::signals::KnownSignals;
use following::{Following, Shared};

/// The shortest and the longest time between two publications.
const PUBLISH_EVERY: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3_600);

/// A router of the fleet: routes requests by the table that the controller has published, from memory. Cheap to clone.
///
/// It follows every publication, says which one it has applied, and publishes what its requests leave. When the last clone is
/// dropped, it leaves the fleet; end the requests before.
///
/// ```no_run
/// use serinus::model::VersionId;
/// use serinus::observe::Outcome;
/// use serinus::route::{Request, TrafficSplitter, Weights};
/// use serinus_etcd::{Etcd, Router};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let etcd = Etcd::builder(["http://127.0.0.1:2379"]).connect("chat")?;
/// let router = Router::builder(&etcd, "node-7").start(&Weights::all(&VersionId::new("v1")?))?;
/// let lease = router.splitter().route(&Request::new().sticky_key("user-42"));
/// lease.finish(Outcome::ok().latency_ms(830.0));
/// assert!(router.staleness().as_secs() < 60);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Router(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    etcd: Etcd,
}

/// How a router takes part. Whatever is left out has its default.
#[derive(Debug)]
pub struct RouterBuilder {
    etcd: Etcd,
    name: String,
    token_key: TokenKey,
    signals: KnownSignals,
    publish_every: Duration,
    fall_back_after: Option<Duration>,
}

/// Where a router stands, for logs and metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct RouterStatus {
    /// Its name, and a number of its own for each time that it was started.
    pub incarnation: String,
    /// The etcd revision of the publication that requests follow; 0 before the first.
    pub applied: i64,
    /// How old its knowledge is at most; see [`Router::staleness`].
    pub staleness: Duration,
    /// The controller that leads, if one does.
    pub controller: Option<String>,
    /// Whether it has fallen back to the stable version on its own.
    pub fallen_back: bool,
    /// Signals that it was to count and does not know; see [`RouterBuilder::signal`].
    pub unknown_signals: Vec<String>,
    /// Why it does not follow the latest publication, if it could not read it.
    pub problem: Option<String>,
}

impl Router {
    /// A router of this name; it appears in warnings. Two routers of one name are told apart.
    pub fn builder(etcd: &Etcd, name: impl Into<String>) -> RouterBuilder {
        RouterBuilder {
            etcd: etcd.clone(),
            name: name.into(),
            token_key: TokenKey::random(),
            signals: KnownSignals::standard(),
            publish_every: Duration::from_secs(1),
            fall_back_after: None,
        }
    }

    /// What requests are routed with. Change nothing in it: what is published is put in the place of it.
    pub fn splitter(&self) -> &HashSplitter {
        &self.0.shared.splitter
    }

    /// How long ago etcd last confirmed that what this router follows is the latest publication. Normally below the time
    /// between two publications of its own; more than the time to live means that it is cut off.
    pub fn staleness(&self) -> Duration {
        self.0.shared.following.lock().staleness(Instant::now())
    }

    /// Where it stands.
    pub fn status(&self) -> RouterStatus {
        self.0.shared.status()
    }

    pub(crate) fn first_table(&self) -> RoutingTable {
        use serinus::route::TrafficSplitter;
        RoutingTable::clone(&self.splitter().table())
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("incarnation", &self.0.shared.incarnation).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.close();
        let lease = self.shared.following.lock().lease.take();
        if let Some(lease) = lease {
            let link = self.etcd.link().clone();
            // It would expire otherwise.
            let _ = self.etcd.wait(async move {
                link.revoke(lease).await;
                Ok(())
            });
        }
    }
}

impl RouterBuilder {
    /// The key that the service's routers share, so that each accepts the others' session tokens.
    pub fn token_key(self, token_key: TokenKey) -> Self {
        Self { token_key, ..self }
    }

    /// A signal of your own that the controller's evaluator watches. Signals cross by name: a router that does not know one says
    /// so, and counts nothing for it. The library's own are known.
    pub fn signal(mut self, signal: Arc<dyn Signal>) -> Self {
        self.signals.add(signal);
        self
    }

    /// How often evidence and counts are published; once a second unless you say otherwise. With hundreds of routers take
    /// longer, of an hour at most. That a changed table was applied, and that a version has drained, is told at once.
    pub fn publish_every(self, period: Duration) -> Self {
        Self { publish_every: period, ..self }
    }

    /// After this time without etcd, or without any controller while several versions share the traffic, all requests go to the
    /// stable version, until both are back. Never unless you say so: the last table is kept. It must be longer than the time between
    /// two publications: they are how the router knows that etcd is there.
    ///
    /// A time below the [time to live](crate::EtcdBuilder::ttl) makes a rollback certain even for routers that are cut off: once
    /// the controller no longer waits for one, it has fallen back.
    pub fn fall_back_after(self, time: Duration) -> Self {
        Self { fall_back_after: Some(time), ..self }
    }

    /// Joins the fleet. Requests follow what is published; if nothing ever was, `first`, which must be the same on all routers.
    ///
    /// # Errors
    ///
    /// [`FleetError::Config`] for times that make no sense, another [`FleetError`] if etcd cannot be reached, or what is published
    /// cannot be read.
    pub fn start(self, first: &Weights) -> Result<Router, FleetError> {
        if !PUBLISH_EVERY.contains(&self.publish_every) {
            let problem = "the time between two publications must be from 0.001 s to 3600 s";
            return Err(FleetError::Config(format!("{problem}, got {} s", self.publish_every.as_secs_f64())));
        }
        if let Some(after) = self.fall_back_after.filter(|after| *after <= self.publish_every) {
            let (after, every) = (after.as_secs_f64(), self.publish_every.as_secs_f64());
            return Err(FleetError::Config(format!(
                "the time after which a router falls back must be longer than the {every} s between its publications, got {after} s"
            )));
        }
        let link = self.etcd.link().clone();
        let key = link.keys.state();
        let read_at = Instant::now();
        let read = {
            let (link, key) = (link.clone(), key.clone());
            self.etcd.wait(async move { link.get(&key, GetOptions::new()).await })?
        };
        let published = match read.kvs().first() {
            Some(kv) => Some((codec::decode::<Published>(&key, kv.value())?, kv.mod_revision())),
            None => None,
        };
        let table = match &published {
            Some((published, _)) => published.table.clone(),
            None => RoutingTable::new(link.keys.model(), first),
        };
        let shared = Arc::new(Shared {
            incarnation: format!("{}-{:016x}", self.name, rand::random::<u64>()),
            name: self.name,
            splitter: HashSplitter::from_table(table.clone(), self.token_key),
            signals: self.signals,
            publish_every: self.publish_every,
            fall_back_after: self.fall_back_after,
            following: Mutex::new(Following::new(table, read_at)),
            wake: Notify::new(),
            runtime: self.etcd.handle(),
        });
        if let Some((published, revision)) = published {
            shared.apply(published, revision);
        }
        // Present before it routes: a rollback waits for every router that may have a canary's request.
        let mut session = presence::Session::new(Arc::clone(&shared), link.clone());
        let session = self.etcd.wait(async move {
            session.publish().await?;
            Ok(session)
        })?;
        self.etcd.spawn(session.run());
        let watching = Arc::clone(&shared);
        let keys = Arc::clone(&link.keys);
        self.etcd.spawn(follow(link, keys.control(), move |change| watching.hear(&keys, &change)));
        if let Some(after) = self.fall_back_after {
            self.etcd.spawn(Arc::clone(&shared).stand_by(after));
        }
        Ok(Router(Arc::new(Inner { shared, etcd: self.etcd })))
    }
}
