//! One controller at a time.

use std::time::Duration;

use serinus::journal::{Entry, Journal, Record};
use serinus::route::{RoutingError, TrafficSplitter};
use serinus_etcd::{EtcdJournal, FleetError, FleetSplitter, Leadership};

use crate::cluster::Cluster;
use crate::fleet::{eventually, id, lead, router, split};
use crate::rollout::plan;
use crate::wire::Wire;

fn begun(rollout: &str, sequence: u64) -> Entry {
    let what = Record::Begun(Box::new(plan()));
    Entry { rollout: rollout.to_owned(), sequence, at: serinus::clock::Timestamp::ZERO, what }
}

#[test]
fn a_frozen_controller_that_wakes_up_after_its_successor_took_over_writes_nothing() {
    let cluster = Cluster::start(1);
    let (etcd, wire) = (cluster.connect(), Wire::to(&cluster));
    let far = wire.connect();
    let (frozen, splitter) = lead(&far, "frozen");
    let journal = EtcdJournal::new(&frozen);
    splitter.admit(&id("v2"));
    splitter.set_weights(&split(0.1)).unwrap();
    journal.append(&begun("r", 0)).unwrap();

    wire.cut();
    let (successor, led) = lead(&etcd, "successor");
    assert!(successor.epoch() > frozen.epoch());
    led.set_weights(&split(0.3)).unwrap();
    wire.mend();

    // It believes what it likes: its next write is compared with the epoch, by etcd.
    let mut refused = splitter.set_weights(&split(0.9));
    while refused.as_ref().is_err_and(|error| error.to_string().contains("no answer within")) {
        refused = splitter.set_weights(&split(0.9)); // the wire is still being mended
    }
    let deposed = FleetError::Deposed { epoch: frozen.epoch() };
    assert_eq!(refused, Err(RoutingError::Unpublished { reason: deposed.to_string() }));
    assert_eq!(frozen.check(), Err(deposed));
    assert!(splitter.roll_back(&id("v2")).is_err());
    assert!(journal.append(&begun("r", 1)).is_err());
    assert_eq!(led.table().weights(), &split(0.3));
    assert_eq!(EtcdJournal::reader(&etcd).entries("r").unwrap().len(), 1);
    assert_eq!(router(&etcd, "router").splitter().table().weights(), &split(0.3));
}

#[test]
fn a_deposed_controller_does_not_even_say_that_a_version_has_left() {
    let cluster = Cluster::start(1);
    let (etcd, wire) = (cluster.connect(), Wire::to(&cluster));
    let far = wire.connect();
    let (frozen, splitter) = lead(&far, "frozen");
    wire.cut();
    let (_successor, led) = lead(&etcd, "successor");
    led.admit(&id("v2"));
    led.set_weights(&split(0.3)).unwrap();
    wire.mend();
    let deposed = FleetError::Deposed { epoch: frozen.epoch() }.to_string();
    eventually("it is refused", || match splitter.roll_back(&id("v2")) {
        Err(RoutingError::Unpublished { reason }) => reason == deposed,
        other => panic!("{other:?}: its driver would unload what has traffic"),
    });
    assert!(!splitter.wait_drained(&id("v2"), Duration::ZERO));
}

#[test]
fn a_change_whose_answer_never_came_is_found_out_by_the_next_one() {
    let cluster = Cluster::start(1);
    let (etcd, wire) = (cluster.connect(), Wire::to(&cluster));
    let far = wire.connect();
    let (_leadership, splitter) = lead(&far, "controller");
    let router = router(&etcd, "router");
    wire.deafen();
    splitter.admit(&id("v2"));
    assert!(!splitter.table().serves(&id("v2")), "nobody answers");
    eventually("it was carried out all the same", || router.splitter().table().serves(&id("v2")));
    wire.mend();
    eventually("the wire is mended", || {
        !matches!(splitter.roll_back(&id("v2")), Err(RoutingError::Unpublished { .. }))
    });
    assert!(!router.splitter().table().serves(&id("v2")), "its driver unloads it now");
}

#[test]
fn a_controller_without_etcd_gives_up_by_its_own_clock() {
    let cluster = Cluster::start(1);
    let wire = Wire::to(&cluster);
    let far = wire.connect();
    let (leadership, splitter) = lead(&far, "controller");
    splitter.admit(&id("v2"));
    splitter.set_weights(&split(0.5)).unwrap();
    assert!(leadership.wait_lost(Duration::from_millis(100)), "it leads");
    wire.cut();
    assert!(!leadership.wait_lost(Duration::from_secs(30)));
    assert_eq!(leadership.check(), Err(FleetError::Expired { epoch: leadership.epoch() }));

    // Nobody has followed it. It decides nothing more, and still takes the traffic off the canary.
    wire.mend();
    let journal = EtcdJournal::new(&leadership);
    assert!(journal.append(&begun("r", 0)).unwrap_err().to_string().contains("expired"));
    eventually("the wire is mended", || {
        let _ = splitter.roll_back(&id("v2"));
        !splitter.table().serves(&id("v2"))
    });
    assert!(EtcdJournal::reader(&far).rollouts().unwrap().is_empty());
}

#[test]
fn of_many_candidates_one_leads_and_the_next_follows_when_it_resigns() {
    let cluster = Cluster::start(1);
    let etcd = cluster.connect();
    let quickly = Duration::from_millis(300);
    let first = Leadership::campaign(&etcd, "first").unwrap();
    assert!(Leadership::campaign_for(&etcd, "second", quickly).unwrap().is_none());
    let candidates: Vec<_> = (0..4)
        .map(|n| {
            let etcd = etcd.clone();
            let long = Duration::from_secs(8);
            std::thread::spawn(move || Leadership::campaign_for(&etcd, &format!("candidate {n}"), long).unwrap())
        })
        .collect();
    first.resign();
    let elected: Vec<_> = candidates.into_iter().filter_map(|candidate| candidate.join().unwrap()).collect();
    assert_eq!(elected.len(), 1, "{elected:?}");
    assert_eq!(elected[0].epoch(), first.epoch() + 1);
    assert!(FleetSplitter::new(&first, &router(&etcd, "first")).is_err());
}

#[test]
fn an_epoch_that_vanishes_deposes_whoever_leads() {
    let cluster = Cluster::start(1);
    let etcd = cluster.connect();
    let (leadership, splitter) = lead(&etcd, "controller");
    cluster.delete("/serinus/chat/control/epoch");
    eventually("it hears of it", || leadership.check().is_err());
    splitter.admit(&id("v2"));
    assert!(!splitter.table().serves(&id("v2")));
}

#[test]
fn the_journal_keeps_entries_in_order_and_the_latest_rollouts() {
    let cluster = Cluster::start(1);
    let etcd = cluster.connect();
    let leadership = Leadership::campaign(&etcd, "controller").unwrap();
    let journal = EtcdJournal::new(&leadership).keeps(2);
    for rollout in ["z", "a/b", "a"] {
        for sequence in 0..12 {
            journal.append(&begun(rollout, sequence)).unwrap();
        }
    }
    let read = EtcdJournal::reader(&etcd);
    assert_eq!(read.rollouts().unwrap(), ["a/b", "a"]);
    assert!(read.entries("z").unwrap().is_empty());
    let sequences: Vec<_> = read.entries("a").unwrap().iter().map(|entry| entry.sequence).collect();
    assert_eq!(sequences, (0..12).collect::<Vec<_>>());
    assert_eq!(read.entries("a").unwrap()[3], begun("a", 3));
    assert!(read.append(&begun("a", 12)).is_err(), "a reader writes nothing");
}
