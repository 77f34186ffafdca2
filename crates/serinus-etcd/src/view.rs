//! The fleet as its controller sees it: who is there, what each has applied, and what all requests have left.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use serinus::model::VersionId;
use serinus::route::{SplitterStats, Tally, Turnout};
use tracing::{error, warn};

use crate::codec;
use crate::evidence::{Part, Presence};
use crate::follow::Change;
use crate::keys::{Keys, RouterKey};

/// What is known of the fleet.
#[derive(Debug)]
pub(crate) struct View {
    fleet: Mutex<Fleet>,
    changed: Condvar,
    /// For tasks on any runtime.
    changes: tokio::sync::watch::Sender<()>,
}

#[derive(Debug, Default)]
pub(crate) struct Fleet {
    /// All that routers wrote up to this revision is in here.
    seen: i64,
    live: BTreeMap<String, Presence>,
    /// By block and router.
    parts: BTreeMap<u64, BTreeMap<String, Part>>,
    /// Evidence up to and including this block has been taken in.
    discarded: Option<u64>,
    closed: bool,
}

impl View {
    pub(crate) fn new() -> Self {
        Self { fleet: Mutex::default(), changed: Condvar::new(), changes: tokio::sync::watch::Sender::new(()) }
    }

    /// Takes in what happened to the routers' keys; whether to go on listening.
    pub(crate) fn hear(&self, keys: &Keys, change: &Change<'_>) -> bool {
        let mut fleet = self.fleet.lock();
        match change {
            Change::All(all, revision) => {
                (fleet.live, fleet.parts) = (BTreeMap::new(), BTreeMap::new());
                all.iter().for_each(|kv| fleet.put(keys, kv));
                fleet.seen = *revision;
            }
            Change::Put(kv) => fleet.put(keys, kv),
            Change::Gone(kv) => fleet.gone(keys, kv),
        }
        let goes_on = !fleet.closed;
        drop(fleet);
        self.changed.notify_all();
        self.changes.send_replace(());
        goes_on
    }

    pub(crate) fn close(&self) {
        self.fleet.lock().closed = true;
    }

    pub(crate) fn look<T>(&self, at: impl FnOnce(&Fleet) -> T) -> T {
        at(&self.fleet.lock())
    }

    /// Waits until something holds of the fleet, or the time is up; says whether it holds.
    pub(crate) fn wait(&self, timeout: Duration, holds: impl Fn(&Fleet) -> bool) -> bool {
        let begun = Instant::now();
        let mut fleet = self.fleet.lock();
        while !holds(&fleet) {
            if self.changed.wait_for(&mut fleet, timeout.saturating_sub(begun.elapsed())).timed_out() {
                return holds(&fleet);
            }
        }
        true
    }

    /// Resolves when something holds of the fleet.
    pub(crate) async fn until(&self, holds: impl Fn(&Fleet) -> bool) {
        let mut changes = self.changes.subscribe();
        while !self.look(&holds) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    pub(crate) fn discard_through(&self, block: u64) {
        let mut fleet = self.fleet.lock();
        fleet.discarded = fleet.discarded.max(Some(block));
        fleet.parts.retain(|known, _| *known > block);
    }
}

impl Fleet {
    fn put(&mut self, keys: &Keys, kv: &etcd_client::KeyValue) {
        self.seen = self.seen.max(kv.mod_revision());
        let Ok(key) = kv.key_str() else { return };
        match keys.parse(key) {
            Some(RouterKey::Live { incarnation }) => match codec::decode::<Presence>(key, kv.value()) {
                Ok(presence) => self.present(incarnation, presence),
                Err(unreadable) => error!(target: "serinus::fleet", %unreadable, "a router is not understood"),
            },
            Some(RouterKey::Evidence { block, .. }) if Some(block) <= self.discarded => {}
            Some(RouterKey::Evidence { block, incarnation }) => match codec::decode::<Part>(key, kv.value()) {
                Ok(part) => {
                    self.parts.entry(block).or_default().insert(incarnation.to_owned(), part);
                }
                Err(unreadable) => error!(target: "serinus::fleet", %unreadable, "evidence is left out"),
            },
            None => {}
        }
    }

    fn present(&mut self, incarnation: &str, presence: Presence) {
        let (router, unknown) = (presence.name.clone(), presence.unknown_signals.clone());
        let before = self.live.insert(incarnation.to_owned(), presence);
        if !unknown.is_empty() && before.is_none_or(|before| before.unknown_signals != unknown) {
            error!(target: "serinus::fleet", router, ?unknown, "a router does not know these signals and does not count them");
        }
    }

    fn gone(&mut self, keys: &Keys, kv: &etcd_client::KeyValue) {
        self.seen = self.seen.max(kv.mod_revision());
        let Ok(key) = kv.key_str() else { return };
        match keys.parse(key) {
            Some(RouterKey::Live { incarnation }) => {
                if let Some(presence) = self.live.remove(incarnation) {
                    let in_flight: u64 = presence.stats.versions.values().map(|version| version.in_flight).sum();
                    warn!(target: "serinus::fleet", router = presence.name, incarnation, in_flight, "a router is gone");
                }
            }
            Some(RouterKey::Evidence { block, incarnation }) => {
                if let Some(parts) = self.parts.get_mut(&block) {
                    parts.remove(incarnation);
                }
            }
            None => {}
        }
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = (&str, &Presence)> {
        self.live.iter().map(|(incarnation, presence)| (incarnation.as_str(), presence))
    }

    pub(crate) fn has_seen(&self, revision: i64) -> bool {
        self.seen >= revision
    }

    /// Whether every router that is there follows this publication, or a later one.
    pub(crate) fn follows(&self, revision: i64) -> bool {
        self.seen >= revision && self.live.values().all(|presence| presence.applied >= revision)
    }

    /// The routers that are there and have not said that they follow it.
    pub(crate) fn behind(&self, revision: i64) -> Vec<String> {
        let behind = self.live.values().filter(|presence| presence.applied < revision);
        behind.map(|presence| presence.name.clone()).collect()
    }

    pub(crate) fn in_flight(&self, version: &VersionId) -> u64 {
        let of = |presence: &Presence| presence.stats.versions.get(version).map_or(0, |stats| stats.in_flight);
        self.live.values().map(of).sum()
    }

    /// How far a block has come. A router that has died finishes none of its requests any more; one that may still give
    /// requests to a closed block keeps it unfinished, as one request of `waits_for` would.
    pub(crate) fn turnout(&self, block: u64, closed: Option<(i64, &VersionId)>) -> BTreeMap<VersionId, Turnout> {
        let mut turnouts: BTreeMap<VersionId, Turnout> = BTreeMap::new();
        for (incarnation, part) in self.parts.get(&block).into_iter().flatten() {
            let lives = self.live.contains_key(incarnation);
            for (version, tally) in part {
                let turnout = turnouts.entry(version.clone()).or_default();
                turnout.arrivals += if lives { tally.arrivals } else { tally.evidence.ended() };
                turnout.unfinished += if lives { tally.unfinished() } else { 0 };
            }
        }
        if let Some((_, waits_for)) = closed.filter(|(revision, _)| !self.follows(*revision)) {
            turnouts.entry(waits_for.clone()).or_default().unfinished += 1;
        }
        turnouts
    }

    /// What all routers' requests of a block have left. The requests that a router had not finished when it died are left out,
    /// of both versions: what ended them was not the version.
    pub(crate) fn tally(&self, block: u64) -> BTreeMap<VersionId, Tally> {
        let mut tallies: BTreeMap<VersionId, Tally> = BTreeMap::new();
        for (incarnation, part) in self.parts.get(&block).into_iter().flatten() {
            for (version, tally) in part {
                let merged = tallies.entry(version.clone()).or_default();
                merged.merge(tally);
                if !self.live.contains_key(incarnation) {
                    merged.arrivals -= tally.unfinished();
                }
            }
        }
        tallies
    }

    /// Where requests went, on all routers that are there.
    pub(crate) fn stats(&self) -> SplitterStats {
        let mut sum = SplitterStats::default();
        for presence in self.live.values() {
            sum.forged_tokens += presence.stats.forged_tokens;
            sum.outdated_tokens += presence.stats.outdated_tokens;
            sum.ignored_forces += presence.stats.ignored_forces;
            for (version, stats) in &presence.stats.versions {
                let version = sum.versions.entry(version.clone()).or_default();
                version.count += stats.count;
                version.in_flight += stats.in_flight;
                for (reason, count) in &stats.by_reason {
                    *version.by_reason.entry(*reason).or_default() += count;
                }
            }
        }
        sum
    }
}
