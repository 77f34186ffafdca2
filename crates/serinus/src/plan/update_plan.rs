//! The plan of an update, and what a rollout reads off it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::allocation::{Allocation, Step};
use super::fields::{Fields, LONGEST};
use super::{Change, Fleet, GpuBudget, Margins, PlanError, Risk, Shadow, Stage, Strategy, explain, seconds};
use crate::model::ModelVersion;

/// The plan of an update: stages, replicas, margins, budgets and deadlines. It is what is carried out; nothing of it is
/// advice.
///
/// Made by an [`UpdatePlanner`](super::UpdatePlanner), kept as TOML or JSON, changed by the `with_` methods. All of them
/// check it: a plan that exists can be carried out on its fleet without ever serving less than all traffic.
///
/// ```
/// use std::time::Duration;
/// use serinus::model::ModelVersion;
/// use serinus::plan::{Fleet, RiskPlanner, Strategy, UpdatePlan, UpdatePlanner};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let v1 = ModelVersion::builder("llama-70b-chat", "v1")
///     .base_model("llama-70b").weight_hash("aa").gpu_memory_gb(140.0).load_time(Duration::from_secs(55)).build()?;
/// let v2 = v1.to_builder().version("v2").weight_hash("bb").build()?;
/// let plan = RiskPlanner::default().plan(&v1, &v2, &Fleet::new(10, 160.0)?.with_spare_replicas(1))?;
///
/// assert_eq!(plan.strategy(), Strategy::Canary);
/// let weights: Vec<f64> = plan.stages().iter().map(|stage| stage.weight()).collect();
/// assert_eq!(weights, [0.10, 0.25, 0.50]);
/// assert_eq!(UpdatePlan::from_toml(&plan.to_toml())?, plan);
/// println!("{}", plan.explain());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct UpdatePlan(Fields);

/// What happens when a stage has been held for as long as it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMaxHold {
    /// A person decides.
    #[default]
    Pause,
    /// The canary is rolled back.
    RollBack,
}

/// How long a call to the host may take before it is given up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadlines {
    /// For loading replicas.
    #[serde(rename = "load_seconds", with = "seconds")]
    pub load: Duration,
    /// For warming them up.
    #[serde(rename = "warm_up_seconds", with = "seconds")]
    pub warm_up: Duration,
    /// For asking what is loaded.
    #[serde(rename = "verify_seconds", with = "seconds")]
    pub verify: Duration,
    /// For freeing replicas, which may first finish their requests.
    #[serde(rename = "unload_seconds", with = "seconds")]
    pub unload: Duration,
}

impl Deadlines {
    /// Five times the load time and at least ten minutes for loading, ten minutes for warming up and for freeing, two
    /// for verifying.
    pub fn for_version(version: &ModelVersion) -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Self {
            load: version.load_time().saturating_mul(5).max(minutes(10)),
            warm_up: minutes(10),
            verify: minutes(2),
            unload: minutes(10),
        }
    }

    pub(super) fn check(&self) -> Result<(), PlanError> {
        let all = [("load", self.load), ("warm_up", self.warm_up), ("verify", self.verify), ("unload", self.unload)];
        match all.into_iter().find(|(_, deadline)| deadline.is_zero()) {
            Some((name, deadline)) => Err(PlanError::invalid(format!("deadlines.{name}"), "above 0", deadline)),
            None => Ok(()),
        }
    }
}

impl UpdatePlan {
    pub(super) fn new(fields: Fields) -> Result<Self, PlanError> {
        fields.check()?;
        Ok(Self(fields))
    }

    /// A plan from TOML.
    ///
    /// # Errors
    ///
    /// [`PlanError::Format`] with the place and what is wrong there, or with what does not hold.
    pub fn from_toml(text: &str) -> Result<Self, PlanError> {
        toml::from_str(text).map_err(|error| PlanError::Format(error.to_string()))
    }

    /// The plan as TOML.
    #[expect(clippy::missing_panics_doc, reason = "a plan has no map with keys that TOML does not know")]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("every field has a form in TOML")
    }

    /// A plan from JSON.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Self::from_toml).
    pub fn from_json(text: &str) -> Result<Self, PlanError> {
        serde_json::from_str(text).map_err(|error| PlanError::Format(error.to_string()))
    }

    /// The plan as JSON.
    #[expect(clippy::missing_panics_doc, reason = "a plan has no map with keys that JSON does not know")]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("every field has a form in JSON")
    }

    /// The plan in words and numbers, for a person to agree to.
    pub fn explain(&self) -> String {
        explain::explain(self)
    }

    /// The version that is served.
    pub fn current(&self) -> &ModelVersion {
        &self.0.current
    }

    /// The version that is to be served.
    pub fn target(&self) -> &ModelVersion {
        &self.0.target
    }

    /// What is different between them.
    pub fn change(&self) -> Change {
        self.0.change
    }

    /// How much can go wrong.
    pub fn risk(&self) -> Risk {
        self.0.risk
    }

    /// How it is carried out.
    pub fn strategy(&self) -> Strategy {
        self.0.strategy
    }

    /// The canary's first share of the traffic; 0 without a canary.
    pub fn canary_fraction(&self) -> f64 {
        self.0.canary_fraction
    }

    /// How long the first stage is held.
    pub fn evaluation(&self) -> Duration {
        self.0.evaluation
    }

    /// The increases that trigger a rollback.
    pub fn margins(&self) -> &Margins {
        &self.0.margins
    }

    /// The fleet that the plan is for.
    pub fn fleet(&self) -> &Fleet {
        &self.0.fleet
    }

    /// What it takes in GPU memory.
    pub fn gpu(&self) -> &GpuBudget {
        &self.0.gpu
    }

    /// Whether both versions fit on one replica.
    pub fn colocated(&self) -> bool {
        self.0.colocated
    }

    /// Replica slots that the plan uses.
    pub fn slots(&self) -> u32 {
        self.0.slots
    }

    /// How the new version is tried on real prompts before it has any traffic; `None` if it is not.
    pub fn shadow(&self) -> Option<&Shadow> {
        self.0.shadow.as_ref()
    }

    /// What is loaded while it is in the shadow; `None` without a shadow.
    pub(crate) fn shadowed(&self) -> Option<Allocation> {
        self.0.shadowed()
    }

    /// The stages below 100%, in order.
    pub fn stages(&self) -> &[Stage] {
        &self.0.stages
    }

    /// What is loaded while the new version, with all the traffic, bakes.
    pub fn promoted(&self) -> Allocation {
        self.0.promoted
    }

    /// How long the old version is kept as the way back once the new one has all the traffic.
    pub fn bake(&self) -> Duration {
        self.0.bake
    }

    /// How long it takes from a rollback during the bake until the old version is back at full strength. Traffic
    /// leaves the new version at once in any case.
    pub fn way_back(&self) -> Duration {
        self.0.way_back
    }

    /// Whether the canary must be proven healthy before it gets all the traffic.
    pub fn health_gate(&self) -> bool {
        self.0.health_gate
    }

    /// Whether a person must approve the last step.
    pub fn require_approval(&self) -> bool {
        self.0.require_approval
    }

    /// Whether a stage ends before its hold does, once the canary is proven healthy and the stage has judged its minimum of
    /// requests.
    pub fn early_advance(&self) -> bool {
        self.0.early_advance
    }

    /// What happens when a stage has been held for as long as it may.
    pub fn on_max_hold(&self) -> OnMaxHold {
        self.0.on_max_hold
    }

    /// How long requests in flight may take to end by themselves before they are retried elsewhere.
    pub fn drain_timeout(&self) -> Duration {
        self.0.drain_timeout
    }

    /// How long a call to the host may take.
    pub fn deadlines(&self) -> Deadlines {
        self.0.deadlines
    }

    /// The probability, over the whole rollout, that a healthy canary is rolled back.
    pub fn false_rollback_budget(&self) -> f64 {
        self.0.false_rollback_budget
    }

    /// The probability that a guardrail calls an unacceptable canary healthy.
    pub fn false_promotion_budget(&self) -> f64 {
        self.0.false_promotion_budget
    }

    /// Requests of each version before anything is said of them.
    pub fn min_requests(&self) -> u64 {
        self.0.min_requests
    }

    /// The next step from what is loaded and routed to `goal`, or `None` once there. At every point in between, what is
    /// loaded can serve what is routed to it.
    ///
    /// # Errors
    ///
    /// [`PlanError::Capacity`] if there is no such way; a plan's own stages always have one. [`PlanError::Invalid`] for a
    /// weight outside [0, 1].
    pub fn next_step(&self, now: Allocation, goal: Allocation) -> Result<Option<Step>, PlanError> {
        for (field, allocation) in [("now.weight", now), ("goal.weight", goal)] {
            if !(0.0..=1.0).contains(&allocation.weight) {
                return Err(PlanError::invalid(field, "in [0, 1]", allocation.weight));
            }
        }
        self.0.capacity().next_step(now, goal)
    }

    /// With other stages.
    ///
    /// # Errors
    ///
    /// [`PlanError`] if they do not rise, or the fleet cannot carry them.
    pub fn with_stages(self, stages: Vec<Stage>) -> Result<Self, PlanError> {
        let canary_fraction = stages.first().map_or(0.0, Stage::weight);
        let evaluation = stages.first().map_or(Duration::ZERO, Stage::hold);
        Self::new(Fields { canary_fraction, evaluation, stages, ..self.0 })
    }

    /// With a shadow before the first stage, or without one.
    ///
    /// # Errors
    ///
    /// [`PlanError::Invalid`] for a shadow of no prompts, and in a plan without stages.
    pub fn with_shadow(self, shadow: Option<Shadow>) -> Result<Self, PlanError> {
        Self::new(Fields { shadow, ..self.0 })
    }

    /// With all times that are merely held (shadow, stages and bake) multiplied by a factor. For demonstrations and tests:
    /// minimum requests, margins and budgets stay. The longest holds grow with a factor above 1 and never shrink.
    ///
    /// # Errors
    ///
    /// [`PlanError::Invalid`] unless the factor is finite and above 0, and no hold comes to more than a hundred years.
    pub fn with_holds_scaled(self, factor: f64) -> Result<Self, PlanError> {
        if !(factor.is_finite() && factor > 0.0) {
            return Err(PlanError::invalid("factor", "finite and above 0", factor));
        }
        let scaled = |duration: Duration, factor: f64| {
            Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
        };
        let stages = self.0.stages.iter().cloned();
        let stages = stages.map(|stage| Stage {
            hold: scaled(stage.hold, factor),
            max_hold: scaled(stage.max_hold, factor.max(1.0)),
            ..stage
        });
        let stages = stages.collect();
        let shadow = self.0.shadow.map(|shadow| Shadow {
            hold: scaled(shadow.hold, factor),
            max_hold: scaled(shadow.max_hold, factor.max(1.0)),
            ..shadow
        });
        Self::new(Fields {
            stages,
            shadow,
            evaluation: scaled(self.0.evaluation, factor),
            bake: scaled(self.0.bake, factor),
            ..self.0
        })
    }

    /// With another bake.
    ///
    /// # Errors
    ///
    /// [`PlanError`], as all of these.
    pub fn with_bake(self, bake: Duration) -> Result<Self, PlanError> {
        Self::new(Fields { bake, ..self.0 })
    }

    /// With other margins.
    ///
    /// # Errors
    ///
    /// [`PlanError::Invalid`] for a margin that makes no sense.
    pub fn with_margins(self, margins: Margins) -> Result<Self, PlanError> {
        Self::new(Fields { margins, ..self.0 })
    }

    /// With other budgets of error, each above 0 and below 1.
    ///
    /// # Errors
    ///
    /// [`PlanError::Invalid`] outside that.
    pub fn with_budgets(self, false_rollback: f64, false_promotion: f64) -> Result<Self, PlanError> {
        let (false_rollback_budget, false_promotion_budget) = (false_rollback, false_promotion);
        Self::new(Fields { false_rollback_budget, false_promotion_budget, ..self.0 })
    }

    /// With a person's approval needed for the last step, or not.
    #[must_use]
    pub fn with_approval(self, require_approval: bool) -> Self {
        Self(Fields { require_approval, ..self.0 })
    }

    /// With stages that end before their hold does, or not: see [`early_advance`](Self::early_advance). A busy service
    /// then needs minutes for what otherwise takes hours, under the same budgets. It sees less of the day.
    #[must_use]
    pub fn with_early_advance(self, early_advance: bool) -> Self {
        Self(Fields { early_advance, ..self.0 })
    }

    /// With another answer to a stage that has been held for as long as it may.
    #[must_use]
    pub fn with_on_max_hold(self, on_max_hold: OnMaxHold) -> Self {
        Self(Fields { on_max_hold, ..self.0 })
    }

    /// With another drain timeout, of at most a hundred years.
    #[must_use]
    pub fn with_drain_timeout(self, drain_timeout: Duration) -> Self {
        Self(Fields { drain_timeout: drain_timeout.min(LONGEST), ..self.0 })
    }

    /// With other deadlines.
    ///
    /// # Errors
    ///
    /// [`PlanError::Invalid`] for one of zero.
    pub fn with_deadlines(self, deadlines: Deadlines) -> Result<Self, PlanError> {
        Self::new(Fields { deadlines, ..self.0 })
    }
}

impl TryFrom<Fields> for UpdatePlan {
    type Error = PlanError;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        Self::new(fields)
    }
}

impl From<UpdatePlan> for Fields {
    fn from(plan: UpdatePlan) -> Self {
        plan.0
    }
}
