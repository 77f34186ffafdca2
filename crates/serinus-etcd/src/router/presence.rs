//! What a router publishes: that it is there, what it has applied, and what its requests have left.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_client::{GetOptions, PutOptions, ResponseHeader, Txn, TxnOp, TxnOpResponse};
use serinus::route::TrafficSplitter;
use tracing::warn;

use super::following::Shared;
use crate::codec;
use crate::connection::{Link, Pauses};
use crate::error::FleetError;
use crate::evidence::{Part, Presence};

/// Evidence is written in transactions of at most this many keys and bytes; etcd's own limits are 128 and 1.5 MB.
const MOST_KEYS: usize = 64;
const MOST_BYTES: usize = 512 * 1024;

/// How much before a third of its time a lease may be renewed, so that the publication in which it is due does it.
const RENEWED_EARLY: Duration = Duration::from_millis(50);

/// A router's publications.
pub(super) struct Session {
    shared: Arc<Shared>,
    link: Link,
    renewed_at: Option<Instant>,
    /// What was last written of each block.
    written: BTreeMap<u64, Part>,
    present: Option<Presence>,
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, link: Link) -> Self {
        Self { shared, link, renewed_at: None, written: BTreeMap::new(), present: None }
    }

    /// Publishes for as long as the router is there.
    pub(super) async fn run(mut self) {
        let mut pauses = Pauses::new();
        let (mut in_touch, mut is_woken) = (true, false);
        let mut publish_at = Instant::now() + self.shared.publish_every;
        while !self.shared.following.lock().closed {
            let is_due = is_woken || Instant::now() >= publish_at;
            let done = if is_due { self.publish().await } else { self.lease().await.map(|_| ()) };
            let renewal = self.link.options.ttl / 3;
            let wait = match done {
                Ok(()) => {
                    (pauses, in_touch) = (Pauses::new(), true);
                    if is_due {
                        publish_at = Instant::now() + self.shared.publish_every;
                    }
                    publish_at.saturating_duration_since(Instant::now()).min(renewal)
                }
                Err(error) => {
                    if std::mem::take(&mut in_touch) {
                        warn!(target: "serinus::fleet", router = self.shared.name, %error, "out of touch: the last table is kept");
                    }
                    publish_at = Instant::now(); // with the next attempt
                    pauses.next().min(renewal)
                }
            };
            // A wake-up that came meanwhile is kept.
            is_woken = tokio::time::timeout(wait, self.shared.wake.notified()).await.is_ok();
        }
    }

    /// Renews the lease, writes what is new, and asks whether what is followed is the latest.
    pub(super) async fn publish(&mut self) -> Result<(), FleetError> {
        let lease = self.lease().await?;
        // What is applied is read first: all that older blocks will ever hold of arrivals is in the evidence read after it.
        let (applied, blocks, unknown_signals) = {
            let following = self.shared.following.lock();
            (following.applied, following.blocks.clone(), following.unknown_signals.clone())
        };
        self.write_evidence(blocks.iter().copied()).await?;
        let (name, stats) = (self.shared.name.clone(), self.shared.splitter.stats());
        let presence = Presence { name, applied, stats, unknown_signals };
        self.write_presence(lease, presence).await
    }

    /// The lease in force, or another one.
    async fn lease(&mut self) -> Result<i64, FleetError> {
        let asked_at = Instant::now();
        let lease = self.shared.following.lock().lease;
        if let (Some(lease), Some(renewed_at)) = (lease, self.renewed_at) {
            if renewed_at.elapsed() + RENEWED_EARLY < self.link.options.ttl / 3 {
                return Ok(lease);
            }
            if self.link.renew(lease).await? {
                self.renewed_at = Some(asked_at);
                return Ok(lease);
            }
            warn!(target: "serinus::fleet", router = self.shared.name, "the lease had run out");
        }
        if self.shared.following.lock().closed {
            return Err(FleetError::Thread("the router has left".to_owned()));
        }
        let lease = self.link.grant().await?;
        self.shared.following.lock().lease = Some(lease);
        (self.renewed_at, self.present) = (Some(asked_at), None);
        self.written.clear(); // etcd may have lost it
        Ok(lease)
    }

    async fn write_evidence(&mut self, blocks: impl Iterator<Item = u64>) -> Result<(), FleetError> {
        let mut parts: BTreeMap<u64, Part> = blocks.map(|block| (block, self.shared.splitter.tally(block))).collect();
        self.written.retain(|block, _| parts.contains_key(block));
        parts.retain(|block, part| !part.is_empty() && self.written.get(block) != Some(part));
        let (mut batch, mut bytes) = (BTreeMap::new(), 0);
        for (block, part) in parts {
            let key = self.link.keys.evidence(block, &self.shared.incarnation);
            let value = codec::encode(&key, &part)?;
            if batch.len() == MOST_KEYS || (bytes + value.len() > MOST_BYTES && !batch.is_empty()) {
                self.write_batch(std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
            bytes += value.len();
            batch.insert(block, (key, value, part));
        }
        if batch.is_empty() { Ok(()) } else { self.write_batch(batch).await }
    }

    async fn write_batch(&mut self, batch: BTreeMap<u64, (String, Vec<u8>, Part)>) -> Result<(), FleetError> {
        let puts: Vec<_> =
            batch.values().map(|(key, value, _)| TxnOp::put(key.as_str(), value.clone(), None)).collect();
        self.link.txn(Txn::new().and_then(puts)).await?;
        self.written.extend(batch.into_iter().map(|(block, (_, _, part))| (block, part)));
        Ok(())
    }

    async fn write_presence(&mut self, lease: i64, presence: Presence) -> Result<(), FleetError> {
        let (state, asked_at) = (self.link.keys.state(), Instant::now());
        let mut ops = vec![TxnOp::get(state.as_str(), Some(GetOptions::new().with_keys_only()))];
        if self.present.as_ref() != Some(&presence) {
            let key = self.link.keys.live(&self.shared.incarnation);
            let value = codec::encode(&key, &presence)?;
            ops.push(TxnOp::put(key, value, Some(PutOptions::new().with_lease(lease))));
        }
        let answer = match self.link.txn(Txn::new().and_then(ops)).await {
            Ok(answer) => answer,
            Err(error) => {
                // The lease may be what is wrong: it is looked at before the next attempt.
                self.renewed_at = self.renewed_at.and_then(|at| at.checked_sub(self.link.options.ttl));
                return Err(error);
            }
        };
        self.present = Some(presence);
        let latest = answer.op_responses().into_iter().find_map(|response| match response {
            TxnOpResponse::Get(got) => Some(got.kvs().first().map_or(0, etcd_client::KeyValue::mod_revision)),
            _ => None,
        });
        let now = answer.header().map_or(0, ResponseHeader::revision);
        if latest.is_some_and(|latest| latest != self.shared.following.lock().applied) {
            self.catch_up(now).await?;
        }
        self.shared.confirm(asked_at, self.link.options.ttl);
        Ok(())
    }

    /// Reads what is published: the watch is late, or broken, or etcd has lost revisions that it had told of.
    async fn catch_up(&self, now: i64) -> Result<(), FleetError> {
        let read = self.link.get(&self.link.keys.state(), GetOptions::new()).await?;
        if let Some(kv) = read.kvs().first() {
            let applied = self.shared.following.lock().applied;
            if kv.mod_revision() > applied || now < applied {
                self.shared.take(&self.link.keys, kv);
            }
        }
        Ok(())
    }
}
