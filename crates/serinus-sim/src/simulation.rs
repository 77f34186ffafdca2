//! A simulation: what is simulated, and how often.

use std::fmt;
use std::sync::Arc;

use serinus::evaluate::{SequentialBuilder, Thresholds};
use serinus::plan::UpdatePlan;
use thiserror::Error;

use crate::behaviour::Behaviour;
use crate::evaluator::Shared;
use crate::faults::Faults;
use crate::host::Host;
use crate::judge::NoisyJudge;
use crate::report::Run;
use crate::trace::Trace;
use crate::traffic::Traffic;
use crate::world::World;

/// The longest that anything is simulated.
const LONGEST_HOURS: f64 = 24.0 * 365.0;

/// A rollout to be simulated: a plan, traffic, and how two versions behave. The evaluator is the library's own, as a
/// deployment makes it from the plan, unless you say otherwise.
#[derive(Clone)]
pub struct Simulation {
    pub(crate) plan: Arc<UpdatePlan>,
    pub(crate) traffic: Traffic,
    pub(crate) stable: Behaviour,
    pub(crate) canary: Behaviour,
    pub(crate) host: Host,
    pub(crate) faults: Faults,
    pub(crate) evaluator: Evaluator,
    pub(crate) judge: Option<NoisyJudge>,
    pub(crate) tick: f64,
    pub(crate) hours: f64,
}

/// Who evaluates.
#[derive(Clone)]
pub(crate) enum Evaluator {
    Sequential(Arc<dyn Fn(SequentialBuilder) -> SequentialBuilder + Send + Sync>),
    Threshold(Thresholds),
}

impl Simulation {
    /// A simulation of this plan.
    pub fn new(plan: UpdatePlan, traffic: Traffic, stable: Behaviour, canary: Behaviour) -> Self {
        let tick = match traffic.per_hour {
            busy if busy >= 50_000.0 => 20.0,
            medium if medium >= 5_000.0 => 30.0,
            _ => 60.0,
        };
        Self {
            plan: Arc::new(plan),
            traffic,
            stable,
            canary,
            host: Host::default(),
            faults: Faults::default(),
            evaluator: Evaluator::Sequential(Arc::new(|builder| builder)),
            judge: None,
            tick,
            hours: 24.0 * 30.0,
        }
    }

    /// On these GPUs.
    #[must_use]
    pub fn host(self, host: Host) -> Self {
        Self { host, ..self }
    }

    /// With these faults.
    #[must_use]
    pub fn faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    /// With the default evaluator made otherwise.
    #[must_use]
    pub fn evaluator(self, change: impl Fn(SequentialBuilder) -> SequentialBuilder + Send + Sync + 'static) -> Self {
        Self { evaluator: Evaluator::Sequential(Arc::new(change)), ..self }
    }

    /// Judged by fixed thresholds, the rule to compare with.
    #[must_use]
    pub fn judged_by_thresholds(self, thresholds: Thresholds) -> Self {
        Self { evaluator: Evaluator::Threshold(thresholds), ..self }
    }

    /// With answers judged by samples, as a deployment's reviewer has them judged, and not at the end of each request.
    #[must_use]
    pub fn reviewed_by(self, judge: NoisyJudge) -> Self {
        Self { judge: Some(judge), ..self }
    }

    /// With the driver's tick every so many seconds; by default 20 s from 50,000 requests an hour on, 30 s from 5,000 on, and a
    /// minute below. A deployment ticks once a second; evidence comes in blocks of up to a minute in any case.
    #[must_use]
    pub fn tick(self, seconds: f64) -> Self {
        Self { tick: seconds, ..self }
    }

    /// For at most so many hours; a month unless set.
    #[must_use]
    pub fn at_most_hours(self, hours: f64) -> Self {
        Self { hours, ..self }
    }

    /// One rollout. The same seed is the same rollout, bit for bit.
    ///
    /// # Errors
    ///
    /// [`SimulationError`] if something in it makes no sense.
    pub fn run(&self, seed: u64) -> Result<Run, SimulationError> {
        self.check()?;
        World::new(self, seed, Arc::default())?.run()
    }

    /// One rollout, the same as [`run`](Self::run), and how it went on the way.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn trace(&self, seed: u64) -> Result<Trace, SimulationError> {
        self.check()?;
        World::new(self, seed, Arc::default())?.trace()
    }

    /// Looks at everything that it is made of. [`run`](Self::run) does so too.
    ///
    /// # Errors
    ///
    /// [`SimulationError`] if something in it makes no sense.
    pub fn check(&self) -> Result<(), SimulationError> {
        self.traffic.check()?;
        self.stable.check().map_err(|error| error.of("stable version"))?;
        self.canary.check().map_err(|error| error.of("canary"))?;
        self.host.check()?;
        self.faults.check()?;
        if let Some(judge) = &self.judge {
            judge.check()?;
        }
        if !(0.001..=3_600.0).contains(&self.tick) {
            return Err(SimulationError::new("tick", "from a millisecond to an hour, in seconds", self.tick));
        }
        if !(self.hours > 0.0 && self.hours <= LONGEST_HOURS) {
            return Err(SimulationError::new("length", "hours above 0 and at most a year", self.hours));
        }
        Shared::new(self).map(drop)
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation")
            .field("traffic", &self.traffic)
            .field("stable", &self.stable)
            .field("canary", &self.canary)
            .field("host", &self.host)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

/// What is to be simulated makes no sense.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{what}: expected {expected}, got {got}")]
pub struct SimulationError {
    /// Of what.
    pub what: String,
    /// What would make sense.
    pub expected: String,
    /// What was given.
    pub got: String,
}

impl SimulationError {
    /// The library does not begin such a rollout.
    pub(crate) fn refused(error: &impl fmt::Display) -> Self {
        Self::new("the library", "a rollout that it can begin", error)
    }

    fn of(self, what: &str) -> Self {
        Self { what: what.into(), ..self }
    }

    pub(crate) fn new(what: &str, expected: &str, got: impl fmt::Display) -> Self {
        Self { what: what.into(), expected: expected.into(), got: got.to_string() }
    }
}
