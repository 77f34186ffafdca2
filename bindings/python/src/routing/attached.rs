//! The reviewer that a splitter's requests are sampled for.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::RwLock;
use pyo3::prelude::*;
use serinus::judge::Ticket;
use serinus::route::Lease;

use crate::judge::Reviewer;

/// The reviewer of a splitter, if there is one. Its lock is held for no longer than it takes to count a request, and never by
/// a thread that waits for the interpreter.
#[derive(Default)]
pub(super) struct Attached {
    is_there: AtomicBool,
    reviewer: RwLock<Option<Py<Reviewer>>>,
    /// Requests that came without an id.
    unnamed: AtomicU64,
}

impl Attached {
    pub(super) fn set(&self, reviewer: Option<Py<Reviewer>>) {
        let mut current = self.reviewer.write();
        self.is_there.store(reviewer.is_some(), Ordering::Relaxed);
        let before = std::mem::replace(&mut *current, reviewer);
        drop(current);
        // Its end may run Python.
        drop(before);
    }

    pub(super) fn get(&self, py: Python<'_>) -> Option<Py<Reviewer>> {
        self.reviewer.read().as_ref().map(|reviewer| reviewer.clone_ref(py))
    }

    /// A ticket, if the request is sampled. Without a reviewer one load.
    #[inline]
    pub(super) fn ticket(&self, lease: &Lease, request_id: Option<&str>) -> Option<Ticket> {
        if self.is_there.load(Ordering::Relaxed) { self.ask(lease, request_id) } else { None }
    }

    #[cold]
    fn ask(&self, lease: &Lease, request_id: Option<&str>) -> Option<Ticket> {
        let reviewer = self.reviewer.read();
        let reviewer = reviewer.as_ref()?.get().here()?;
        match request_id {
            Some(id) => reviewer.ticket(lease, id),
            None => reviewer.ticket(lease, itoa::Buffer::new().format(self.unnamed.fetch_add(1, Ordering::Relaxed))),
        }
    }
}
