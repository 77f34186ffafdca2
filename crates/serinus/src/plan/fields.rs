//! The fields of a plan, and what must hold between them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::allocation::{Allocation, Capacity};
use super::gpu::{check_each_fits, fit_together};
use super::update_plan::{Deadlines, OnMaxHold};
use super::{Change, Fleet, GpuBudget, Margins, PlanError, Risk, Shadow, Stage, Strategy, seconds};
use crate::model::ModelVersion;

/// Sums of a plan's durations stay far from what a [`Duration`] can hold.
pub(super) const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// The fields of an [`UpdatePlan`](super::UpdatePlan), and its form in TOML and JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, named in the plan's file")]
pub struct Fields {
    pub(super) change: Change,
    pub(super) risk: Risk,
    pub(super) strategy: Strategy,
    pub(super) canary_fraction: f64,
    #[serde(rename = "evaluation_seconds", with = "seconds")]
    pub(super) evaluation: Duration,
    #[serde(rename = "bake_seconds", with = "seconds")]
    pub(super) bake: Duration,
    #[serde(rename = "way_back_seconds", with = "seconds")]
    pub(super) way_back: Duration,
    #[serde(rename = "drain_timeout_seconds", with = "seconds")]
    pub(super) drain_timeout: Duration,
    pub(super) health_gate: bool,
    pub(super) require_approval: bool,
    #[serde(default)]
    pub(super) early_advance: bool,
    pub(super) on_max_hold: OnMaxHold,
    pub(super) false_rollback_budget: f64,
    pub(super) false_promotion_budget: f64,
    pub(super) min_requests: u64,
    pub(super) colocated: bool,
    pub(super) slots: u32,
    pub(super) promoted: Allocation,
    pub(super) deadlines: Deadlines,
    pub(super) margins: Margins,
    pub(super) gpu: GpuBudget,
    pub(super) fleet: Fleet,
    pub(super) current: ModelVersion,
    pub(super) target: ModelVersion,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) shadow: Option<Shadow>,
    #[serde(default)]
    pub(super) stages: Vec<Stage>,
}

impl Fields {
    pub(super) fn capacity(&self) -> Capacity {
        Capacity::new(&self.fleet, self.slots, self.strategy, self.colocated)
    }

    pub(super) fn start(&self) -> Allocation {
        Allocation { stable: self.fleet.replicas(), canary: 0, weight: 0.0 }
    }

    pub(super) fn check(&self) -> Result<(), PlanError> {
        if self.current.version() == self.target.version() {
            return Err(PlanError::SameVersion { version: self.target.version().clone() });
        }
        self.fleet.check()?;
        self.check_memory()?;
        self.margins.check()?;
        for (field, budget) in [
            ("false_rollback_budget", self.false_rollback_budget),
            ("false_promotion_budget", self.false_promotion_budget),
        ] {
            if !(budget > 0.0 && budget < 1.0) {
                return Err(PlanError::invalid(field, "above 0 and below 1", budget));
            }
        }
        if !(0.0..=1.0).contains(&self.canary_fraction) {
            return Err(PlanError::invalid("canary_fraction", "in [0, 1]", self.canary_fraction));
        }
        if self.slots > self.fleet.slots() || self.slots < self.fleet.replicas() {
            return Err(PlanError::invalid("slots", "from the fleet's replicas to all of its slots", self.slots));
        }
        self.deadlines.check()?;
        self.check_durations()?;
        self.check_stages()?;
        self.capacity().walk(self.start(), self.goals())
    }

    fn check_memory(&self) -> Result<(), PlanError> {
        check_each_fits(&self.current, &self.target, &self.fleet)?;
        if self.colocated && !fit_together(&self.current, &self.target, &self.fleet) {
            return Err(PlanError::invalid("colocated", "false, as both versions do not fit on one replica", true));
        }
        self.gpu.check()
    }

    fn check_durations(&self) -> Result<(), PlanError> {
        let Deadlines { load, warm_up, verify, unload } = self.deadlines;
        let own = [
            ("evaluation_seconds", self.evaluation),
            ("bake_seconds", self.bake),
            ("way_back_seconds", self.way_back),
            ("drain_timeout_seconds", self.drain_timeout),
            ("deadlines.load_seconds", load),
            ("deadlines.warm_up_seconds", warm_up),
            ("deadlines.verify_seconds", verify),
            ("deadlines.unload_seconds", unload),
        ];
        if let Some(shadow) = &self.shadow {
            shadow.check(self.stages.is_empty())?;
        }
        let held =
            self.stages.iter().flat_map(|stage| [("hold_seconds", stage.hold), ("max_hold_seconds", stage.max_hold)]);
        let shadow = self.shadow.map(|shadow| ("shadow.max_hold_seconds", shadow.max_hold));
        match own.into_iter().chain(held).chain(shadow).find(|(_, duration)| *duration > LONGEST) {
            Some((field, duration)) => Err(PlanError::invalid(field, "at most a hundred years", duration)),
            None => Ok(()),
        }
    }

    fn goals(&self) -> impl Iterator<Item = Allocation> + '_ {
        self.shadowed().into_iter().chain(self.stages.iter().map(Stage::allocation)).chain([self.promoted])
    }

    /// The first stage's replicas without its traffic, where there is a shadow.
    pub(super) fn shadowed(&self) -> Option<Allocation> {
        let first = self.stages.first().filter(|_| self.shadow.is_some())?;
        Some(Allocation { weight: 0.0, ..first.allocation() })
    }

    fn check_stages(&self) -> Result<(), PlanError> {
        let mut before = 0.0;
        for (index, stage) in self.stages.iter().enumerate() {
            let field = |name: &str| format!("stages[{index}].{name}");
            if !(stage.weight > before && stage.weight < 1.0) {
                let expected = "above that of the stage before, and below 1";
                return Err(PlanError::invalid(field("weight"), expected, stage.weight));
            }
            before = stage.weight;
            if stage.max_hold < stage.hold {
                return Err(PlanError::invalid(field("max_hold_seconds"), "at least the hold", stage.max_hold));
            }
            if stage.canary_replicas == 0 || stage.stable_replicas == 0 {
                let got = (stage.stable_replicas, stage.canary_replicas);
                return Err(PlanError::invalid(field("replicas"), "at least 1 of each version", got));
            }
            if !self.capacity().allows(stage.allocation()) {
                return Err(PlanError::Capacity {
                    stable: stage.stable_replicas,
                    canary: stage.canary_replicas,
                    slots: self.slots,
                    weight: stage.weight,
                    replica_share: self.fleet.replica_share(),
                });
            }
        }
        // One old replica stays until the new version has all the traffic: there is always a way back until then.
        if self.promoted.weight != 1.0 || self.promoted.canary == 0 || self.promoted.stable == 0 {
            return Err(PlanError::invalid("promoted", "all traffic, and replicas of both versions", self.promoted));
        }
        Ok(())
    }
}
