//! The epoch protocol and the bell under loom, which tries every interleaving:
//! `RUSTFLAGS="--cfg loom" cargo test -p serinus --lib --release loom`.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::bell::Bell;
use super::flight::{Epoch, Flight};
use super::request::Reason;

/// A router and a drainer. Whatever the order: if the drainer declares the version drained, no lease of the old table
/// is handed out afterwards.
#[test]
fn no_lease_after_drained() {
    loom::model(|| {
        let epoch = Arc::new(Epoch::new());
        let flight = Arc::new(Flight::new());
        let drained = Arc::new(AtomicBool::new(false));

        let router = {
            let (epoch, flight, drained) = (Arc::clone(&epoch), Arc::clone(&flight), Arc::clone(&drained));
            thread::spawn(move || {
                let seen = epoch.current();
                if seen == 0 && flight.begin(Reason::Sticky, &epoch, seen) {
                    // The lease is out: the version must not be declared drained before it ends.
                    assert!(!drained.load(Ordering::SeqCst), "a lease was handed out after the drain");
                    flight.end();
                }
            })
        };

        epoch.advance_to(1);
        if flight.in_flight() == 0 {
            drained.store(true, Ordering::SeqCst);
        }
        router.join().unwrap();
        assert_eq!(flight.in_flight(), 0);
    });
}

/// Two routers that share no counter, as threads do, and one drainer that sums over both.
#[test]
fn no_lease_after_drained_over_two_stripes() {
    loom::model(|| {
        let epoch = Arc::new(Epoch::new());
        let flights = [Arc::new(Flight::new()), Arc::new(Flight::new())];
        let drained = Arc::new(AtomicBool::new(false));
        let routers: Vec<_> = (flights.iter().cloned())
            .map(|flight| {
                let (epoch, drained) = (Arc::clone(&epoch), Arc::clone(&drained));
                thread::spawn(move || {
                    if flight.begin(Reason::Sticky, &epoch, 0) {
                        assert!(!drained.load(Ordering::SeqCst), "a lease was handed out after the drain");
                        flight.end();
                    }
                })
            })
            .collect();
        epoch.advance_to(1);
        if flights.iter().map(|flight| flight.in_flight()).sum::<u64>() == 0 {
            drained.store(true, Ordering::SeqCst);
        }
        routers.into_iter().for_each(|router| router.join().unwrap());
    });
}

/// The last request's end always wakes the one who waits for it.
#[test]
fn the_bell_loses_no_wake_up() {
    loom::model(|| {
        let flight = Arc::new(Flight::new());
        let epoch = Epoch::new();
        assert!(flight.begin(Reason::Sticky, &epoch, 0));
        let bell = Arc::new(Bell::new());
        let holder = {
            let (flight, bell) = (Arc::clone(&flight), Arc::clone(&bell));
            thread::spawn(move || {
                flight.end();
                bell.ring();
            })
        };
        assert!(bell.wait(None, || flight.in_flight() == 0));
        holder.join().unwrap();
    });
}

/// A request beyond its user's share, and one who counts how many are out. What is out is never counted too low.
#[test]
fn a_capped_request_is_never_missed_among_those_that_count() {
    loom::model(|| {
        let flight = Arc::new(Flight::new());
        let epoch = Arc::new(Epoch::new());
        assert!(flight.begin(Reason::Sticky, &epoch, 0));
        let router = {
            let (flight, epoch) = (Arc::clone(&flight), Arc::clone(&epoch));
            thread::spawn(move || {
                if flight.begin(Reason::Sticky, &epoch, 0) {
                    flight.cap();
                }
            })
        };
        // The first request counts and is out all the time.
        assert!(flight.counting() >= 1);
        router.join().unwrap();
        assert_eq!((flight.counting(), flight.capped()), (1, 1));
    });
}
