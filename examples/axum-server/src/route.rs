//! Which version answers a request, and what became of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;

/// Sends every request to one version, which can be changed at any time.
#[derive(Debug, Clone)]
pub struct Router {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    version: RwLock<Arc<str>>,
    answered: AtomicU64,
    errors: AtomicU64,
    wrong: AtomicU64,
}

/// A request's permission to use a version. Dropped without [`Lease::finish`], its user went away.
#[derive(Debug)]
pub struct Lease {
    router: Router,
    version: Arc<str>,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// From the request's arrival to the end of its answer.
    pub latency: Duration,
    /// From the request's arrival to the first token, if one came.
    pub ttft: Option<Duration>,
    /// Tokens of the answer.
    pub tokens: u32,
    /// Whether no answer could be given.
    pub error: bool,
    /// Whether the answer is right, where that is known.
    pub passed: Option<bool>,
}

/// Counts since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Requests that got an answer.
    pub answered: u64,
    /// Requests that got none.
    pub errors: u64,
    /// Answers known to be wrong.
    pub wrong: u64,
}

impl Router {
    /// Sends everything to `version`.
    pub fn to(version: &str) -> Self {
        let version = RwLock::new(Arc::from(version));
        let (answered, errors, wrong) = Default::default();
        Self { shared: Arc::new(Shared { version, answered, errors, wrong }) }
    }

    /// Sends everything that comes from here on to `version`.
    pub fn set(&self, version: &str) {
        *self.shared.version.write() = Arc::from(version);
    }

    /// Chooses the version for a request. The sticky key has no say while there is one version only.
    pub fn route(&self, _sticky_key: Option<&str>) -> Lease {
        Lease { router: self.clone(), version: Arc::clone(&self.shared.version.read()) }
    }

    /// What became of all requests so far.
    pub fn counts(&self) -> Counts {
        let Shared { answered, errors, wrong, .. } = &*self.shared;
        let [answered, errors, wrong] = [answered, errors, wrong].map(|count| count.load(Ordering::Relaxed));
        Counts { answered, errors, wrong }
    }
}

impl Lease {
    /// The version that shall answer.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Records what became of the request.
    pub fn finish(self, outcome: Outcome) {
        let Shared { answered, errors, wrong, .. } = &*self.router.shared;
        if outcome.error { errors } else { answered }.fetch_add(1, Ordering::Relaxed);
        wrong.fetch_add(u64::from(outcome.passed == Some(false)), Ordering::Relaxed);
    }

    /// A lease for the same request after its version was cancelled.
    pub fn retry(self) -> Self {
        self.router.route(None)
    }
}
