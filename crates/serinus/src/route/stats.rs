//! Where requests really went.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Reason;
use crate::model::VersionId;

/// Where requests went since the splitter was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitterStats {
    /// By version: all that are or were served.
    pub versions: BTreeMap<VersionId, VersionStats>,
    /// Session tokens that this service's key did not make: forged, garbled, or made under another key.
    pub forged_tokens: u64,
    /// Session tokens of an earlier pin epoch, or of a version that is no longer served.
    pub outdated_tokens: u64,
    /// Requests that asked for a version that is not served.
    pub ignored_forces: u64,
}

/// Where one version stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VersionStats {
    /// Requests routed to it.
    pub count: u64,
    /// Requests begun and not ended.
    pub in_flight: u64,
    /// Its share of all requests routed so far, in [0, 1].
    pub actual_fraction: f64,
    /// Its share as configured, in [0, 1].
    pub configured_weight: f64,
    /// Its requests by the reason that sent them there.
    pub by_reason: BTreeMap<Reason, u64>,
}
