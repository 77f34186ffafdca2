//! What a router tells of itself and of its requests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serinus::model::VersionId;
use serinus::route::{SplitterStats, Tally};

/// A router that is there: under its lease, so that the key goes when the router does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Presence {
    pub(crate) name: String,
    /// The revision of the published state that its requests follow. All that they left in blocks closed by then was written
    /// before this.
    pub(crate) applied: i64,
    pub(crate) stats: SplitterStats,
    /// Signals that it was to count and does not know.
    pub(crate) unknown_signals: Vec<String>,
}

/// What one router's requests of one block have left so far, by version. Each writing replaces the one before, and a router
/// that begins anew writes under another key: adding all of them up counts nothing twice. Not under a lease: what was
/// measured stays when its router dies.
pub(crate) type Part = BTreeMap<VersionId, Tally>;
