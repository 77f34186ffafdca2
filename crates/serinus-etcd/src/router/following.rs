//! What a router follows, and what it does when there is nothing to follow any more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serinus::observe::{UserCap, UserShares};
use serinus::route::{HashSplitter, RoutingTable, TrafficSplitter};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tracing::{error, info, warn};

use super::RouterStatus;
use crate::codec;
use crate::follow::Change;
use crate::keys::Keys;
use crate::published::{Leader, Published, Recording};
use crate::signals::KnownSignals;

/// What a router's tasks share.
pub(super) struct Shared {
    pub(super) name: String,
    pub(super) incarnation: String,
    pub(super) splitter: HashSplitter,
    pub(super) signals: KnownSignals,
    pub(super) publish_every: Duration,
    pub(super) fall_back_after: Option<Duration>,
    pub(super) following: Mutex<Following>,
    /// There is something to tell at once.
    pub(super) wake: Notify,
    pub(super) runtime: Handle,
}

/// What a router knows of the fleet.
pub(super) struct Following {
    /// What is published, without what this router does on its own.
    table: RoutingTable,
    recording: Option<Recording>,
    cancelled: BTreeSet<serinus::model::VersionId>,
    pub(super) applied: i64,
    shares: Option<(u64, Arc<UserShares>)>,
    leader: Option<Leader>,
    /// When it was last known that somebody leads.
    led_at: Instant,
    confirmed_at: Instant,
    fallen_back: bool,
    pub(super) unknown_signals: Vec<String>,
    /// Blocks whose evidence has not been taken in.
    pub(super) blocks: BTreeSet<u64>,
    problem: Option<String>,
    pub(super) lease: Option<i64>,
    pub(super) closed: bool,
}

impl Following {
    pub(super) fn new(table: RoutingTable, now: Instant) -> Self {
        Self {
            table,
            recording: None,
            cancelled: BTreeSet::new(),
            applied: 0,
            shares: None,
            leader: None,
            led_at: now,
            confirmed_at: now,
            fallen_back: false,
            unknown_signals: Vec::new(),
            blocks: BTreeSet::new(),
            problem: None,
            lease: None,
            closed: false,
        }
    }

    pub(super) fn staleness(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.confirmed_at)
    }

    fn shares(&mut self, generation: u64, cap: UserCap) -> Arc<UserShares> {
        match &self.shares {
            Some((known, shares)) if *known == generation && shares.cap() == cap => Arc::clone(shares),
            _ => {
                let shares = Arc::new(UserShares::new(cap));
                self.shares = Some((generation, Arc::clone(&shares)));
                shares
            }
        }
    }
}

impl Shared {
    /// Puts a publication in force. Tells at once if requests go elsewhere than before.
    pub(super) fn apply(self: &Arc<Self>, published: Published, revision: i64) {
        let mut following = self.following.lock();
        let moved = following.table != published.table || following.cancelled != published.cancelled;
        following.applied = revision;
        following.table = published.table;
        following.cancelled = published.cancelled;
        following.problem = None;
        if let Some(discarded) = published.discarded {
            following.blocks.retain(|block| *block > discarded);
            self.splitter.discard_blocks_through(discarded);
        }
        if let Some(recording) = &published.recording {
            following.blocks.insert(recording.block);
            following.shares(published.shares, recording.cap);
        }
        following.recording = published.recording;
        let now = Instant::now();
        following.led_at = now;
        if std::mem::take(&mut following.fallen_back) {
            // Somebody leads, and is heard.
            following.confirmed_at = now;
        }
        self.route_as_published(&mut following);
        drop(following);
        if moved {
            self.wake.notify_one();
        }
    }

    fn route_as_published(self: &Arc<Self>, following: &mut Following) {
        let (table, shares) = (following.table.clone(), following.shares.clone());
        match (&following.recording, shares) {
            (Some(recording), Some((_, shares))) => {
                let (signals, unknown) = self.signals.named(&recording.signals);
                if unknown != following.unknown_signals && !unknown.is_empty() {
                    error!(target: "serinus::fleet", router = self.name, ?unknown, "signals are not known here and not counted");
                }
                following.unknown_signals = unknown;
                self.follow(table, Some((recording.block, &signals, &shares)));
            }
            _ => self.follow(table, None),
        }
        for version in &following.cancelled {
            // One that is served again is not cancelled.
            let _ = self.splitter.cancel(version);
        }
    }

    /// Follows a table, and tells when the versions that it no longer serves have drained.
    fn follow(
        self: &Arc<Self>,
        table: RoutingTable,
        block: Option<(u64, &serinus::observe::Signals, &Arc<UserShares>)>,
    ) {
        let before = self.splitter.table();
        let left: Vec<_> = before.serving().filter(|version| !table.serves(version)).cloned().collect();
        self.splitter.follow(table, block);
        for version in left {
            let shared = Arc::clone(self);
            self.runtime.spawn(async move {
                shared.splitter.drained(&version).await;
                shared.wake.notify_one();
            });
        }
    }

    /// Takes in what happened to the control keys; whether to go on listening.
    pub(super) fn hear(self: &Arc<Self>, keys: &Keys, change: &Change<'_>) -> bool {
        match change {
            Change::All(all, _) => {
                if !all.iter().any(|kv| kv.key() == keys.leader().as_bytes()) {
                    self.lead(None);
                }
                all.iter().for_each(|kv| self.heard(keys, kv));
            }
            Change::Put(kv) => self.heard(keys, kv),
            Change::Gone(kv) if kv.key() == keys.leader().as_bytes() => self.lead(None),
            Change::Gone(_) => {}
        }
        !self.following.lock().closed
    }

    fn heard(self: &Arc<Self>, keys: &Keys, kv: &etcd_client::KeyValue) {
        if kv.key() == keys.leader().as_bytes() {
            match codec::decode::<Leader>(&keys.leader(), kv.value()) {
                Ok(leader) => self.lead(Some(leader)),
                Err(error) => self.cannot_read(&error.to_string()),
            }
        } else if kv.key() == keys.state().as_bytes() && kv.mod_revision() > self.following.lock().applied {
            self.take(keys, kv);
        }
    }

    /// Applies the published state as it was read.
    pub(super) fn take(self: &Arc<Self>, keys: &Keys, kv: &etcd_client::KeyValue) {
        match codec::decode::<Published>(&keys.state(), kv.value()) {
            Ok(published) => self.apply(published, kv.mod_revision()),
            Err(error) => self.cannot_read(&error.to_string()),
        }
    }

    fn cannot_read(&self, problem: &str) {
        error!(target: "serinus::fleet", router = self.name, problem, "the last table is kept");
        self.following.lock().problem = Some(problem.to_owned());
    }

    fn lead(&self, leader: Option<Leader>) {
        let mut following = self.following.lock();
        if leader.is_some() || following.leader.is_some() {
            following.led_at = Instant::now();
        }
        following.leader = leader;
    }

    /// etcd has said, at a time not before `asked_at`, that this router follows the latest publication.
    pub(super) fn confirm(self: &Arc<Self>, asked_at: Instant, was_cut_off: Duration) {
        let mut following = self.following.lock();
        let staleness = following.staleness(asked_at);
        following.confirmed_at = following.confirmed_at.max(asked_at);
        if following.leader.is_some() {
            following.led_at = following.led_at.max(asked_at);
        }
        if staleness > was_cut_off {
            info!(target: "serinus::fleet", router = self.name, staleness_s = staleness.as_secs_f64(), "back in touch with etcd");
        }
        let unwatched = self.fall_back_after.is_some_and(|after| following.led_at.elapsed() >= after);
        if following.fallen_back && !unwatched {
            following.fallen_back = false;
            self.route_as_published(&mut following);
            info!(target: "serinus::fleet", router = self.name, "follows the published table again");
        }
    }

    /// Falls back to the stable version when the fleet has not been heard of for too long.
    pub(super) async fn stand_by(self: Arc<Self>, after: Duration) {
        let period = (after / 8).clamp(Duration::from_millis(10), Duration::from_secs(1));
        loop {
            tokio::time::sleep(period).await;
            let mut following = self.following.lock();
            if following.closed {
                return;
            }
            let alone = following.staleness(Instant::now()).max(following.led_at.elapsed());
            let stable = following.table.stable().clone();
            if following.fallen_back || alone < after || following.table.weights().of(&stable) >= 1.0 {
                continue;
            }
            following.fallen_back = true;
            self.follow(all_stable(&following.table), None);
            warn!(target: "serinus::fleet", router = self.name, %stable, alone_s = alone.as_secs_f64(), "fell back to the stable version");
        }
    }

    pub(super) fn close(&self) {
        self.following.lock().closed = true;
        self.wake.notify_one();
    }

    pub(super) fn status(&self) -> RouterStatus {
        let following = self.following.lock();
        RouterStatus {
            incarnation: self.incarnation.clone(),
            applied: following.applied,
            staleness: following.staleness(Instant::now()),
            controller: following.leader.as_ref().map(|leader| leader.name.clone()),
            fallen_back: following.fallen_back,
            unknown_signals: following.unknown_signals.clone(),
            problem: following.problem.clone(),
        }
    }
}

/// The table without its canaries.
fn all_stable(table: &RoutingTable) -> RoutingTable {
    let others: Vec<_> = table.serving().filter(|version| *version != table.stable()).cloned().collect();
    others.iter().fold(table.clone(), |table, canary| table.rolled_back(canary).unwrap_or(table))
}
