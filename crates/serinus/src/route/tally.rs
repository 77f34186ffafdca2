//! How far a block of requests has come, and what it has left behind.

use crate::observe::ArmEvidence;

/// How many requests of one block went to one version, and how many of them are still out. Only requests that are evidence
/// are counted: those whose version chance alone chose, within their user's share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turnout {
    /// Requests routed.
    pub arrivals: u64,
    /// Those that have not ended.
    pub unfinished: u64,
}

/// What the requests of one block to one version have left behind so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Requests routed that are evidence: chance alone chose their version, and they are within their user's share.
    pub arrivals: u64,
    /// Requests routed by chance that are beyond their user's share.
    pub capped: u64,
    /// What those of `arrivals` that have ended left.
    pub evidence: ArmEvidence,
}

impl Tally {
    /// Requests that have not ended.
    pub fn unfinished(&self) -> u64 {
        self.arrivals.saturating_sub(self.evidence.ended())
    }
}
