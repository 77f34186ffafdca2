//! How an evaluator is fed with observations: which version one is of, and which block it belongs to.

use crate::clock::Timestamp;
use crate::model::VersionId;
use crate::observe::{Arm, Block, BlockBuilder, BlockRule, Observation, Renewal, Signals, UserCap};
use crate::route::sticky_point;

/// What reaches an evaluator besides whole blocks.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    stable: VersionId,
    canary: VersionId,
    blocks: BlockBuilder,
    shares: Renewal,
    /// The canary's share of the traffic, once it is known.
    share: Option<f64>,
    /// Observations of other versions.
    unknown: u64,
}

impl Feed {
    pub(super) fn new(
        (stable, canary): (VersionId, VersionId),
        rule: BlockRule,
        signals: Signals,
        user_cap: UserCap,
    ) -> Self {
        let (blocks, shares) = (BlockBuilder::new(rule, signals), Renewal::new(user_cap, Timestamp::ZERO));
        Self { stable, canary, blocks, shares, share: None, unknown: 0 }
    }

    /// Observations that were of neither version.
    pub(super) const fn unknown(&self) -> u64 {
        self.unknown
    }

    /// Takes in one request; gives the block that it closes, if it does.
    pub(super) fn observe(&mut self, observation: &Observation, now: Timestamp) -> Option<Block> {
        let (arm, arrived_at) = self.admit(observation, now)?;
        self.blocks.add(arm, observation.outcome, arrived_at)
    }

    /// Takes in requests that are reported together and are not divided between blocks; gives the block that was old when
    /// they came, and theirs, where these close.
    pub(super) fn observe_together(
        &mut self,
        now: Timestamp,
        report: impl FnOnce(&mut dyn FnMut(&Observation)),
    ) -> [Option<Block>; 2] {
        let (mut before, mut latest) = (None, None);
        report(&mut |observation| {
            let Some((arm, arrived_at)) = self.admit(observation, now) else { return };
            if latest.is_none() {
                before = self.blocks.close_if_complete(arrived_at);
            }
            latest = latest.max(Some(arrived_at));
            self.blocks.put(arm, observation.outcome, arrived_at);
        });
        [before, latest.and_then(|latest| self.blocks.close_if_complete(latest))]
    }

    /// Whose request it is and when it arrived, if it is evidence.
    fn admit(&mut self, observation: &Observation, now: Timestamp) -> Option<(Arm, Timestamp)> {
        let arm = if observation.version == self.canary {
            Arm::Canary
        } else if observation.version == self.stable {
            Arm::Stable
        } else {
            self.unknown = self.unknown.saturating_add(1);
            return None;
        };
        let arrived_at = observation.arrived_at.unwrap_or(now);
        let mut within = |key: &String| self.shares.at(arrived_at).take(sticky_point("", key));
        if observation.sticky_key.as_ref().is_some_and(|key| !within(key)) {
            self.blocks.add_capped(arm, arrived_at);
            return None;
        }
        Some((arm, arrived_at))
    }

    /// The canary's share of the traffic, once it is known.
    pub(super) const fn share(&self) -> Option<f64> {
        self.share
    }

    /// Goes on where a restarted process was.
    pub(super) const fn resume_at(&mut self, share: Option<f64>) {
        self.share = share;
    }

    /// Notes the canary's share; says whether it is another one than before.
    pub(super) fn changes_share(&mut self, share: f64) -> bool {
        let stands = self.share.is_some_and(|before| before.total_cmp(&share).is_eq());
        self.share = Some(share);
        !stands
    }

    /// Ends the open block, and gives it. All users have their share again.
    pub(super) fn end_stage(&mut self, now: Timestamp) -> Option<Block> {
        self.shares.renew(now);
        self.blocks.end_stage(now)
    }

    /// From here on the canary has all the traffic.
    pub(super) fn canary_alone(&mut self) {
        self.blocks.canary_alone();
    }
}
