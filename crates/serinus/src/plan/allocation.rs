//! Who has which replicas, and how to get from one such state to another without ever serving less than all.

use serde::{Deserialize, Serialize};

use super::{Fleet, PlanError, Strategy};

/// Shares of traffic are sums and quotients of floats.
const SLACK: f64 = 1e-9;

/// What is loaded, and how traffic is shared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allocation {
    /// Replicas of the old version.
    pub stable: u32,
    /// Replicas of the new one.
    pub canary: u32,
    /// The new version's share of the traffic, in [0, 1].
    pub weight: f64,
}

/// One step from an allocation towards another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Load the new version until it has this many replicas.
    Load {
        /// In all.
        replicas: u32,
    },
    /// Shrink the old version to this many replicas.
    Shrink {
        /// What is left.
        keep: u32,
    },
    /// Give the new version this share of the traffic.
    Weight(f64),
}

/// What the replicas can hold and serve.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capacity {
    pub(super) slots: u32,
    /// The share of peak traffic that one replica can serve.
    pub(super) share: f64,
    /// Whether both versions fit on one replica.
    pub(super) colocated: bool,
    /// Whether traffic goes over in one flip.
    pub(super) flip: bool,
}

impl Capacity {
    pub(super) fn new(fleet: &Fleet, slots: u32, strategy: Strategy, colocated: bool) -> Self {
        Self { slots, share: fleet.replica_share(), colocated, flip: strategy == Strategy::BlueGreen }
    }

    /// Replicas that can serve this share of the traffic.
    pub(super) fn replicas_for(&self, weight: f64) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a weight is in [0, 1]")]
        let replicas = (weight / self.share - SLACK).ceil().max(0.0) as u32;
        replicas
    }

    /// Old replicas that fit beside this many new ones, of at most `replicas`.
    pub(super) fn beside(&self, canary: u32, replicas: u32) -> u32 {
        if self.colocated { replicas } else { replicas.min(self.slots.saturating_sub(canary)) }
    }

    fn serves(&self, replicas: u32, weight: f64) -> bool {
        weight <= f64::from(replicas) * self.share + SLACK
    }

    /// Whether the replicas hold and serve what is asked of them.
    pub(super) fn allows(&self, allocation: Allocation) -> bool {
        let Allocation { stable, canary, weight } = allocation;
        let used = if self.colocated { stable.max(canary) } else { stable.saturating_add(canary) };
        used <= self.slots && self.serves(canary, weight) && self.serves(stable, 1.0 - weight)
    }

    /// The next step from `now` to `goal`, or `None` once there. Replicas are loaded before weight rises, weight rises
    /// before old replicas go, and what is left always serves everything.
    pub(super) fn next_step(&self, now: Allocation, goal: Allocation) -> Result<Option<Step>, PlanError> {
        if now.canary < goal.canary {
            return self.make_room(now, goal).map(Some);
        }
        if now.weight < goal.weight {
            if !self.serves(now.canary, goal.weight) {
                return Err(self.short(now, goal));
            }
            return Ok(Some(Step::Weight(goal.weight)));
        }
        let keep = goal.stable.max(self.replicas_for(1.0 - now.weight));
        Ok((keep < now.stable).then_some(Step::Shrink { keep }))
    }

    fn make_room(&self, now: Allocation, goal: Allocation) -> Result<Step, PlanError> {
        let missing = goal.canary - now.canary;
        let taken = if self.colocated { now.canary } else { now.stable.saturating_add(now.canary) };
        let free = self.slots.saturating_sub(taken);
        if free > 0 {
            return Ok(Step::Load { replicas: now.canary + missing.min(free) });
        }
        let least = goal.stable.max(self.replicas_for(1.0 - now.weight));
        if now.stable > least {
            return Ok(Step::Shrink { keep: least.max(now.stable.saturating_sub(missing)) });
        }
        let weight = goal.weight.min(f64::from(now.canary) * self.share);
        if weight > now.weight + SLACK && !self.flip {
            return Ok(Step::Weight(weight));
        }
        Err(self.short(now, goal))
    }

    fn short(&self, now: Allocation, goal: Allocation) -> PlanError {
        PlanError::Capacity {
            stable: now.stable,
            canary: now.canary,
            slots: self.slots,
            weight: goal.weight,
            replica_share: self.share,
        }
    }

    /// Walks the whole way through `goals` and checks every point of it.
    pub(super) fn walk(&self, start: Allocation, goals: impl Iterator<Item = Allocation>) -> Result<(), PlanError> {
        let mut now = start;
        for goal in goals {
            while let Some(step) = self.next_step(now, goal)? {
                match step {
                    Step::Load { replicas } => now.canary = replicas,
                    Step::Shrink { keep } => now.stable = keep,
                    Step::Weight(weight) => now.weight = weight,
                }
                if !self.allows(now) {
                    return Err(self.short(now, goal));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// From any state that serves everything to any other, every point on the way does too, or it is refused.
        #[test]
        fn all_traffic_is_served_at_every_step(
            replicas in 1..40u32,
            spare in 0..40u32,
            utilization in 0.05..=1.0f64,
            weights in prop::collection::vec(0.001..=1.0f64, 1..6),
            colocated in any::<bool>(),
            flip in any::<bool>(),
        ) {
            let share = 1.0 / (f64::from(replicas) * utilization);
            let capacity = Capacity { slots: replicas + spare, share, colocated, flip };
            let mut now = Allocation { stable: replicas, canary: 0, weight: 0.0 };
            let mut weights = weights;
            weights.sort_by(f64::total_cmp);
            for weight in weights {
                let canary = capacity.replicas_for(weight).max(1);
                let goal = Allocation { stable: capacity.beside(canary, replicas), canary, weight };
                let mut steps = 0;
                loop {
                    let Ok(step) = capacity.next_step(now, goal) else { return Ok(()) };
                    let Some(step) = step else { break };
                    match step {
                        Step::Load { replicas } => { prop_assert!(replicas > now.canary); now.canary = replicas }
                        Step::Shrink { keep } => { prop_assert!(keep < now.stable); now.stable = keep }
                        Step::Weight(weight) => { prop_assert!(weight > now.weight); now.weight = weight }
                    }
                    prop_assert!(capacity.allows(now), "{:?} on the way to {:?}", now, goal);
                    steps += 1;
                    prop_assert!(steps < 1_000);
                }
                prop_assert!(now.weight >= goal.weight && now.canary >= goal.canary);
            }
        }
    }
}
