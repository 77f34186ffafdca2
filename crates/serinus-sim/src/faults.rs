//! What goes wrong.

use crate::simulation::SimulationError;

const MOST_ROUTERS: usize = 1_000;
/// Ten years, in seconds.
const FURTHEST: f64 = 10.0 * 365.0 * 86_400.0;

/// What goes wrong in every run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// What happens to loads, from the first one on.
    pub loads: Vec<Mishap>,
    /// When a replica of the canary dies, in seconds since the rollout began; it comes back after ten minutes.
    pub replica_dies: Vec<f64>,
    /// When the clock jumps, and by how many seconds.
    pub clock_jumps: Vec<(f64, f64)>,
    /// When the controller dies, with its router and all that is in flight; it comes back after half a minute.
    pub crashes: Vec<f64>,
    /// Routers besides the one in the controller's process, and after how many seconds they hear of a new table.
    pub lagging_routers: (usize, f64),
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// Nothing.
    None,
    /// It fails, and may succeed when it is made again.
    Transient,
    /// It fails for good.
    Permanent,
    /// It never answers.
    Hangs,
}

impl Faults {
    /// Looks whether it makes sense. [`Simulation::run`](crate::Simulation::run) does so too.
    ///
    /// # Errors
    ///
    /// [`SimulationError`] with what does not.
    pub fn check(&self) -> Result<(), SimulationError> {
        let jumps = self.clock_jumps.iter().map(|(at, _)| at);
        let times = self.replica_dies.iter().chain(jumps).chain(&self.crashes).chain([&self.lagging_routers.1]);
        if let Some(got) = times.copied().find(|time| !(*time >= 0.0 && time.is_finite())) {
            return Err(SimulationError::new("faults", "times that are finite and not negative", got));
        }
        if self.lagging_routers.0 > MOST_ROUTERS {
            return Err(SimulationError::new("faults", "at most a thousand routers", self.lagging_routers.0));
        }
        match self.clock_jumps.iter().find(|(_, by)| !(-FURTHEST..=FURTHEST).contains(by)) {
            Some((_, got)) => Err(SimulationError::new("faults", "a clock that jumps by at most ten years", got)),
            None => Ok(()),
        }
    }
}
