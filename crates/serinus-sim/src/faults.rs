//! What goes wrong.

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
