//! Bells that outlive what they announce: whoever counts the last request as ended rings afterwards, when the version may be
//! gone already.

use std::ops::Deref;

use crossbeam_utils::CachePadded;
use parking_lot::Mutex;

use super::bell::Bell;

/// Bells of versions that are gone. A late ring on one that is in use again wakes its sleepers, who look and sleep on.
static FREE: Mutex<Vec<&'static CachePadded<Bell>>> = Mutex::new(Vec::new());

/// A bell that is never freed, only used again: there are as many as there were versions at one time.
#[derive(Debug)]
pub(crate) struct LastingBell(&'static CachePadded<Bell>);

impl LastingBell {
    pub(crate) fn new() -> Self {
        let used = FREE.lock().pop();
        Self(used.unwrap_or_else(|| Box::leak(Box::new(CachePadded::new(Bell::new())))))
    }

    /// The bell, to ring it whenever that may be.
    pub(crate) fn to_ring(&self) -> &'static Bell {
        self.0
    }
}

impl Deref for LastingBell {
    type Target = Bell;

    fn deref(&self) -> &Bell {
        self.0
    }
}

impl Drop for LastingBell {
    fn drop(&mut self) {
        FREE.lock().push(self.0);
    }
}
