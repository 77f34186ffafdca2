//! What an update takes in GPU memory.

use serde::{Deserialize, Serialize};

/// What an update takes in GPU memory, over the whole fleet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuBudget {
    /// What the old version takes before the update, in gigabytes.
    pub stable_memory_gb: f64,
    /// What both versions take at the most during the update, in gigabytes.
    pub peak_memory_gb: f64,
    /// What there is, in gigabytes.
    pub available_memory_gb: f64,
    /// The peak's extra memory over the old version's, as a fraction of it: 1.0 is a full second set.
    pub overhead_fraction: f64,
    /// Whether both versions must be loaded at once.
    pub overlap_required: bool,
}
