//! How much of the evidence one user makes up, on the request path.

use std::sync::Arc;

use serinus::model::VersionId;
use serinus::observe::{Errors, Outcome, Signal, Signals, UserCap, UserShares};
use serinus::route::{HashSplitter, Reason, Request, TrafficSplitter, Weights};

fn version() -> VersionId {
    VersionId::new("v1").unwrap()
}

fn signals() -> Signals {
    [Arc::new(Errors) as Arc<dyn Signal>].into_iter().collect()
}

fn splitter() -> HashSplitter {
    HashSplitter::new("chat", &Weights::all(&version()))
}

fn serve(splitter: &HashSplitter, request: Request<'_>, times: usize) {
    for _ in 0..times {
        splitter.route(&request).finish(Outcome::ok().latency_ms(800.0));
    }
}

#[test]
fn a_user_counts_up_to_his_share_and_is_served_beyond_it() {
    let splitter = splitter();
    let block = splitter.open_block(&signals(), &Arc::new(UserShares::new(UserCap::default())));
    serve(&splitter, Request::new().sticky_key("heavy"), 500);
    serve(&splitter, Request::new().sticky_key("light"), 3);
    let tally = &splitter.tally(block)[&version()];
    assert_eq!((tally.arrivals, tally.capped, tally.evidence.requests()), (13, 490, 13));
    assert_eq!(tally.unfinished(), 0);
    assert_eq!(splitter.stats().versions[&version()].count, 503, "all of them were served");
}

#[test]
fn requests_without_a_key_are_not_capped() {
    let splitter = splitter();
    let block = splitter.open_block(&signals(), &Arc::new(UserShares::new(UserCap::Once)));
    serve(&splitter, Request::new(), 100);
    assert_eq!(splitter.tally(block)[&version()].arrivals, 100);
}

#[test]
fn shares_last_from_block_to_block_until_they_are_renewed() {
    let splitter = splitter();
    let shares = Arc::new(UserShares::new(UserCap::default()));
    splitter.open_block(&signals(), &shares);
    serve(&splitter, Request::new().sticky_key("u"), 8);
    let second = splitter.open_block(&signals(), &shares);
    serve(&splitter, Request::new().sticky_key("u"), 8);
    assert_eq!(splitter.tally(second)[&version()].arrivals, 2);
    let third = splitter.open_block(&signals(), &Arc::new(UserShares::new(UserCap::default())));
    serve(&splitter, Request::new().sticky_key("u"), 8);
    assert_eq!(splitter.tally(third)[&version()].arrivals, 8);
}

#[test]
fn capped_requests_in_flight_are_waited_for_by_a_drain_and_not_by_a_block() {
    let splitter = splitter();
    let block = splitter.open_block(&signals(), &Arc::new(UserShares::new(UserCap::Once)));
    serve(&splitter, Request::new().sticky_key("u"), 1);
    let out = splitter.route(&Request::new().sticky_key("u"));
    assert_eq!(splitter.turnout(block)[&version()].unfinished, 0);
    assert_eq!(splitter.in_flight(&version()), 1);
    out.finish(Outcome::error());
    assert_eq!(splitter.tally(block)[&version()].evidence.requests(), 1);
}

#[test]
fn two_threads_count_a_user_no_further_than_one() {
    let splitter = splitter();
    let block = splitter.open_block(&signals(), &Arc::new(UserShares::new(UserCap::default())));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| serve(&splitter, Request::new().sticky_key("u"), 2_000));
        }
    });
    let tally = &splitter.tally(block)[&version()];
    assert_eq!((tally.arrivals, tally.capped, tally.evidence.requests()), (10, 3_990, 10));
}

#[test]
fn a_splitter_of_ones_own_takes_leases_under_the_same_cap() {
    let splitter = splitter();
    let block = splitter.open_block(&signals(), &Arc::new(UserShares::new(UserCap::default())));
    for reason in [Reason::Sticky, Reason::Pinned] {
        for _ in 0..20 {
            let lease = splitter.lease(&Request::new().sticky_key("u"), &version(), reason).unwrap();
            lease.finish(Outcome::ok());
        }
    }
    let tally = &splitter.tally(block)[&version()];
    assert_eq!((tally.arrivals, tally.capped), (10, 10), "pinned requests are no evidence in any case");
}

#[test]
fn an_abandoned_request_says_how_long_it_had_waited() {
    let splitter = splitter();
    let block = splitter.open_block(&signals(), &Arc::new(UserShares::new(UserCap::None)));
    splitter.route(&Request::new()).abandon(Outcome::ok().latency_ms(9_000.0));
    drop(splitter.route(&Request::new()));
    let evidence = &splitter.tally(block)[&version()].evidence;
    assert_eq!((evidence.abandoned(), evidence.requests()), (2, 0));
    assert_eq!(evidence.total().left_after().quantile(0.5), Some(9_000.0));
}
