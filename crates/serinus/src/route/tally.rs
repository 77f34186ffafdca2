//! What one block of requests has left behind so far.

use crate::observe::ArmEvidence;

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
        let ended = self.evidence.finished() + self.evidence.abandoned() + self.evidence.cancelled();
        self.arrivals.saturating_sub(ended)
    }
}
