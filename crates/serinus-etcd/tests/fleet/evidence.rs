//! What requests leave is counted once, whatever becomes of their router.

use std::time::Duration;

use serinus::observe::Outcome;
use serinus::route::{Request, TrafficSplitter, Weights};

use crate::cluster::Cluster;
use crate::fleet::{eventually, id, lead, open_block, router, serve, split};
use crate::wire::Wire;

#[test]
fn the_evidence_of_a_router_that_dies_stays_and_is_added_once_after_its_restart() {
    let cluster = Cluster::start(1);
    let (etcd, wire) = (cluster.connect(), Wire::to(&cluster));
    let (_leadership, splitter) = lead(&etcd, "controller");
    let block = open_block(&splitter);
    let far = wire.connect();
    let dying = router(&far, "node-1");
    serve(&dying, 50);
    let unfinished = dying.splitter().route(&Request::new());
    let of = || splitter.tally(block).remove(&id("v1")).unwrap_or_default();
    eventually("it is counted", || of().arrivals == 51);
    assert_eq!(splitter.turnout(block)[&id("v1")].unfinished, 1);

    wire.cut(); // from here on it is as good as dead
    eventually("it is gone", || splitter.routers().iter().all(|router| router.name != "node-1"));
    assert_eq!(
        (of().arrivals, of().unfinished()),
        (50, 0),
        "what it measured stays, what it had not finished does not"
    );
    assert_eq!(splitter.turnout(block)[&id("v1")].unfinished, 0, "nobody waits for it");

    let again = router(&etcd, "node-1");
    serve(&again, 30);
    eventually("both lives are counted", || of().arrivals == 80);
    cluster.compact();
    assert_eq!(of().evidence.total().rates()[0].failures(), 8);

    wire.mend(); // it was only cut off after all
    unfinished.finish(Outcome::ok());
    eventually("all is counted, once", || of().arrivals == 81 && of().unfinished() == 0);
    std::thread::sleep(Duration::from_millis(300)); // some more publications
    assert_eq!(of().arrivals, 81);
    assert_eq!(of().evidence.ended(), 81);
}

#[test]
fn more_than_4_mb_of_it_is_caught_up_with_and_taken_over() {
    let cluster = Cluster::start(1);
    let (etcd, wire) = (cluster.connect(), Wire::to(&cluster));
    let far = wire.connect();
    let (leadership, splitter) = lead(&far, "controller");
    splitter.admit(&id("v2"));
    wire.cut();
    for router in 0..6 {
        let key = format!("/serinus/chat/routers/evidence/{:020}/router-{router}", 0);
        cluster.put(&key, &"x".repeat(1_000_000));
    }
    wire.mend();
    eventually("the wire is mended", || splitter.set_weights(&split(0.1)).is_ok());
    eventually("all that was written before is seen", || splitter.wait_current(Duration::from_secs(1)));
    drop((leadership, splitter));
    let (_successor, splitter) = lead(&etcd, "successor");
    assert_eq!(splitter.table().weights(), &split(0.1));
}

#[test]
fn a_closed_block_waits_for_every_router_to_leave_it() {
    let cluster = Cluster::start(1);
    let (etcd, wire) = (cluster.connect(), Wire::to(&cluster));
    let (_leadership, splitter) = lead(&etcd, "controller");
    let far = wire.connect();
    let slow = router(&far, "slow");
    let block = open_block(&splitter);
    eventually("it follows", || splitter.wait_current(Duration::from_secs(1)));
    serve(&slow, 20);
    eventually("it is counted", || splitter.tally(block).values().any(|tally| tally.arrivals == 20));

    wire.cut();
    let next = open_block(&splitter);
    assert_eq!(next, block + 1);
    serve(&slow, 5); // still into the closed block
    assert_eq!(splitter.turnout(block)[&id("v1")].unfinished, 1, "more may come");
    wire.mend();
    eventually("all of it is there", || splitter.turnout(block)[&id("v1")].unfinished == 0);
    assert_eq!(splitter.tally(block)[&id("v1")].arrivals, 25);
}

#[test]
fn a_rollback_waits_for_every_router_and_names_the_one_that_does_not_answer() {
    let cluster = Cluster::start(1);
    let etcd = cluster.connect();
    let (_leadership, splitter) = lead(&etcd, "controller");
    let router = router(&etcd, "router");
    splitter.admit(&id("v2"));
    splitter.set_weights(&split(0.5)).unwrap();
    cluster.put(
        "/serinus/chat/routers/live/ghost-1",
        r#"{"format":1,"value":{"name":"ghost","applied":1,"stats":{"versions":{},"forged_tokens":0,"outdated_tokens":0,"ignored_forces":0},"unknown_signals":[]}}"#,
    );
    let refused = splitter.roll_back(&id("v2")).unwrap_err();
    assert!(refused.to_string().contains("not confirmed by ghost:"), "{refused}");
    assert!(!router.splitter().table().serves(&id("v2")), "the others have long left it");
    assert!(!splitter.wait_drained(&id("v2"), Duration::from_millis(50)));

    cluster.delete("/serinus/chat/routers/live/ghost-1");
    assert!(splitter.roll_back(&id("v2")).is_err_and(|gone| gone.to_string().contains("not loaded")), "it has left");
    assert!(splitter.wait_drained(&id("v2"), Duration::from_secs(30)));
}

#[test]
fn a_version_has_drained_when_all_routers_requests_have_ended_and_cancelling_reaches_them() {
    let cluster = Cluster::start(1);
    let etcd = cluster.connect();
    let (_leadership, splitter) = lead(&etcd, "controller");
    let routers = ["a", "b"].map(|name| router(&etcd, name));
    splitter.admit(&id("v2"));
    splitter.set_weights(&Weights::all(&id("v2"))).unwrap();
    eventually("all follow", || splitter.wait_current(Duration::from_secs(1)));
    let leases = routers.each_ref().map(|router| router.splitter().route(&Request::new()));
    splitter.roll_back(&id("v2")).unwrap();
    eventually("both are counted", || splitter.in_flight(&id("v2")) == 2);
    assert!(!splitter.wait_drained(&id("v2"), Duration::from_millis(50)));

    assert_eq!(splitter.cancel(&id("v2")), Ok(2));
    for (router, lease) in routers.iter().zip(leases) {
        assert!(lease.wait_cancelled(Duration::from_secs(30)), "it is told");
        let again = router.splitter().retry(lease);
        assert_eq!(again.version(), &id("v1"));
    }
    assert!(splitter.wait_drained(&id("v2"), Duration::from_secs(30)));
    assert_eq!(splitter.stats().versions[&id("v2")].count, 2);
    splitter.admit(&id("v2"));
    assert!(splitter.cancel(&id("v2")).is_err(), "it is served again");
}
