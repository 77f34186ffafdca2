//! What a request does: it chooses a version by what its thread keeps of the table, and counts itself there.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_utils::CachePadded;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::HashSplitter;
use crate::route::lease::{Recording, Stripe, Version};
use crate::route::request::Reason;
use crate::route::routes::{OpenBlock, Pinned, Routes, Slot};
use crate::route::{Lease, Request, SessionToken};

/// What a thread keeps between requests.
pub(super) struct Cache {
    pub(super) routes: Arc<Routes>,
    /// This thread's counters, one for each of the routes' versions.
    stripes: Vec<Arc<Stripe>>,
    pub(super) rng: SmallRng,
}

impl HashSplitter {
    #[inline]
    pub(super) fn with_cache<T>(&self, use_it: impl FnOnce(&mut Cache) -> T) -> T {
        let cell = self.threads.get_or(|| CachePadded::new(RefCell::new(self.first_cache())));
        let mut cache = cell.borrow_mut();
        if cache.routes.epoch != self.epoch.current() {
            self.refresh(&mut cache);
        }
        use_it(&mut cache)
    }

    #[cold]
    fn first_cache(&self) -> Cache {
        let rng = SmallRng::seed_from_u64(rand::random());
        let mut cache = Cache { routes: Arc::clone(&self.routes.read()), stripes: Vec::new(), rng };
        self.refresh(&mut cache);
        cache
    }

    #[cold]
    fn refresh(&self, cache: &mut Cache) {
        cache.routes = Arc::clone(&self.routes.read());
        let block = cache.routes.block.as_ref();
        let old = std::mem::take(&mut cache.stripes);
        let fits = |stripe: &Stripe, version: &Arc<Version>| {
            let recorded = stripe.recording.as_ref().map(|recording| recording.block);
            Arc::ptr_eq(&stripe.version, version) && recorded == block.map(|block| block.number)
        };
        let stripe_of = |version| match old.iter().find(|stripe| fits(stripe, version)) {
            Some(stripe) => Arc::clone(stripe),
            None => self.new_stripe(version, block),
        };
        cache.stripes = cache.routes.versions.iter().map(stripe_of).collect();
    }

    fn new_stripe(&self, version: &Arc<Version>, block: Option<&OpenBlock>) -> Arc<Stripe> {
        let recording = block.map(|block| Recording {
            block: block.number,
            signals: block.signals.clone(),
            shares: Arc::clone(&block.shares),
            evidence: parking_lot::Mutex::default(),
        });
        let stripe = Arc::new(Stripe::new(Arc::clone(version), recording));
        self.registry.lock().add(&stripe);
        stripe
    }

    /// Takes a lease for what `choose` says: again, if the table moved between the choice and the count.
    #[inline]
    pub(super) fn lease_by(&self, choose: impl Fn(&mut Cache, &Self) -> (Option<Slot>, Reason, u32)) -> Option<Lease> {
        loop {
            let lease = self.with_cache(|cache| {
                let (slot, reason, point) = choose(cache, self);
                let Some(stripe) = slot.and_then(|slot| cache.stripes.get(slot)) else {
                    return Some(None);
                };
                let counted = stripe.begin(reason, &self.epoch, cache.routes.epoch);
                let pin_epoch = cache.routes.table.pin_epoch();
                counted.then(|| Some(Lease::new(Arc::clone(stripe), reason, point, pin_epoch)))
            });
            if let Some(lease) = lease {
                return lease;
            }
        }
    }

    #[inline]
    pub(super) fn choose(&self, cache: &mut Cache, request: &Request<'_>) -> (Slot, Reason, u32) {
        let routes = &cache.routes;
        let (point, by_point) = match request.sticky_key {
            Some(key) => (routes.sticky(key), Reason::Sticky),
            None => (cache.rng.next_u32(), Reason::Weighted),
        };
        if let Some((slot, reason)) = self.chosen_by_name(routes, request) {
            return (slot, reason, point);
        }
        (routes.owner(point), by_point, point)
    }

    #[inline]
    fn chosen_by_name(&self, routes: &Routes, request: &Request<'_>) -> Option<(Slot, Reason)> {
        if let Some(version) = request.force_version {
            if let Some(slot) = routes.named(version) {
                return Some((slot, Reason::Forced));
            }
            self.ignored_forces.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(slot) = request.session_token.and_then(|token| self.pinned(routes, token)) {
            return Some((slot, Reason::Pinned));
        }
        let overridden = request.category.and_then(|category| routes.overridden(category));
        overridden.map(|slot| (slot, Reason::Category))
    }

    fn pinned(&self, routes: &Routes, token: &str) -> Option<Slot> {
        let pin = token.parse::<SessionToken>().ok().and_then(|token| token.open(&self.token_key));
        let Some(pin) = pin else {
            self.forged_tokens.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        match routes.pinned(pin) {
            Pinned::To(slot) => Some(slot),
            Pinned::Outdated => {
                self.outdated_tokens.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }
}
