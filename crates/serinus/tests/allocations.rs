//! The request path allocates nothing once its thread has the table: counted by an allocator of this binary's own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use serinus::model::VersionId;
use serinus::observe::{Errors, Failures, Outcome, Signal, Signals, UserCap, UserShares};
use serinus::route::{HashSplitter, Reason, Request, TrafficSplitter, Weights};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's, with a count of what this thread asks of it.
struct Counting;

#[expect(unsafe_code, reason = "an allocator is an unsafe trait")]
// SAFETY: passes everything on to the system's allocator, and counts without allocating.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as the caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as the caller promised.
        unsafe { System.realloc(place, layout, size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count();
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    // A thread that is ending has no counter any more.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

/// Allocations and deallocations of this thread during `work`.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

fn id(name: &str) -> VersionId {
    VersionId::new(name).unwrap()
}

/// `v2` with 5% of the traffic, and a version whose name is long.
fn splitter() -> HashSplitter {
    let splitter = HashSplitter::new("chat", &Weights::all(&id("v1")));
    splitter.admit(&id("v2"));
    splitter.admit(&id("a-version-with-a-name-that-is-not-short@2026-11-26"));
    splitter.set_weights(&Weights::split(&id("v1"), &id("v2"), 0.05).unwrap()).unwrap();
    splitter
}

fn record(splitter: &HashSplitter, cap: UserCap) {
    let signals: Signals = [Arc::new(Errors) as Arc<dyn Signal>, Arc::new(Failures)].into_iter().collect();
    splitter.open_block(&signals, &Arc::new(UserShares::new(cap)));
}

/// Ends leases in each way, and reads off them what a host does.
fn serve(splitter: &HashSplitter, request: &Request<'_>, reason: Reason) {
    let outcome = Outcome::ok().latency_ms(830.0).ttft_ms(41.0).tokens(212).passed(true);
    for _ in 0..50 {
        let lease = splitter.route(request);
        assert_eq!(lease.reason(), reason);
        assert!(!lease.is_cancelled());
        drop(lease.version().clone());
        lease.session_token();
        lease.finish(outcome);
        splitter.route(request).abandon(outcome);
        drop(splitter.route(request));
    }
}

fn assert_free(splitter: &HashSplitter, request: &Request<'_>, reason: Reason) {
    // A version's first sample makes its histograms. Of 2,000 draws at 5% one is on the canary but for 1 in 10^44 times.
    (0..40).for_each(|_| serve(splitter, request, reason));
    assert_eq!(allocations(|| serve(splitter, request, reason)), 0, "{request:?}");
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 2);
}

#[test]
fn a_request_allocates_nothing_whether_or_not_it_is_recorded() {
    let sticky = Request::new().sticky_key("8f14e45f-ceea-467f-a8c6-000000000042");
    let splitter = splitter();
    assert_free(&splitter, &sticky, Reason::Sticky);
    assert_free(&splitter, &Request::new(), Reason::Weighted);
    record(&splitter, UserCap::None);
    assert_free(&splitter, &sticky, Reason::Sticky);
    assert_free(&splitter, &Request::new(), Reason::Weighted);
    record(&splitter, UserCap::default());
    assert_free(&splitter, &sticky, Reason::Sticky);
}

#[test]
fn a_request_that_names_its_version_allocates_nothing() {
    let splitter = splitter();
    splitter.set_category_override("coding", &id("v2")).unwrap();
    record(&splitter, UserCap::default());
    let token = splitter.route(&Request::new()).session_token().to_string();
    assert_free(&splitter, &Request::new().force_version("v2"), Reason::Forced);
    let long = "a-version-with-a-name-that-is-not-short@2026-11-26";
    assert_free(&splitter, &Request::new().force_version(long), Reason::Forced);
    assert_free(&splitter, &Request::new().force_version("unknown"), Reason::Weighted);
    assert_free(&splitter, &Request::new().session_token(token.as_str()), Reason::Pinned);
    assert_free(&splitter, &Request::new().session_token("forged"), Reason::Weighted);
    assert_free(&splitter, &Request::new().category("coding"), Reason::Category);
}

#[test]
fn to_ask_for_a_users_version_allocates_nothing() {
    let splitter = splitter();
    splitter.version_for("u42");
    assert_eq!(allocations(|| (0..50).for_each(|_| drop(splitter.version_for("u42")))), 0);
}
