//! How far a block of requests has come, and what it has left behind.

use serde::{Deserialize, Serialize};

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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Requests routed that are evidence: chance alone chose their version, and they are within their user's share.
    pub arrivals: u64,
    /// Requests routed by chance that are beyond their user's share.
    pub capped: u64,
    /// What those of `arrivals` that have ended left.
    pub evidence: ArmEvidence,
}

impl Tally {
    /// Adds what another router's requests of the same block to the same version have left.
    pub fn merge(&mut self, other: &Self) {
        self.arrivals = self.arrivals.saturating_add(other.arrivals);
        self.capped = self.capped.saturating_add(other.capped);
        self.evidence.merge(&other.evidence);
    }

    /// Requests that have not ended.
    pub fn unfinished(&self) -> u64 {
        self.arrivals.saturating_sub(self.evidence.ended())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{End, Outcome};

    #[test]
    fn two_routers_parts_make_the_whole_also_as_text() {
        let signals = std::iter::empty().collect();
        let part = |arrivals, latency_ms| {
            let mut tally = Tally { arrivals, capped: 1, ..Tally::default() };
            tally.evidence.record(&End::Finished(Outcome::ok().latency_ms(latency_ms)), &signals);
            tally
        };
        let mut whole = part(3, 10.0);
        let sent = serde_json::to_string(&part(2, 900.0)).unwrap();
        whole.merge(&serde_json::from_str(&sent).unwrap());
        assert_eq!((whole.arrivals, whole.capped, whole.unfinished()), (5, 2, 3));
        assert_eq!(whole.evidence.total().latency().quantile(1.0), Some(900.0));
    }
}
