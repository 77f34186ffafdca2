//! The host's GPUs.

use crate::queue::Capacity;
use crate::simulation::SimulationError;

/// The host's GPUs: how long they take to load, and how much they can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Host {
    /// Seconds to load a replica; replicas load side by side.
    pub load_seconds: f64,
    /// Seconds to warm replicas up.
    pub warm_up_seconds: f64,
    /// What the stable version's replicas can do.
    pub stable: Capacity,
    /// What the canary's replicas can do.
    pub canary: Capacity,
}

impl Default for Host {
    fn default() -> Self {
        Self { load_seconds: 60.0, warm_up_seconds: 10.0, stable: Capacity::UNLIMITED, canary: Capacity::UNLIMITED }
    }
}

impl Host {
    /// Looks whether it makes sense. [`Simulation::run`](crate::Simulation::run) does so too.
    ///
    /// # Errors
    ///
    /// [`SimulationError`] with what does not.
    pub fn check(&self) -> Result<(), SimulationError> {
        let times = [self.load_seconds, self.warm_up_seconds];
        if let Some(got) = times.into_iter().find(|time| !(*time >= 0.0 && time.is_finite())) {
            return Err(SimulationError::new("host", "seconds that are not negative", got));
        }
        let capacities = [self.stable, self.canary]
            .into_iter()
            .flat_map(|capacity| [capacity.concurrent, capacity.in_all])
            .flatten();
        match capacities.into_iter().find(|concurrent| !(*concurrent > 0.0 && concurrent.is_finite())) {
            Some(got) => Err(SimulationError::new("host", "a capacity above 0", got)),
            None => Ok(()),
        }
    }
}
