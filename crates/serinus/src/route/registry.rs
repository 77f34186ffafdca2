//! All versions that have leases, and all stripes that count them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use super::counted::Owner;
use super::ignored::Ignored;
use super::request::Reason;
use super::stats::VersionStats;
use super::stripe::{Recording, Stripe};
use super::tally::{Tally, Turnout};
use super::version::Version;
use crate::model::VersionId;

#[derive(Debug, Default)]
pub(super) struct Registry {
    entries: Vec<Entry>,
    /// Evidence up to and including this block has been taken; its stripes may go.
    discarded: Option<u64>,
    /// Of each thread that has routed.
    ignored: Vec<Arc<CachePadded<Ignored>>>,
}

/// One version from admission to withdrawal. A version that is admitted again gets another entry, so that a
/// cancellation reaches the leases of the earlier time only.
#[derive(Debug)]
struct Entry {
    version: Arc<Version>,
    serving: bool,
    stripes: Vec<Owner<Stripe>>,
    /// Requests of stripes that are gone.
    past: [u64; Reason::COUNT],
}

impl Entry {
    fn in_flight(&self) -> u64 {
        self.stripes.iter().map(|stripe| stripe.flight().in_flight()).sum()
    }
}

impl Registry {
    /// The entry of a version that is served, made if need be.
    pub(super) fn serve(&mut self, id: &VersionId, make: impl FnOnce() -> Version) -> Arc<Version> {
        if let Some(entry) = self.entries.iter().find(|entry| entry.serving && entry.version.id == *id) {
            return Arc::clone(&entry.version);
        }
        self.prune();
        let past = self.take_past(id);
        let version = Arc::new(make());
        self.entries.push(Entry { version: Arc::clone(&version), serving: true, stripes: Vec::new(), past });
        version
    }

    /// Marks every version as leaving that `serves` does not name.
    pub(super) fn keep_serving(&mut self, serves: impl Fn(&VersionId) -> bool) {
        for entry in &mut self.entries {
            entry.serving &= serves(&entry.version.id);
        }
    }

    pub(super) fn add(&mut self, stripe: &Owner<Stripe>) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| Arc::ptr_eq(&entry.version, &stripe.version)) {
            entry.stripes.push(stripe.clone());
        }
    }

    pub(super) fn add_thread(&mut self) -> Arc<CachePadded<Ignored>> {
        let ignored = Arc::default();
        self.ignored.push(Arc::clone(&ignored));
        ignored
    }

    /// What all threads have ignored of one kind.
    pub(super) fn ignored(&self, kind: impl Fn(&Ignored) -> &AtomicU64) -> u64 {
        self.ignored.iter().map(|ignored| kind(ignored).load(Ordering::Relaxed)).sum()
    }

    pub(super) fn versions(&self, id: &VersionId) -> Vec<Arc<Version>> {
        self.named(id).map(|entry| Arc::clone(&entry.version)).collect()
    }

    /// The versions of this name that are leaving, with the stripes of each.
    pub(super) fn leaving(&self, id: &VersionId) -> Vec<(Arc<Version>, Vec<Owner<Stripe>>)> {
        let leaving = self.named(id).filter(|entry| !entry.serving);
        leaving.map(|entry| (Arc::clone(&entry.version), entry.stripes.clone())).collect()
    }

    pub(super) fn in_flight(&self, id: &VersionId) -> u64 {
        self.named(id).map(Entry::in_flight).sum()
    }

    /// Requests in flight of one time of service of a version, whose end its bell announces.
    pub(super) fn in_flight_of(&self, version: &Arc<Version>) -> u64 {
        let entry = self.entries.iter().find(|entry| Arc::ptr_eq(&entry.version, version));
        entry.map_or(0, Entry::in_flight)
    }

    pub(super) fn turnout(&self, block: u64) -> BTreeMap<VersionId, Turnout> {
        let mut turnouts: BTreeMap<VersionId, Turnout> = BTreeMap::new();
        for (stripe, recording) in self.stripes_of(block) {
            // The ended ones first, so that none ends uncounted between the two.
            let ended = recording.evidence.lock().ended();
            let arrivals = stripe.flight().counting();
            let turnout = turnouts.entry(stripe.version.id.clone()).or_default();
            turnout.arrivals += arrivals;
            turnout.unfinished += arrivals.saturating_sub(ended);
        }
        turnouts
    }

    pub(super) fn tally(&self, block: u64) -> BTreeMap<VersionId, Tally> {
        let mut tallies: BTreeMap<VersionId, Tally> = BTreeMap::new();
        for (stripe, recording) in self.stripes_of(block) {
            let tally = tallies.entry(stripe.version.id.clone()).or_default();
            tally.evidence.merge(&recording.evidence.lock());
            tally.capped += stripe.flight().capped();
            tally.arrivals += stripe.flight().counting();
        }
        tallies
    }

    fn stripes_of(&self, block: u64) -> impl Iterator<Item = (&Owner<Stripe>, &Recording)> {
        let stripes = self.entries.iter().flat_map(|entry| &entry.stripes);
        let recorded = stripes.filter_map(|stripe| Some((stripe, stripe.recording.as_ref()?)));
        recorded.filter(move |(_, recording)| recording.block == block)
    }

    pub(super) fn discard_through(&mut self, block: u64) {
        self.discarded = self.discarded.max(Some(block));
        self.prune();
    }

    pub(super) fn stats(&self) -> BTreeMap<VersionId, VersionStats> {
        let mut stats: BTreeMap<VersionId, VersionStats> = BTreeMap::new();
        for entry in &self.entries {
            let version = stats.entry(entry.version.id.clone()).or_default();
            version.in_flight += entry.in_flight();
            for reason in Reason::ALL {
                let count = entry.past[reason as usize]
                    + entry.stripes.iter().map(|stripe| stripe.flight().started(reason)).sum::<u64>();
                version.count += count;
                if count > 0 {
                    *version.by_reason.entry(reason).or_default() += count;
                }
            }
        }
        stats
    }

    /// Drops stripes that nobody can count on any more, and keeps what they had counted. A stripe that only the registry
    /// holds has no lease and is in no thread's cache.
    fn prune(&mut self) {
        let discarded = self.discarded;
        for entry in &mut self.entries {
            let past = &mut entry.past;
            entry.stripes.retain(|stripe| {
                let taken = stripe.recording.as_ref().is_none_or(|recording| Some(recording.block) <= discarded);
                let keep = !taken || !stripe.is_alone();
                if !keep {
                    for reason in Reason::ALL {
                        past[reason as usize] += stripe.flight().started(reason);
                    }
                }
                keep
            });
        }
    }

    /// Drops the entries of a version's earlier times of service that are over, and gives what they had counted.
    fn take_past(&mut self, id: &VersionId) -> [u64; Reason::COUNT] {
        let mut past = [0; Reason::COUNT];
        self.entries.retain(|entry| {
            let over = entry.version.id == *id && !entry.serving && entry.stripes.is_empty();
            if over {
                past.iter_mut().zip(entry.past).for_each(|(sum, count)| *sum += count);
            }
            !over
        });
        past
    }

    fn named<'a>(&'a self, id: &'a VersionId) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.version.id == *id)
    }
}
