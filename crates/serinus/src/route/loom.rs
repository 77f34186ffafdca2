//! The epoch protocol and the bell under loom, which tries every interleaving:
//! `RUSTFLAGS="--cfg loom" cargo test -p serinus --lib --release loom`.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::bell::Bell;
use super::counted::{Awaited, Owner};
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
                    flight.ended.count();
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
                        flight.ended.count();
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
                flight.ended.count();
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

/// Counted on as a stripe is. `content` is looked at by whoever has the value and changed by its end, and loom finds any two
/// of these that are not in order; `kept` is one of loom's, which finds what is never freed.
struct Value {
    content: loom::cell::UnsafeCell<u64>,
    ended: &'static Bell,
    kept: Arc<()>,
}

impl Value {
    fn new(kept: &Arc<()>) -> Self {
        let ended: &'static Bell = Box::leak(Box::new(Bell::new()));
        Self { content: loom::cell::UnsafeCell::new(7), ended, kept: Arc::clone(kept) }
    }

    fn look(&self) {
        self.content.with(|_| ());
    }
}

impl Awaited for Value {
    fn ended(&self) -> &'static Bell {
        self.ended
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.content.with_mut(|_| ());
        assert!(Arc::strong_count(&self.kept) > 1, "freed twice");
    }
}

/// Two requests that end on threads of their own while the last owner goes: whoever is last frees the value, once, and only
/// after everybody has looked at it for the last time.
#[test]
fn what_requests_count_on_is_freed_once_and_by_the_last() {
    loom::model(|| {
        let (kept, epoch) = (Arc::new(()), Epoch::new());
        let owner = Owner::new(Value::new(&kept));
        let requests = [Reason::Sticky, Reason::Pinned].map(|reason| owner.begin(reason, &epoch, 0).unwrap());
        let threads = requests.map(|request| {
            thread::spawn(move || {
                request.look();
                drop(request);
            })
        });
        owner.look();
        drop(owner);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(Arc::strong_count(&kept), 1, "the value is gone with the last of its holders");
    });
}

/// A thread begins a request, hands it on and goes; the registry looks whether it is the only one left.
#[test]
fn an_owner_that_is_alone_has_nobody_beside_it() {
    loom::model(|| {
        let kept = Arc::new(());
        let registry = Owner::new(Value::new(&kept));
        let cache = registry.clone();
        let router = thread::spawn(move || {
            let request = cache.begin(Reason::Sticky, &Epoch::new(), 0).unwrap();
            drop(cache);
            request.look();
        });
        if registry.is_alone() {
            // In order after all that others have done.
            registry.content.with_mut(|_| ());
        }
        drop(registry);
        router.join().unwrap();
        assert_eq!(Arc::strong_count(&kept), 1);
    });
}

/// A request whose table has moved takes its count back, and keeps nothing alive.
#[test]
fn a_request_that_is_taken_back_holds_nothing() {
    loom::model(|| {
        let (kept, epoch) = (Arc::new(()), Arc::new(Epoch::new()));
        let registry = Owner::new(Value::new(&kept));
        let cache = registry.clone();
        let router = {
            let epoch = Arc::clone(&epoch);
            thread::spawn(move || drop(cache.begin(Reason::Sticky, &epoch, 0)))
        };
        epoch.advance_to(1);
        drop(registry);
        router.join().unwrap();
        assert_eq!(Arc::strong_count(&kept), 1);
    });
}
