//! From two versions and a fleet to a plan.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::allocation::{Allocation, Capacity};
use super::fields::Fields;
use super::gpu::{check_each_fits, extra_memory_gb, fit_together};
use super::update_plan::{Deadlines, OnMaxHold, UpdatePlan};
use super::{Change, Fleet, GpuBudget, Margins, PlanError, Risk, Shadow, Stage, Strategy};
use crate::model::ModelVersion;

/// Plans updates.
///
/// # Contract
///
/// A pure function: the same versions and fleet give the same plan. The plan fits the fleet, or there is none: an error
/// says with numbers what is missing. A planner of your own usually asks [`RiskPlanner`] and changes what it gives.
pub trait UpdatePlanner: Send + Sync + fmt::Debug {
    /// The plan of an update from `current` to `target`.
    ///
    /// # Errors
    ///
    /// [`PlanError`] if the fleet cannot carry it.
    fn plan(&self, current: &ModelVersion, target: &ModelVersion, fleet: &Fleet) -> Result<UpdatePlan, PlanError>;
}

/// Plans by risk:
///
/// | change | risk | strategy | first share | held for |
/// |---|---|---|---|---|
/// | configuration only | low | rolling | – | – |
/// | adapter, or fine-tune of the same base | medium | canary | 10% | 1 h |
/// | another base of the same family | high | canary | 5% | 4 h |
/// | another family | critical | canary | 2% | 24 h |
///
/// After its first stage a canary goes on through 5% (30 min, 500 canary requests), 10% (1 h, 2,000), 25% (1 h, 5,000)
/// and 50% (2 h, 10,000), as far as these lie above its first share, and then bakes for 30 minutes at 100%.
///
/// Where a rolling update would leave too few replicas to serve the traffic, a full second set is used instead if it
/// fits (blue-green), else one spare replica goes round. Where both versions do not fit side by side, a canary's
/// replicas are taken from the stable set.
#[derive(Clone, Debug)]
pub struct RiskPlanner {
    margins: Margins,
    strategies: BTreeMap<Risk, Strategy>,
    bake: Duration,
    drain_timeout: Duration,
    shadow: Option<Shadow>,
}

impl Default for RiskPlanner {
    fn default() -> Self {
        Self {
            margins: Margins::default(),
            strategies: BTreeMap::new(),
            bake: Duration::from_secs(30 * 60),
            drain_timeout: Duration::from_secs(30),
            shadow: None,
        }
    }
}

/// The later stages: share, minutes, canary requests, purpose.
const STAGES: [(f64, u64, u64, &str); 5] = [
    (0.02, 30, 200, "crashes and major regressions"),
    (0.05, 30, 500, "latency"),
    (0.10, 60, 2_000, "quality"),
    (0.25, 60, 5_000, "statistical power"),
    (0.50, 120, 10_000, "the final check at scale"),
];

impl RiskPlanner {
    /// With other margins.
    #[must_use]
    pub fn with_margins(self, margins: Margins) -> Self {
        Self { margins, ..self }
    }

    /// With another strategy for updates of this risk.
    #[must_use]
    pub fn with_strategy(mut self, risk: Risk, strategy: Strategy) -> Self {
        self.strategies.insert(risk, strategy);
        self
    }

    /// With another bake (30 minutes).
    #[must_use]
    pub fn with_bake(self, bake: Duration) -> Self {
        Self { bake, ..self }
    }

    /// With a shadow before the first stage of each canary. Without this a deployment whose
    /// [reviewer can](crate::deploy::DeploymentBuilder::reviewer) try prompts on the canary adds one.
    #[must_use]
    pub fn with_shadow(self, shadow: Shadow) -> Self {
        Self { shadow: Some(shadow), ..self }
    }

    /// With another drain timeout (30 seconds).
    #[must_use]
    pub fn with_drain_timeout(self, drain_timeout: Duration) -> Self {
        Self { drain_timeout, ..self }
    }
}

/// The canary's first share and how long it is held.
fn first_stage(risk: Risk) -> (f64, Duration) {
    let hours = |hours: u64| Duration::from_secs(3_600 * hours);
    match risk {
        Risk::Low | Risk::Medium => (0.10, hours(1)),
        Risk::High => (0.05, hours(4)),
        Risk::Critical => (0.02, hours(24)),
    }
}

impl UpdatePlanner for RiskPlanner {
    fn plan(&self, current: &ModelVersion, target: &ModelVersion, fleet: &Fleet) -> Result<UpdatePlan, PlanError> {
        if current.version() == target.version() {
            return Err(PlanError::SameVersion { version: target.version().clone() });
        }
        let site = Site::survey(current, target, fleet)?;
        let risk = site.change.risk();
        let asked = self.strategies.get(&risk).copied();
        match asked.unwrap_or(if risk == Risk::Low { Strategy::Rolling } else { Strategy::Canary }) {
            Strategy::Canary => self.canary(&site),
            Strategy::BlueGreen => self.blue_green(&site),
            Strategy::Rolling => match self.rolling(&site, 0) {
                Err(PlanError::Capacity { .. }) if asked.is_none() && site.second_set() => self.blue_green(&site),
                Err(PlanError::Capacity { .. }) if fleet.spare_replicas() > 0 => self.rolling(&site, 1),
                plan => plan,
            },
        }
    }
}

/// What a plan has to reckon with.
struct Site<'a> {
    current: &'a ModelVersion,
    target: &'a ModelVersion,
    fleet: &'a Fleet,
    change: Change,
    /// What a replica of the target takes beside one of the current version.
    extra_gb: f64,
    colocated: bool,
}

impl<'a> Site<'a> {
    fn survey(current: &'a ModelVersion, target: &'a ModelVersion, fleet: &'a Fleet) -> Result<Self, PlanError> {
        fleet.check()?;
        check_each_fits(current, target, fleet)?;
        let change = Change::between(current, target);
        let extra_gb = extra_memory_gb(current, target);
        let colocated = fit_together(current, target, fleet);
        Ok(Self { current, target, fleet, change, extra_gb, colocated })
    }

    /// Whether every replica can have its counterpart of the other version.
    fn second_set(&self) -> bool {
        self.colocated || self.fleet.spare_replicas() >= self.fleet.replicas()
    }

    /// Whether a canary replica needs a slot that nothing can give.
    fn check_room(&self) -> Result<(), PlanError> {
        if self.colocated || self.fleet.slots() > 1 {
            return Ok(());
        }
        Err(PlanError::Memory {
            what: format!("{} and {} side by side", self.current.version(), self.target.version()),
            needed_gb: self.current.total_memory_gb() + self.extra_gb,
            available_gb: self.fleet.total_memory_gb(),
            advice: "add a spare replica, or a GPU with room for both",
        })
    }

    fn gpu(&self, points: impl Iterator<Item = Allocation>, overlap_required: bool) -> GpuBudget {
        let memory = |at: Allocation| {
            let extra = if self.colocated { self.extra_gb } else { self.target.total_memory_gb() };
            f64::from(at.stable) * self.current.total_memory_gb() + f64::from(at.canary) * extra
        };
        let stable_memory_gb = f64::from(self.fleet.replicas()) * self.current.total_memory_gb();
        let peak_memory_gb = points.map(memory).fold(stable_memory_gb, f64::max);
        GpuBudget {
            stable_memory_gb,
            peak_memory_gb,
            available_memory_gb: self.fleet.total_memory_gb(),
            overhead_fraction: (peak_memory_gb - stable_memory_gb) / stable_memory_gb,
            overlap_required,
        }
    }
}

/// What differs from strategy to strategy.
struct Shape {
    strategy: Strategy,
    slots: u32,
    stages: Vec<Stage>,
    promoted: Allocation,
    bake: Duration,
    health_gate: bool,
    colocated: bool,
}

impl RiskPlanner {
    fn canary(&self, site: &Site<'_>) -> Result<UpdatePlan, PlanError> {
        site.check_room()?;
        let (fleet, slots) = (site.fleet, site.fleet.slots());
        let capacity = Capacity::new(fleet, slots, Strategy::Canary, site.colocated);
        let (first_share, evaluation) = first_stage(site.change.risk());
        let stages = STAGES.iter().filter(|(weight, ..)| *weight >= first_share);
        let stages = stages.map(|&(weight, minutes, min_requests, purpose)| {
            let hold = if weight == first_share { evaluation } else { Duration::from_secs(60 * minutes) };
            let canary = capacity.replicas_for(weight).max(1);
            let stable = capacity.beside(canary, fleet.replicas());
            Stage::new(weight, hold, min_requests, Allocation { stable, canary, weight }).with_purpose(purpose)
        });
        // As many new replicas as the old ones were, but the last old one stays until the new ones have all the traffic.
        let most = if site.colocated { fleet.replicas() } else { fleet.replicas().min(slots - 1) };
        let canary = most.max(1);
        let promoted = Allocation { stable: capacity.beside(canary, fleet.replicas()), canary, weight: 1.0 };
        let shape = Shape {
            strategy: Strategy::Canary,
            slots,
            stages: stages.collect(),
            promoted,
            bake: self.bake,
            health_gate: true,
            colocated: site.colocated,
        };
        self.plan_of(site, shape)
    }

    fn blue_green(&self, site: &Site<'_>) -> Result<UpdatePlan, PlanError> {
        let replicas = site.fleet.replicas();
        if !site.second_set() {
            return Err(PlanError::Memory {
                what: format!("a full second set of {replicas} replicas"),
                needed_gb: 2.0 * f64::from(replicas) * site.fleet.gpu_memory_gb(),
                available_gb: site.fleet.total_memory_gb(),
                advice: "add as many spare replicas, or take another strategy",
            });
        }
        let shape = Shape {
            strategy: Strategy::BlueGreen,
            slots: site.fleet.slots(),
            stages: Vec::new(),
            promoted: Allocation { stable: replicas, canary: replicas, weight: 1.0 },
            bake: self.bake,
            health_gate: false,
            colocated: site.colocated,
        };
        self.plan_of(site, shape)
    }

    /// Replica by replica: without extra memory, or with as much as the spare replicas that go round.
    fn rolling(&self, site: &Site<'_>, spare: u32) -> Result<UpdatePlan, PlanError> {
        let (fleet, replicas) = (site.fleet, site.fleet.replicas());
        let too_few = PlanError::Capacity {
            stable: replicas.saturating_sub(1),
            canary: 0,
            slots: replicas.saturating_add(spare),
            weight: 0.0,
            replica_share: fleet.replica_share(),
        };
        if replicas < 2 && spare == 0 {
            return Err(too_few);
        }
        let stages = (1..replicas).map(|canary| {
            let weight = f64::from(canary) / f64::from(replicas);
            let replicas = Allocation { stable: replicas - canary, canary, weight };
            Stage::new(weight, Duration::ZERO, 0, replicas).with_purpose("one more replica")
        });
        let shape = Shape {
            strategy: Strategy::Rolling,
            slots: replicas.saturating_add(spare),
            stages: stages.collect(),
            promoted: Allocation { stable: 1, canary: replicas.saturating_add(spare) - 1, weight: 1.0 },
            bake: Duration::ZERO,
            health_gate: false,
            colocated: false,
        };
        self.plan_of(site, shape)
    }

    fn plan_of(&self, site: &Site<'_>, shape: Shape) -> Result<UpdatePlan, PlanError> {
        let Shape { strategy, slots, stages, promoted, bake, health_gate, colocated } = shape;
        let full = promoted.stable >= site.fleet.replicas();
        let is_canary = strategy == Strategy::Canary;
        let points = stages.iter().map(Stage::allocation).chain([promoted]);
        let overlaps = strategy != Strategy::Rolling || slots > site.fleet.replicas();
        UpdatePlan::new(Fields {
            gpu: site.gpu(points, overlaps),
            change: site.change,
            risk: site.change.risk(),
            strategy,
            canary_fraction: if is_canary { stages.first().map_or(0.0, Stage::weight) } else { 0.0 },
            evaluation: if is_canary { stages.first().map_or(Duration::ZERO, Stage::hold) } else { Duration::ZERO },
            bake,
            way_back: if full { Duration::ZERO } else { site.current.load_time() },
            drain_timeout: self.drain_timeout,
            health_gate,
            require_approval: false,
            early_advance: false,
            on_max_hold: OnMaxHold::default(),
            false_rollback_budget: 0.01,
            false_promotion_budget: 0.05,
            min_requests: 50,
            colocated,
            slots,
            promoted,
            deadlines: Deadlines::for_version(site.target),
            margins: self.margins,
            fleet: site.fleet.clone(),
            current: site.current.clone(),
            target: site.target.clone(),
            shadow: self.shadow.filter(|_| is_canary),
            stages,
        })
    }
}
