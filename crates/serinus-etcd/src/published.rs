//! What the controller publishes and every router follows, as one value.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serinus::model::VersionId;
use serinus::observe::UserCap;
use serinus::route::RoutingTable;

/// All that the routers of a model must agree on. Written by the controller alone, in one piece.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Published {
    pub(crate) table: RoutingTable,
    /// The block of evidence that requests belong to, if they leave any.
    pub(crate) recording: Option<Recording>,
    /// How many blocks have been opened. Numbers are never given twice, whoever leads.
    pub(crate) blocks: u64,
    /// Evidence up to and including this block has been taken in.
    pub(crate) discarded: Option<u64>,
    /// Versions that have left and whose requests are to stop and begin again elsewhere.
    pub(crate) cancelled: BTreeSet<VersionId>,
    /// How many times users' shares of the evidence have begun anew.
    pub(crate) shares: u64,
}

/// How requests leave evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Recording {
    pub(crate) block: u64,
    /// The names of the signals, in the order in which they are counted.
    pub(crate) signals: Vec<String>,
    /// A user's share on one router.
    pub(crate) cap: UserCap,
}

impl Published {
    pub(crate) fn first(table: RoutingTable) -> Self {
        Self { table, recording: None, blocks: 0, discarded: None, cancelled: BTreeSet::new(), shares: 0 }
    }
}

/// Who leads. The key is gone when nobody does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Leader {
    pub(crate) name: String,
    pub(crate) epoch: u64,
}
