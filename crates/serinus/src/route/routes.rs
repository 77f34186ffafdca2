//! A routing table made ready for the request path: names resolved to slots, arcs to bounds.

use std::collections::HashMap;
use std::sync::Arc;

use super::arcs::Arcs;
use super::hash::Seed;
use super::table::RoutingTable;
use super::token::{Pin, TokenId};
use super::version::Version;
use crate::model::VersionId;
use crate::observe::{Signals, UserShares};

/// A version's place in [`Routes::versions`].
pub(super) type Slot = usize;

/// The block of evidence that requests belong to.
#[derive(Clone, Debug)]
pub(super) struct OpenBlock {
    pub(super) number: u64,
    pub(super) signals: Signals,
    pub(super) shares: Arc<UserShares>,
}

#[derive(Debug)]
pub(super) struct Routes {
    /// The epoch of the publication; not the table's revision, for a new block of evidence is published too.
    pub(super) epoch: u64,
    pub(super) table: Arc<RoutingTable>,
    pub(super) block: Option<OpenBlock>,
    pub(super) versions: Vec<Arc<Version>>,
    pub(super) seed: Seed,
    arcs: Arcs,
    overrides: HashMap<String, Slot>,
}

/// What a session token came to.
pub(super) enum Pinned {
    To(Slot),
    Outdated,
}

impl Routes {
    pub(super) fn new(
        epoch: u64,
        table: Arc<RoutingTable>,
        block: Option<OpenBlock>,
        versions: Vec<Arc<Version>>,
    ) -> Self {
        // Every owner is among the versions: a table names served versions only.
        let slot = |id: &VersionId| versions.iter().position(|version| version.id == *id).unwrap_or(0);
        let arcs = Arcs::new(table.circle().arcs().map(|(_, end, owner)| (end, slot(owner))));
        let overrides = table.overrides().map(|(category, version)| (category.to_owned(), slot(version))).collect();
        Self { epoch, seed: Seed::new(table.salt()), arcs, overrides, block, versions, table }
    }

    #[inline]
    pub(super) fn owner(&self, point: u32) -> Slot {
        self.arcs.owner(point)
    }

    pub(super) fn named(&self, version: &str) -> Option<Slot> {
        self.versions.iter().position(|served| served.id.as_str() == version)
    }

    pub(super) fn overridden(&self, category: &str) -> Option<Slot> {
        if self.overrides.is_empty() { None } else { self.overrides.get(category).copied() }
    }

    pub(super) fn pinned(&self, pin: Pin) -> Pinned {
        let named = |id: TokenId| self.versions.iter().position(|served| served.token_id == id);
        match named(pin.version) {
            Some(slot) if pin.pin_epoch == self.table.pin_epoch() => Pinned::To(slot),
            _ => Pinned::Outdated,
        }
    }
}
