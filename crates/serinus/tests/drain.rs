//! No lease for a version after it was declared drained: routes against weight changes, withdrawals and admissions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serinus::model::VersionId;
use serinus::observe::{Outcome, UserCap, UserShares};
use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};

const ROUTES: u64 = 150_000_000;

/// Odd: the canary may be routed to. Even: it has not been admitted yet, or has been declared drained.
static GENERATION: AtomicU64 = AtomicU64::new(0);

fn route_until_done(splitter: &HashSplitter, canary: &VersionId, routed: &AtomicU64) -> u64 {
    let keys: Vec<String> = (0..512).map(|key| format!("user-{key}")).collect();
    let mut violations = 0;
    while routed.fetch_add(512, Ordering::Relaxed) < ROUTES {
        for key in &keys {
            let lease = splitter.route(&Request::new().sticky_key(key.as_str()));
            // While a lease is out its version cannot be drained: a lease in hand at such a time came too late.
            violations += u64::from(lease.version() == canary && GENERATION.load(Ordering::SeqCst).is_multiple_of(2));
            lease.finish(Outcome::ok());
        }
    }
    violations
}

#[test]
fn no_lease_is_handed_out_for_a_version_that_was_declared_drained() {
    let (stable, canary) = (VersionId::new("stable").unwrap(), VersionId::new("canary").unwrap());
    let splitter = Arc::new(HashSplitter::new("stress", &Weights::all(&stable)));
    let routed = Arc::new(AtomicU64::new(0));
    let routers: Vec<_> = (0..8)
        .map(|_| {
            let (splitter, canary, routed) = (Arc::clone(&splitter), canary.clone(), Arc::clone(&routed));
            thread::spawn(move || route_until_done(&splitter, &canary, &routed))
        })
        .collect();

    let mut cycles = 0;
    while routed.load(Ordering::Relaxed) < ROUTES {
        GENERATION.fetch_add(1, Ordering::SeqCst);
        splitter.admit(&canary);
        for weight in [0.1, 0.5, 0.9] {
            splitter.set_weights(&Weights::split(&stable, &canary, weight).unwrap()).unwrap();
        }
        splitter.roll_back(&canary).unwrap();
        assert!(splitter.wait_drained(&canary, Duration::from_secs(20)), "nothing holds a lease for 20 s");
        GENERATION.fetch_add(1, Ordering::SeqCst);
        assert_eq!(splitter.in_flight(&canary), 0);
        cycles += 1;
    }
    let violations: u64 = routers.into_iter().map(|router| router.join().unwrap()).sum();
    assert_eq!(violations, 0, "in {cycles} cycles");
    assert!(cycles > 100, "only {cycles} cycles: the test did not stress what it should");
    assert_eq!(splitter.in_flight(&stable), 0);
    let stats = splitter.stats();
    let counted: u64 = stats.versions.values().map(|version| version.count).sum();
    assert!(counted >= ROUTES, "{counted} of {ROUTES} routes were counted");
}

#[test]
fn a_drain_is_woken_by_the_last_lease() {
    let (stable, canary) = (VersionId::new("stable").unwrap(), VersionId::new("canary").unwrap());
    let splitter = Arc::new(HashSplitter::new("drain", &Weights::all(&stable)));
    splitter.admit(&canary);
    splitter.set_weights(&Weights::all(&canary)).unwrap();
    let lease = splitter.route(&Request::new());
    splitter.roll_back(&canary).unwrap();
    assert_eq!(splitter.in_flight(&canary), 1);
    assert!(!splitter.wait_drained(&canary, Duration::from_millis(20)), "a lease is still out");

    let released = Arc::new(AtomicBool::new(false));
    let waiter = {
        let (splitter, canary, released) = (Arc::clone(&splitter), canary.clone(), Arc::clone(&released));
        thread::spawn(move || {
            assert!(splitter.wait_drained(&canary, Duration::from_secs(60)));
            assert!(released.load(Ordering::SeqCst), "declared drained while the lease was out");
        })
    };
    thread::sleep(Duration::from_millis(20));
    released.store(true, Ordering::SeqCst);
    drop(lease);
    waiter.join().unwrap();
}

#[test]
fn leases_outlive_their_splitter_and_end_anywhere() {
    let long = VersionId::new("a-version-with-a-name-that-is-not-short@2026-11-26").unwrap();
    let splitter = HashSplitter::new("gone", &Weights::all(&long));
    splitter.open_block(&[].into_iter().collect(), &Arc::new(UserShares::new(UserCap::None)));
    let leases: Vec<_> = (0..100).map(|_| splitter.route(&Request::new())).collect();
    drop(splitter);
    let enders: Vec<_> = (leases.into_iter())
        .map(|lease| {
            let long = long.clone();
            thread::spawn(move || {
                assert_eq!(lease.version(), &long);
                assert!(!lease.is_cancelled());
                lease.finish(Outcome::ok());
            })
        })
        .collect();
    for ender in enders {
        ender.join().unwrap();
    }
}

#[tokio::test]
async fn a_cancellation_reaches_the_holder_and_the_retry_is_on_the_version_that_stays() {
    let (stable, canary) = (VersionId::new("stable").unwrap(), VersionId::new("canary").unwrap());
    let splitter = Arc::new(HashSplitter::new("cancel", &Weights::all(&stable)));
    splitter.admit(&canary);
    splitter.set_weights(&Weights::all(&canary)).unwrap();
    assert!(splitter.cancel(&canary).is_err(), "it still gets traffic");

    let lease = splitter.route(&Request::new().sticky_key("u1"));
    let holder = {
        let splitter = Arc::clone(&splitter);
        tokio::spawn(async move {
            lease.cancelled().await;
            splitter.retry(lease)
        })
    };
    let blocking = splitter.route(&Request::new().sticky_key("u2"));
    assert!(!blocking.wait_cancelled(Duration::from_millis(5)));

    splitter.roll_back(&canary).unwrap();
    assert_eq!(splitter.cancel(&canary).unwrap(), 2);
    assert!(blocking.wait_cancelled(Duration::from_secs(60)));
    assert_eq!(splitter.retry(blocking).version(), &stable);
    assert_eq!(holder.await.unwrap().version(), &stable);
    splitter.drained(&canary).await;

    splitter.admit(&canary);
    splitter.set_weights(&Weights::all(&canary)).unwrap();
    assert!(!splitter.route(&Request::new()).is_cancelled(), "a version that comes back starts afresh");
}
