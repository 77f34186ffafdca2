//! How one rollout went on the way.

use serinus::evaluate::Evaluation;
use serinus::rollout::Phase;

use crate::report::Run;

/// One simulated rollout, and how it went on the way.
///
/// ```
/// use serinus_sim::{Behaviour, Simulation, Traffic, plans};
///
/// let simulation = Simulation::new(plans::five_hours(), Traffic::per_hour(1_000.0), Behaviour::new(), Behaviour::new());
/// let trace = simulation.trace(1)?;
/// assert_eq!(trace.run, simulation.run(1)?);
/// let weights = trace.moments.iter().map(|moment| moment.weight);
/// assert_eq!(weights.fold(0.0, f64::max), 1.0);
/// # Ok::<(), serinus_sim::SimulationError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// What came of it.
    pub run: Run,
    /// How things stood after each of the driver's ticks. There are none while the controller is down.
    pub moments: Vec<Moment>,
}

/// How things stood after one of the driver's ticks.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// Seconds since the rollout began.
    pub seconds: f64,
    /// Where the rollout stood.
    pub phase: Phase,
    /// The canary's share of the traffic.
    pub weight: f64,
    /// What the evaluator said.
    pub evaluation: Evaluation,
}
