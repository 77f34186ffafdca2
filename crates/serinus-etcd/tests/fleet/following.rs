//! Routers follow what is published, whatever happens between them and etcd.

use std::time::Duration;

use serinus::route::{Request, TrafficSplitter, Weights};
use serinus_etcd::{FleetError, FleetSplitter, Leadership, Router};

use crate::cluster::Cluster;
use crate::fleet::{eventually, id, lead, open_block, router, serve, split};
use crate::wire::Wire;

fn follows(router: &Router, splitter: &dyn TrafficSplitter) -> bool {
    router.splitter().table() == splitter.table()
}

#[test]
fn a_router_that_joins_late_has_the_same_table_and_counts_into_the_open_block() {
    let cluster = Cluster::start(1);
    let etcd = cluster.connect();
    let (_leadership, splitter) = lead(&etcd, "controller");
    splitter.admit(&id("v2"));
    for weight in [0.3, 0.1, 0.25] {
        splitter.set_weights(&split(weight)).unwrap();
    }
    let block = open_block(&splitter);

    let late = router(&etcd, "late");
    assert!(follows(&late, &splitter), "with the circle's whole history, at once");
    serve(&late, 40);
    eventually("its requests are counted", || {
        splitter.tally(block).values().map(|tally| tally.arrivals).sum::<u64>() == 40
    });
}

#[test]
fn what_was_missed_is_caught_up_after_a_cut_and_a_compaction() {
    let cluster = Cluster::start(1);
    let etcd = cluster.connect();
    let (near, far) = (Wire::to(&cluster), Wire::to(&cluster));
    let (leading, routing) = (near.connect(), far.connect());
    let (_leadership, splitter) = lead(&leading, "controller");
    let (cut_off, other) = (router(&routing, "cut off"), router(&etcd, "other"));
    splitter.admit(&id("v2"));
    let block = open_block(&splitter);
    eventually("all follow", || splitter.wait_current(Duration::from_secs(1)));

    far.cut();
    splitter.set_weights(&split(0.2)).unwrap();
    splitter.set_weights(&split(0.4)).unwrap();
    eventually("the other one follows", || follows(&other, &splitter));
    assert!(!follows(&cut_off, &splitter));
    drop(cut_off.splitter().route(&Request::new())); // it serves on
    eventually("it says so", || cut_off.staleness() > Duration::from_millis(500));

    near.cut();
    serve(&other, 30);
    std::thread::sleep(Duration::from_millis(200)); // it publishes
    cluster.compact();
    near.mend();
    far.mend();
    eventually("the router catches up", || follows(&cut_off, &splitter));
    let counted = || splitter.tally(block).values().map(|tally| tally.arrivals).sum::<u64>();
    eventually("the controller catches up", || counted() == 31);
}

#[test]
fn an_etcd_that_is_killed_and_comes_back_is_followed_again_and_no_request_noticed() {
    let mut cluster = Cluster::start(1);
    let etcd = cluster.connect();
    let (leadership, splitter) = lead(&etcd, "controller");
    let router = router(&etcd, "router");
    splitter.admit(&id("v2"));
    splitter.set_weights(&split(0.5)).unwrap();
    eventually("it follows", || follows(&router, &splitter));

    cluster.kill(0);
    serve(&router, 1_000);
    assert!(splitter.set_weights(&split(0.6)).is_err(), "nobody can be told");
    assert_eq!(splitter.table().weights(), &split(0.5));
    assert_eq!(router.splitter().table().weights(), &split(0.5), "the last table is kept");
    cluster.restart(0);
    cluster.await_ready();

    // Whether this controller's lease outlived the outage or not: one leads, and all follow it.
    drop((leadership, splitter));
    let (_leadership, splitter) = lead(&etcd, "controller");
    splitter.set_weights(&split(0.7)).unwrap();
    eventually("it follows again", || follows(&router, &splitter));
}

#[test]
fn an_etcd_that_has_lost_its_data_is_given_the_table_again() {
    let mut cluster = Cluster::start(1);
    let etcd = cluster.connect();
    let (leadership, splitter) = lead(&etcd, "controller");
    let router = router(&etcd, "router");
    splitter.admit(&id("v2"));
    for weight in [0.1, 0.3, 0.2, 0.4, 0.5] {
        splitter.set_weights(&split(weight)).unwrap();
    }
    eventually("it follows", || follows(&router, &splitter));
    let before = router.status().applied;
    cluster.kill(0);
    cluster.wipe(0);
    cluster.restart(0);
    cluster.await_ready();
    eventually("the controller is deposed", || leadership.check().is_err());
    assert_eq!(router.splitter().table().weights(), &split(0.5), "the last table is kept");
    drop((leadership, splitter));

    // A process that was there before still has the table, and leads.
    let leadership = Leadership::campaign(&etcd, "router").unwrap();
    let circle = router.splitter().table().circle().clone();
    let splitter = FleetSplitter::new(&leadership, &router).unwrap();
    assert_eq!(splitter.table().circle(), &circle, "no user is moved");
    splitter.set_weights(&split(0.6)).unwrap();
    eventually("it follows again, at revisions below those it knew", || {
        follows(&router, &splitter) && router.status().applied < before
    });
}

#[test]
fn a_router_that_is_cut_off_falls_back_to_the_stable_version_if_it_was_told_to() {
    let cluster = Cluster::start(1);
    let (etcd, wire) = (cluster.connect(), Wire::to(&cluster));
    let (_leadership, splitter) = lead(&etcd, "controller");
    let far = wire.connect();
    let careful = Router::builder(&far, "careful")
        .publish_every(Duration::from_millis(50))
        .fall_back_after(Duration::from_secs(1))
        .start(&Weights::all(&id("v1")))
        .unwrap();
    splitter.admit(&id("v2"));
    splitter.set_weights(&split(0.9)).unwrap();
    eventually("it follows", || follows(&careful, &splitter));
    let token = loop {
        let lease = careful.splitter().route(&Request::new());
        if *lease.version() == id("v2") {
            break lease.session_token().to_string();
        }
    };

    wire.cut();
    eventually("it falls back", || careful.status().fallen_back);
    for _ in 0..200 {
        let lease = careful.splitter().route(&Request::new().session_token(token.as_str()));
        assert_eq!(lease.version(), &id("v1"));
    }
    wire.mend();
    eventually("it follows again", || !careful.status().fallen_back && follows(&careful, &splitter));
}

#[test]
fn a_canary_that_nobody_watches_is_left_by_routers_that_were_told_to() {
    let cluster = Cluster::start(1);
    let etcd = cluster.connect();
    let (leadership, splitter) = lead(&etcd, "controller");
    let careful = Router::builder(&etcd, "careful").publish_every(Duration::from_millis(50));
    let careful = careful.fall_back_after(Duration::from_millis(500)).start(&Weights::all(&id("v1"))).unwrap();
    splitter.admit(&id("v2"));
    splitter.set_weights(&split(0.9)).unwrap();
    eventually("it follows", || follows(&careful, &splitter) && careful.status().controller.is_some());
    drop((leadership, splitter));
    eventually("it falls back", || careful.status().fallen_back);
    assert_eq!(careful.splitter().version_for("anybody"), id("v1"));
    let (_leadership, splitter) = lead(&etcd, "another");
    eventually("it follows the next controller", || follows(&careful, &splitter));
    assert!(!careful.status().fallen_back);
}

#[test]
fn a_state_of_a_later_release_is_named_and_the_last_table_kept() {
    let cluster = Cluster::start(1);
    let etcd = cluster.connect();
    let (_leadership, _splitter) = lead(&etcd, "controller");
    let router = router(&etcd, "router");
    cluster.put("/serinus/chat/control/state", r#"{"format":2,"value":{}}"#);
    eventually("it says so", || router.status().problem.is_some_and(|problem| problem.contains("format 2")));
    assert_eq!(router.splitter().version_for("anybody"), id("v1"));
    let late = Router::builder(&etcd, "late").start(&Weights::all(&id("v1"))).unwrap_err();
    assert!(matches!(late, FleetError::Unreadable { .. }), "{late}");
}
