//! What a request does: it chooses a version by what its thread keeps of the table, and counts itself there.

use std::cell::RefCell;
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::HashSplitter;
use crate::route::counted::Owner;
use crate::route::hash::Seed;
use crate::route::ignored::{self, Ignored};
use crate::route::request::Reason;
use crate::route::routes::{Pinned, Routes, Slot};
use crate::route::stripe::Stripe;
use crate::route::{Lease, Request, SessionToken};

/// What a thread keeps between requests.
pub(super) struct Cache {
    /// The routes' own, to have them at hand.
    epoch: u64,
    seed: Seed,
    pub(super) routes: Arc<Routes>,
    /// This thread's counters, one for each of the routes' versions.
    stripes: Vec<Owner<Stripe>>,
    rng: SmallRng,
    ignored: Arc<CachePadded<Ignored>>,
}

impl Cache {
    fn new(routes: Arc<Routes>, ignored: Arc<CachePadded<Ignored>>) -> Self {
        let rng = SmallRng::seed_from_u64(rand::random());
        Self { epoch: routes.epoch, seed: routes.seed, routes, stripes: Vec::new(), rng, ignored }
    }

    fn follow(&mut self, routes: Arc<Routes>, stripes: Vec<Owner<Stripe>>) {
        (self.epoch, self.seed) = (routes.epoch, routes.seed);
        (self.routes, self.stripes) = (routes, stripes);
    }

    /// The place of a sticky key on the circle, or a random one.
    #[inline]
    pub(super) fn point(&mut self, sticky_key: Option<&str>) -> (u32, Reason) {
        match sticky_key {
            Some(key) => (self.seed.point(key), Reason::Sticky),
            None => (self.rng.next_u32(), Reason::Weighted),
        }
    }

    #[inline]
    pub(super) fn owner(&self, sticky_key: &str) -> &Owner<Stripe> {
        &self.stripes[self.routes.owner(self.seed.point(sticky_key))]
    }
}

impl HashSplitter {
    #[inline]
    pub(super) fn with_cache<T>(&self, use_it: impl FnOnce(&mut Cache) -> T) -> T {
        let cell = self.threads.get().unwrap_or_else(|| self.enter());
        let mut cache = cell.borrow_mut();
        if cache.epoch != self.epoch.current() {
            self.refresh(&mut cache);
        }
        use_it(&mut cache)
    }

    /// Makes this thread's cache.
    #[cold]
    fn enter(&self) -> &CachePadded<RefCell<Cache>> {
        self.threads.get_or(|| {
            let routes = Arc::clone(&self.routes.read());
            let mut cache = Cache::new(routes, self.registry.lock().add_thread());
            self.refresh(&mut cache);
            CachePadded::new(RefCell::new(cache))
        })
    }

    #[cold]
    fn refresh(&self, cache: &mut Cache) {
        let routes = Arc::clone(&self.routes.read());
        let (pin_epoch, block) = (routes.table.pin_epoch(), routes.block.as_ref());
        let stripe_of = |version| match cache.stripes.iter().find(|stripe| stripe.serves(version, pin_epoch, block)) {
            Some(stripe) => stripe.clone(),
            None => self.register(Stripe::new(Arc::clone(version), pin_epoch, block)),
        };
        let stripes = routes.versions.iter().map(stripe_of).collect();
        cache.follow(routes, stripes);
    }

    fn register(&self, stripe: Stripe) -> Owner<Stripe> {
        let stripe = Owner::new(stripe);
        self.registry.lock().add(&stripe);
        stripe
    }

    /// Takes a lease for what `choose` says: again, if the table moved between the choice and the count.
    #[inline]
    pub(super) fn lease_by(&self, choose: impl Fn(&mut Cache) -> (Slot, Reason, u32)) -> Lease {
        let take = || {
            self.with_cache(|cache| {
                let (slot, reason, point) = choose(cache);
                self.begin(cache, slot, reason, point)
            })
        };
        take().unwrap_or_else(|| again(take))
    }

    /// Counts a request, unless the table has moved.
    #[inline]
    pub(super) fn begin(&self, cache: &Cache, slot: Slot, reason: Reason, point: u32) -> Option<Lease> {
        let request = cache.stripes[slot].begin(reason, &self.epoch, cache.epoch)?;
        Some(Lease::new(request, reason, point))
    }

    #[inline]
    pub(super) fn choose(&self, cache: &mut Cache, request: &Request<'_>) -> (Slot, Reason, u32) {
        let plain = request.force_version.is_none() && request.session_token.is_none() && request.category.is_none();
        let (point, by_point) = cache.point(request.sticky_key);
        if !plain && let Some((slot, reason)) = self.chosen_by_name(cache, request) {
            return (slot, reason, point);
        }
        (cache.routes.owner(point), by_point, point)
    }

    #[inline(never)]
    fn chosen_by_name(&self, cache: &Cache, request: &Request<'_>) -> Option<(Slot, Reason)> {
        if let Some(version) = request.force_version {
            if let Some(slot) = cache.routes.named(version) {
                return Some((slot, Reason::Forced));
            }
            ignored::count(&cache.ignored.forces);
        }
        if let Some(slot) = request.session_token.and_then(|token| self.pinned(cache, token)) {
            return Some((slot, Reason::Pinned));
        }
        let overridden = request.category.and_then(|category| cache.routes.overridden(category));
        overridden.map(|slot| (slot, Reason::Category))
    }

    fn pinned(&self, cache: &Cache, token: &str) -> Option<Slot> {
        let pin = token.parse::<SessionToken>().ok().and_then(|token| token.open(&self.token_key));
        let Some(pin) = pin else {
            ignored::count(&cache.ignored.forged_tokens);
            return None;
        };
        match cache.routes.pinned(pin) {
            Pinned::To(slot) => Some(slot),
            Pinned::Outdated => {
                ignored::count(&cache.ignored.outdated_tokens);
                None
            }
        }
    }
}

/// Out of the way of those that succeed at once.
#[cold]
fn again(take: impl Fn() -> Option<Lease>) -> Lease {
    loop {
        if let Some(lease) = take() {
            return lease;
        }
    }
}
