//! How far a block of requests has come, and what it has left behind.

use crate::observe::ArmEvidence;

/// How many requests of one block went to one version, and how many of them are still out. Only requests whose version
/// chance alone chose are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turnout {
    /// Requests routed.
    pub arrivals: u64,
    /// Those that have not ended.
    pub unfinished: u64,
}

/// What the requests of one block to one version have left behind so far. Only requests whose version chance alone
/// chose are counted.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Requests routed.
    pub arrivals: u64,
    /// What those that have ended left.
    pub evidence: ArmEvidence,
}

impl Tally {
    /// Requests that have not ended.
    pub fn unfinished(&self) -> u64 {
        self.arrivals.saturating_sub(self.evidence.ended())
    }
}
