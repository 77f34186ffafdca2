//! What one version did while the other had nothing to compare it with.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::observe::{Block, Count, Histogram};

/// How long one version's part waits for the other's. What is older is not concurrent any more: of the canary it is left out,
/// of the stable version it still teaches what that is like.
const LONGEST_WAIT: Duration = Duration::from_secs(900);

/// What is gathered of one version.
pub(super) trait Sample: Default {
    fn add(&mut self, other: Self);
    fn is_empty(&self) -> bool;
}

impl Sample for Count {
    fn add(&mut self, other: Self) {
        self.merge(other);
    }

    fn is_empty(&self) -> bool {
        self.trials() == 0
    }
}

impl Sample for Histogram {
    fn add(&mut self, other: Self) {
        self.merge(&other);
    }

    fn is_empty(&self) -> bool {
        self.count() == 0
    }
}

/// One stratum's part of a block. At least one of the versions has something in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Part<T> {
    pub(super) stratum: u8,
    pub(super) stable: T,
    pub(super) canary: T,
    since: Timestamp,
}

/// Parts of blocks that wait for the other version. What only few requests have (a sampled judgement, a rare stratum) is
/// missing on one version in many a block.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending<T>(Vec<Part<T>>);

impl<T: Sample> Pending<T> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a block's parts, and gives what is ready: parts with both versions in them, what the stable version did too long
    /// ago, and all that it did in a block in which the canary had no traffic.
    pub(super) fn add(
        &mut self,
        block: &Block,
        stable: impl Iterator<Item = (u8, T)>,
        canary: impl Iterator<Item = (u8, T)>,
    ) -> Vec<Part<T>> {
        let at = block.closed_at;
        if block.canary_arrivals == 0 && !block.reviews {
            let alone = |(stratum, stable)| Part { stratum, stable, canary: T::default(), since: at };
            return stable.map(alone).filter(|part| !part.stable.is_empty()).collect();
        }
        let is_old = |part: &Part<T>| at.since(part.since) >= LONGEST_WAIT;
        self.0.retain(|part| !(part.stable.is_empty() && is_old(part)));
        for (stratum, sample) in stable.filter(|(_, sample)| !sample.is_empty()) {
            self.part(stratum, at).stable.add(sample);
        }
        for (stratum, sample) in canary.filter(|(_, sample)| !sample.is_empty()) {
            self.part(stratum, at).canary.add(sample);
        }
        let ready = |part: &Part<T>| match (part.stable.is_empty(), part.canary.is_empty()) {
            (false, false) => true,
            (false, true) => is_old(part),
            (true, _) => false,
        };
        if self.0.iter().all(ready) {
            return std::mem::take(&mut self.0);
        }
        let (ready, waiting) = std::mem::take(&mut self.0).into_iter().partition(ready);
        self.0 = waiting;
        ready
    }

    fn part(&mut self, stratum: u8, at: Timestamp) -> &mut Part<T> {
        let place = self.0.iter().position(|part| part.stratum == stratum).unwrap_or_else(|| {
            self.0.push(Part { stratum, stable: T::default(), canary: T::default(), since: at });
            self.0.len() - 1
        });
        &mut self.0[place]
    }

    /// Under other shares, what one version did alone under the old ones has nothing to be compared with. Gives what the
    /// stable version did.
    pub(super) fn take_stable(&mut self) -> impl Iterator<Item = Part<T>> + use<T> {
        let parts = std::mem::take(&mut self.0).into_iter();
        parts.filter(|part| !part.stable.is_empty()).map(|part| Part { canary: T::default(), ..part })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(trials: u64) -> Count {
        Count::new(0, trials).unwrap()
    }

    fn add(
        pending: &mut Pending<Count>,
        minute: u32,
        stable: &[(u8, u64)],
        canary: &[(u8, u64)],
    ) -> Vec<(u8, u64, u64)> {
        let mut block = Block::empty(0, Timestamp::from_secs_f64(60.0 * f64::from(minute)));
        block.canary_arrivals = 1;
        let counts = |of: &[(u8, u64)]| of.iter().map(|(stratum, n)| (*stratum, count(*n))).collect::<Vec<_>>();
        let ready = pending.add(&block, counts(stable).into_iter(), counts(canary).into_iter());
        ready.iter().map(|part| (part.stratum, part.stable.trials(), part.canary.trials())).collect()
    }

    #[test]
    fn each_stratum_waits_for_both_versions() {
        let mut pending = Pending::new();
        assert_eq!(add(&mut pending, 0, &[(0, 90), (1, 10)], &[(0, 3)]), [(0, 90, 3)]);
        assert_eq!(add(&mut pending, 1, &[(0, 80), (1, 5)], &[(1, 1)]), [(1, 15, 1)]);
        assert_eq!(add(&mut pending, 2, &[], &[(0, 2)]), [(0, 80, 2)]);
    }

    #[test]
    fn neither_version_waits_for_ever() {
        let mut pending = Pending::new();
        assert_eq!(add(&mut pending, 0, &[(0, 90)], &[(1, 1), (2, 4)]), []);
        assert_eq!(add(&mut pending, 14, &[(0, 10), (2, 30)], &[]), [(2, 30, 4)]);
        assert_eq!(add(&mut pending, 15, &[(0, 1)], &[]), [(0, 101, 0)]);
        assert_eq!(add(&mut pending, 20, &[(1, 7)], &[]), [], "the canary's one was of an hour that is over");
        assert_eq!(add(&mut pending, 21, &[], &[(1, 2)]), [(1, 7, 2)]);
    }

    #[test]
    fn before_the_canary_has_traffic_the_stable_version_waits_for_nothing() {
        let mut pending = Pending::new();
        let ready = pending.add(&Block::empty(0, Timestamp::ZERO), [(2, count(40))].into_iter(), [].into_iter());
        assert_eq!(ready.iter().map(|part| (part.stratum, part.stable.trials())).collect::<Vec<_>>(), [(2, 40)]);
        assert_eq!(pending, Pending::new());
    }

    #[test]
    fn a_stage_ends_with_what_the_stable_version_did() {
        let mut pending = Pending::new();
        add(&mut pending, 0, &[(0, 90)], &[(1, 1)]);
        let rest: Vec<_> = pending.take_stable().collect();
        assert_eq!(rest.iter().map(|part| (part.stratum, part.stable.trials())).collect::<Vec<_>>(), [(0, 90)]);
        assert_eq!(pending, Pending::new());
    }
}
