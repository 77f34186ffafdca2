//! How an evaluator is fed with observations: which version one is of, and which block it belongs to.

use crate::clock::Timestamp;
use crate::model::VersionId;
use crate::observe::{Arm, Block, BlockBuilder, BlockRule, Observation, Signals};

/// What reaches an evaluator besides whole blocks.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    stable: VersionId,
    canary: VersionId,
    blocks: BlockBuilder,
    /// The canary's share of the traffic, once it is known.
    share: Option<f64>,
    /// Observations of other versions.
    unknown: u64,
}

impl Feed {
    pub(super) fn new(stable: VersionId, canary: VersionId, rule: BlockRule, signals: Signals) -> Self {
        Self { stable, canary, blocks: BlockBuilder::new(rule, signals), share: None, unknown: 0 }
    }

    /// Observations that were of neither version.
    pub(super) const fn unknown(&self) -> u64 {
        self.unknown
    }

    /// Takes in one request; gives the block that it closes, if it does.
    pub(super) fn observe(&mut self, observation: &Observation, now: Timestamp) -> Option<Block> {
        let arm = if observation.version == self.canary {
            Arm::Canary
        } else if observation.version == self.stable {
            Arm::Stable
        } else {
            self.unknown = self.unknown.saturating_add(1);
            return None;
        };
        self.blocks.add(arm, observation.outcome, observation.arrived_at.unwrap_or(now))
    }

    /// Notes the canary's share; says whether it is another one than before.
    pub(super) fn changes_share(&mut self, share: f64) -> bool {
        let stands = self.share.is_some_and(|before| before.total_cmp(&share).is_eq());
        self.share = Some(share);
        !stands
    }

    /// Ends the open block; gives it if both versions are in it.
    pub(super) fn end_stage(&mut self, now: Timestamp) -> Option<Block> {
        self.blocks.end_stage(now)
    }

    /// From here on the canary has all the traffic.
    pub(super) fn canary_alone(&mut self) {
        self.blocks.canary_alone();
    }
}
