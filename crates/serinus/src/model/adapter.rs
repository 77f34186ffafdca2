//! A small set of weights on top of a base model.

use serde::{Deserialize, Serialize};

use super::Fingerprint;

/// What an adapter of unknown size takes, as a share of its base model's memory.
const UNKNOWN_SHARE: f64 = 0.15;

/// A low-rank adapter (LoRA) on top of a base model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adapter {
    /// The name under which the engine knows it. Another set of weights has another name.
    pub name: String,
    /// The base weights that it was trained on.
    pub base_weight_hash: Fingerprint,
    /// Its own weights.
    pub weight_hash: Fingerprint,
    /// Its rank.
    pub rank: u32,
    /// Its size in gigabytes, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_gb: Option<f64>,
    /// What the engine reserves beside it for further adapters, in gigabytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_gb: Option<f64>,
}

impl Adapter {
    /// GPU memory that it takes on each replica: its size and what the engine reserves, or 15% of the base model's where
    /// the size is not known.
    pub fn memory_gb(&self, base_memory_gb: f64) -> f64 {
        self.size_gb.map_or(UNKNOWN_SHARE * base_memory_gb, |size| size + self.reserved_gb.unwrap_or(0.0))
    }
}
