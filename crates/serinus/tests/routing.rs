//! What decides where a request goes, and what bad input does to it: nothing.

use std::sync::Arc;
use std::time::Duration;

use serinus::model::VersionId;
use serinus::observe::{Outcome, Signals, UserCap, UserShares};
use serinus::route::{HashSplitter, Reason, Request, TokenKey, TrafficSplitter, Weights};

fn id(name: &str) -> VersionId {
    VersionId::new(name).unwrap()
}

fn splitter(canary_weight: f64) -> HashSplitter {
    let splitter = HashSplitter::new("chat", &Weights::all(&id("v1")));
    splitter.admit(&id("v2"));
    splitter.set_weights(&Weights::split(&id("v1"), &id("v2"), canary_weight).unwrap()).unwrap();
    splitter
}

fn route(splitter: &HashSplitter, request: &Request<'_>) -> (String, Reason) {
    let lease = splitter.route(request);
    let chosen = (lease.version().to_string(), lease.reason());
    lease.finish(Outcome::ok());
    chosen
}

#[test]
fn the_first_reason_that_applies_decides() {
    let splitter = splitter(0.0);
    splitter.set_category_override("coding", &id("v2")).unwrap();
    let token = splitter.route(&Request::new().force_version("v2")).session_token().to_string();
    let all = Request::new().sticky_key("u1").category("coding").session_token(token.as_str()).force_version("v1");
    assert_eq!(route(&splitter, &all), ("v1".into(), Reason::Forced));
    let pinned = all.force_version(None);
    assert_eq!(route(&splitter, &pinned), ("v2".into(), Reason::Pinned));
    assert_eq!(route(&splitter, &pinned.session_token(None)), ("v2".into(), Reason::Category));
    assert_eq!(route(&splitter, &Request::new().sticky_key("u1")), ("v1".into(), Reason::Sticky));
    assert_eq!(route(&splitter, &Request::new()), ("v1".into(), Reason::Weighted));
    splitter.clear_category_override("coding");
    assert_eq!(route(&splitter, &Request::new().category("coding")), ("v1".into(), Reason::Weighted));
}

#[test]
fn without_a_key_each_request_is_drawn_anew() {
    let splitter = splitter(0.3);
    let requests = 20_000;
    let on_canary = (0..requests).filter(|_| route(&splitter, &Request::new()).0 == "v2").count() as f64;
    // Four standard errors.
    assert!(
        (on_canary / f64::from(requests) - 0.3).abs() < 4.0 * (0.21f64 / f64::from(requests)).sqrt(),
        "{on_canary}"
    );
}

#[test]
fn tokens_that_do_not_count_are_ignored_and_counted() {
    let splitter = splitter(0.0);
    let token = splitter.route(&Request::new().force_version("v2")).session_token().to_string();
    let forged = splitter_of_another_service().route(&Request::new()).session_token().to_string();
    let mut garbled = token.clone();
    garbled.replace_range(3..4, if garbled.as_bytes()[3] == b'A' { "B" } else { "A" });
    for bad in [forged.as_str(), garbled.as_str(), "", "nonsense", "ünïcödé", &"x".repeat(10_000)] {
        let request = Request::new().sticky_key("u1").session_token(bad);
        assert_eq!(route(&splitter, &request), ("v1".into(), Reason::Sticky), "{bad:.40}");
    }
    assert_eq!((splitter.stats().forged_tokens, splitter.stats().outdated_tokens), (6, 0));

    assert_eq!(route(&splitter, &Request::new().session_token(token.as_str())), ("v2".into(), Reason::Pinned));
    splitter.clear_sticky_sessions();
    assert_eq!(route(&splitter, &Request::new().session_token(token.as_str())), ("v1".into(), Reason::Weighted));
    assert_eq!(splitter.stats().outdated_tokens, 1);
}

fn splitter_of_another_service() -> HashSplitter {
    HashSplitter::new("chat", &Weights::all(&id("v1"))).with_token_key(TokenKey::new(*b"another service."))
}

#[test]
fn a_conversation_stays_while_the_ramp_moves_its_user() {
    let splitter = splitter(0.0);
    let token = splitter.route(&Request::new().sticky_key("u1")).session_token().to_string();
    splitter.set_weights(&Weights::all(&id("v2"))).unwrap();
    let request = Request::new().sticky_key("u1").session_token(token.as_str());
    assert_eq!(route(&splitter, &request), ("v1".into(), Reason::Pinned));
    assert_eq!(route(&splitter, &Request::new().sticky_key("u1")), ("v2".into(), Reason::Sticky));
}

#[test]
fn routers_with_one_table_and_one_key_accept_each_others_tokens() {
    let key = TokenKey::new(*b"one key for all.");
    let here = splitter(0.5).with_token_key(key);
    let there = HashSplitter::from_table(here.table().as_ref().clone(), key);
    let lease = here.route(&Request::new().sticky_key("u1"));
    let token = lease.session_token().to_string();
    assert_eq!(
        route(&there, &Request::new().session_token(token.as_str())),
        (lease.version().to_string(), Reason::Pinned)
    );

    assert!(!there.adopt(here.table().as_ref().clone()), "it has that table already");
    here.set_weights(&Weights::all(&id("v2"))).unwrap();
    assert!(there.adopt(here.table().as_ref().clone()));
    assert_eq!(there.version_for("anybody"), id("v2"));
}

#[test]
fn counts_survive_that_versions_come_and_go() {
    let splitter = splitter(0.5);
    let mut routed = 0;
    for round in 0..40 {
        let (from, to) = if round % 2 == 0 { (id("v1"), id("v2")) } else { (id("v2"), id("v1")) };
        splitter.admit(&to);
        splitter.set_weights(&Weights::split(&from, &to, 0.5).unwrap()).unwrap();
        for _ in 0..25 {
            route(&splitter, &Request::new());
            routed += 1;
        }
        splitter.roll_back(&from).unwrap();
    }
    let stats = splitter.stats();
    assert_eq!(stats.versions.values().map(|version| version.count).sum::<u64>(), routed);
    let shares: f64 = stats.versions.values().map(|version| version.actual_fraction).sum();
    assert!((shares - 1.0).abs() < 1e-12);
}

#[test]
fn a_published_table_is_followed_with_its_block_whatever_was_in_force() {
    let splitter = splitter(0.5);
    let (signals, shares) = (Signals::from_iter([]), Arc::new(UserShares::new(UserCap::default())));
    let before = splitter.table().as_ref().clone();
    splitter.follow(before.clone(), Some((7, &signals, &shares)));
    let lease = splitter.route(&Request::new().force_version("v2"));
    route(&splitter, &Request::new());

    let without = before.rolled_back(&id("v2")).unwrap();
    splitter.follow(without, Some((9, &signals, &shares)));
    assert_eq!(route(&splitter, &Request::new()), ("v1".into(), Reason::Weighted));
    assert!(!splitter.wait_drained(&id("v2"), Duration::ZERO), "a lease of the time before is out");
    drop(lease);
    assert!(splitter.wait_drained(&id("v2"), Duration::ZERO));
    let arrivals = |block| splitter.tally(block).values().map(|tally| tally.arrivals).sum::<u64>();
    assert_eq!((arrivals(7), arrivals(8), arrivals(9)), (1, 0, 1));

    splitter.follow(before.clone(), None);
    assert_eq!(*splitter.table(), before, "an earlier revision, too");
    route(&splitter, &Request::new());
    assert_eq!(arrivals(9), 1, "no block is open");
    assert_eq!(splitter.open_block(&signals, &shares), 10, "its own numbers go on after those it was given");
    assert_eq!(shares.cap(), UserCap::default());
}
