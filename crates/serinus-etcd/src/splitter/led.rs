//! What a controller publishes, and the one way in which it does.

use std::collections::BTreeMap;
use std::sync::Arc;

use etcd_client::{Compare, CompareOp, DeleteOptions, ResponseHeader, Txn, TxnOp, TxnOpResponse};
use serinus::model::VersionId;
use serinus::observe::{Signals, UserCap, UserShares};
use serinus::route::{RoutingError, RoutingTable};

use crate::codec;
use crate::error::FleetError;
use crate::leadership::{Leadership, read};
pub(super) use crate::published::Published;
use crate::published::Recording;

/// How often a write is tried again on top of what is found.
const ATTEMPTS: u32 = 4;

/// What a controller has published.
pub(super) struct Led {
    pub(super) published: Published,
    /// The revision that it was published at.
    pub(super) revision: i64,
    /// Whether a write without an answer may have changed what is published, or may still do so.
    is_uncertain: bool,
    /// Since which publication versions are not served.
    pub(super) left: BTreeMap<VersionId, i64>,
    /// Since which publication blocks get no more requests.
    pub(super) closed: BTreeMap<u64, i64>,
    /// How requests are to leave evidence.
    pub(super) wanted: Option<Recording>,
    shares: Option<Arc<UserShares>>,
    generation: u64,
    blocks: u64,
    discarded: Option<u64>,
}

impl Led {
    /// What is published, or this table.
    pub(super) fn take_over(leadership: &Leadership, first: RoutingTable) -> Result<Self, FleetError> {
        leadership.check()?;
        let etcd = leadership.etcd();
        let (link, key) = (etcd.link().clone(), etcd.link().keys.state());
        let found = {
            let key = key.clone();
            etcd.wait(async move { read(&link, &key).await })?
        };
        let (published, revision) = match found {
            Some(kv) => (codec::decode::<Published>(&key, kv.value())?, kv.mod_revision()),
            None => (Published::first(first), 0),
        };
        let mut led = Self {
            revision,
            is_uncertain: false,
            left: BTreeMap::new(),
            closed: BTreeMap::new(),
            wanted: published.recording.clone(),
            shares: None,
            generation: published.shares,
            blocks: published.blocks,
            discarded: published.discarded,
            published,
        };
        if revision == 0 {
            led.write(leadership, &Published::clone)?;
        }
        Ok(led)
    }

    /// Publishes what `wanted` makes of what is published, unless that is what it is already: the revision.
    pub(super) fn publish(
        &mut self,
        leadership: &Leadership,
        wanted: impl Fn(&Published) -> Result<Published, RoutingError>,
    ) -> Result<i64, FleetError> {
        if self.is_uncertain {
            self.find_out(leadership)?;
        }
        if wanted(&self.published)? == self.published {
            return Ok(self.revision);
        }
        self.attempts(leadership, &wanted)
    }

    fn write(&mut self, leadership: &Leadership, wanted: &dyn Fn(&Published) -> Published) -> Result<i64, FleetError> {
        self.attempts(leadership, &|published| Ok(wanted(published)))
    }

    fn attempts(
        &mut self,
        leadership: &Leadership,
        wanted: &dyn Fn(&Published) -> Result<Published, RoutingError>,
    ) -> Result<i64, FleetError> {
        for _ in 0..ATTEMPTS {
            if let Err(lost @ FleetError::Deposed { .. }) = leadership.check() {
                return Err(lost);
            }
            let mut next = wanted(&self.published)?;
            next.discarded = next.discarded.max(self.discarded);
            match self.attempt(leadership, &next)? {
                Some(revision) => {
                    self.settle(next, revision);
                    return Ok(revision);
                }
                None if self.published == next => return Ok(self.revision),
                None => {}
            }
        }
        Err(FleetError::Refused("the published state is written by somebody else".to_owned()))
    }

    /// Publishes what is known once more: either it is found to have changed, or a write that is still under way comes too late.
    fn find_out(&mut self, leadership: &Leadership) -> Result<(), FleetError> {
        let known = self.published.clone();
        if let Some(revision) = self.attempt(leadership, &known)? {
            self.settle(known, revision);
        }
        Ok(())
    }

    /// One transaction. `None` if what is published is not what was thought: an earlier write, whose answer was lost, did
    /// succeed. That is known afterwards.
    fn attempt(&mut self, leadership: &Leadership, next: &Published) -> Result<Option<i64>, FleetError> {
        let (etcd, fence) = (leadership.etcd(), leadership.fence());
        let (link, keys) = (etcd.link().clone(), &etcd.link().keys);
        let state = keys.state();
        let unchanged = Compare::mod_revision(state.as_str(), CompareOp::Equal, self.revision);
        let puts =
            [TxnOp::put(state.as_str(), codec::encode(&state, next)?, None), TxnOp::put(keys.mark(), Vec::new(), None)];
        let reads = [TxnOp::get(keys.epoch(), None), TxnOp::get(state.as_str(), None)];
        let txn = Txn::new().when([fence.holds(&link), unchanged]).and_then(puts).or_else(reads);
        self.is_uncertain = true;
        let answer = match etcd.wait(async move { link.txn(txn).await }) {
            Ok(answer) => answer,
            Err(refused @ FleetError::Refused(_)) => {
                let carried_out = carried_out(leadership, next)?;
                self.is_uncertain = false;
                return if carried_out.is_some() { Ok(carried_out) } else { Err(refused) };
            }
            Err(error) => return Err(error),
        };
        self.is_uncertain = false;
        if answer.succeeded() {
            return Ok(Some(answer.header().map_or(0, ResponseHeader::revision)));
        }
        let mut found = answer.op_responses().into_iter().map(|response| match response {
            TxnOpResponse::Get(got) => got.kvs().first().cloned(),
            _ => None,
        });
        if found.next().flatten().is_none_or(|epoch| fence.is_broken_by(&epoch)) {
            return Err(leadership.deposed());
        }
        if let Some(kv) = found.next().flatten() {
            let published = codec::decode(&state, kv.value())?;
            self.settle(published, kv.mod_revision());
        }
        Ok(None)
    }

    fn settle(&mut self, published: Published, revision: i64) {
        let block = |published: &Published| published.recording.as_ref().map(|recording| recording.block);
        if let Some(closed) = block(&self.published).filter(|before| block(&published) != Some(*before)) {
            self.closed.insert(closed, revision);
        }
        (self.published, self.revision) = (published, revision);
    }

    /// The number of the block that requests are to belong to from here on. A user's share is divided among the routers, for
    /// each counts by itself.
    pub(super) fn next_block(&mut self, signals: &Signals, shares: &Arc<UserShares>, routers: usize) -> u64 {
        let same = self.shares.as_ref().is_some_and(|known| Arc::ptr_eq(known, shares));
        let cap = match &self.wanted {
            Some(recording) if same => recording.cap,
            _ => divided(shares.cap(), routers),
        };
        if !same {
            self.shares = Some(Arc::clone(shares));
            self.generation = self.generation.wrapping_add(1);
        }
        let signals = signals.iter().map(|signal| signal.name().to_owned()).collect();
        let block = self.blocks;
        self.blocks = self.blocks.saturating_add(1);
        self.wanted = Some(Recording { block, signals, cap });
        block
    }

    /// Whether requests do not yet leave evidence as they are to.
    pub(super) fn is_behind(&self) -> bool {
        self.published.recording != self.wanted
    }

    pub(super) fn publish_block(&mut self, leadership: &Leadership) -> Result<i64, FleetError> {
        let (recording, shares, blocks) = (self.wanted.clone(), self.generation, self.blocks);
        self.publish(leadership, |published| {
            let (recording, blocks) = (recording.clone(), blocks.max(published.blocks));
            Ok(Published { recording, blocks, shares, ..published.clone() })
        })
    }

    /// Lets the evidence of these blocks go: here, in etcd, and, with the next publication, on the routers.
    pub(super) fn discard_through(&mut self, leadership: &Leadership, block: u64) {
        self.discarded = self.discarded.max(Some(block));
        self.closed.retain(|closed, _| *closed > block);
        let (link, fence) = (leadership.etcd().link().clone(), leadership.fence());
        let (from, to) = link.keys.evidence_through(block);
        leadership.etcd().spawn(async move {
            let delete = TxnOp::delete(from, Some(DeleteOptions::new().with_range(to)));
            // What is left goes with the next blocks.
            let _ = fence.write(&link, vec![delete]).await;
        });
    }
}

/// The revision of a refused write that was carried out all the same: the one that uses up etcd's room is.
fn carried_out(leadership: &Leadership, next: &Published) -> Result<Option<i64>, FleetError> {
    let etcd = leadership.etcd();
    let (link, state) = (etcd.link().clone(), etcd.link().keys.state());
    let found = {
        let state = state.clone();
        etcd.wait(async move { read(&link, &state).await })?
    };
    match found {
        Some(kv) if codec::decode::<Published>(&state, kv.value())? == *next => Ok(Some(kv.mod_revision())),
        _ => Ok(None),
    }
}

/// A write that says nothing, and that only a leader can make: whoever has seen it has seen all before it.
pub(super) fn mark(leadership: &Leadership) -> Result<i64, FleetError> {
    let (etcd, fence) = (leadership.etcd(), leadership.fence());
    let link = etcd.link().clone();
    let answer = etcd.wait(async move {
        let put = TxnOp::put(link.keys.mark(), Vec::new(), None);
        link.txn(Txn::new().when([fence.holds(&link)]).and_then([put])).await
    })?;
    if answer.succeeded() { Ok(answer.header().map_or(0, ResponseHeader::revision)) } else { Err(leadership.deposed()) }
}

/// A user's share on each of some routers.
fn divided(cap: UserCap, routers: usize) -> UserCap {
    let UserCap::PerHour(most) = cap else { return cap };
    let share = usize::from(most.get()).div_ceil(routers.max(1));
    u8::try_from(share).ok().and_then(UserCap::per_hour).unwrap_or(cap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_share_is_divided_and_never_nothing() {
        let hourly = |most| UserCap::per_hour(most).unwrap();
        assert_eq!(divided(hourly(10), 4), hourly(3));
        assert_eq!(divided(hourly(10), 1_000), hourly(1));
        assert_eq!(divided(hourly(10), 0), hourly(10));
        assert_eq!((divided(UserCap::Once, 4), divided(UserCap::None, 4)), (UserCap::Once, UserCap::None));
    }
}
