//! Routers, versions and requests for these tests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serinus::model::{ModelVersion, VersionId};
use serinus::observe::{Errors, Outcome, Signal, Signals, UserCap, UserShares};
use serinus::route::{Request, TrafficSplitter, Weights};
use serinus_etcd::{Etcd, FleetSplitter, Leadership, Router};

pub(crate) fn id(name: &str) -> VersionId {
    VersionId::new(name).expect("a name")
}

pub(crate) fn model(version: &str, hash: &str) -> ModelVersion {
    let builder = ModelVersion::builder("chat", version).base_model("llama-8b").weight_hash(hash);
    builder.gpu_memory_gb(16.0).build().expect("a version")
}

pub(crate) fn router(etcd: &Etcd, name: &str) -> Router {
    let router = Router::builder(etcd, name).publish_every(Duration::from_millis(50));
    router.start(&Weights::all(&id("v1"))).expect("etcd answers")
}

pub(crate) fn lead(etcd: &Etcd, name: &str) -> (Leadership, FleetSplitter) {
    let leadership = Leadership::campaign(etcd, name).expect("etcd answers");
    let splitter = FleetSplitter::new(&leadership, &router(etcd, name)).expect("it leads");
    (leadership, splitter)
}

pub(crate) fn split(weight: f64) -> Weights {
    Weights::split(&id("v1"), &id("v2"), weight).expect("weights")
}

pub(crate) fn signals() -> Signals {
    [Arc::new(Errors) as Arc<dyn Signal>].into_iter().collect()
}

pub(crate) fn open_block(splitter: &FleetSplitter) -> u64 {
    splitter.open_block(&signals(), &Arc::new(UserShares::new(UserCap::None)))
}

/// Serves requests, of which each tenth fails.
pub(crate) fn serve(router: &Router, requests: u32) {
    for n in 0..requests {
        let lease = router.splitter().route(&Request::new());
        lease.finish(if n.is_multiple_of(10) { Outcome::error() } else { Outcome::ok().latency_ms(10.0) });
    }
}

/// A controller leads over this connection, and its router follows.
pub(crate) fn assert_follows(etcd: &Etcd) {
    let (_leadership, splitter) = lead(etcd, "controller");
    splitter.admit(&id("v2"));
    splitter.set_weights(&split(0.2)).expect("it leads");
    eventually("it follows", || splitter.wait_current(Duration::from_secs(1)));
}

/// Waits for what must come to hold.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
