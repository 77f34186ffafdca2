//! Why an update cannot be planned so.

use thiserror::Error;

use crate::model::VersionId;

/// An update that cannot be planned so.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// There is nothing to update.
    #[error("{version} is the current version already; give the target a version of its own")]
    SameVersion {
        /// The version of both.
        version: VersionId,
    },
    /// The models do not fit into GPU memory.
    #[error("{what}: {needed_gb:.1} GB of GPU memory needed, {available_gb:.1} GB available; {advice}")]
    Memory {
        /// What does not fit.
        what: String,
        /// What it takes.
        needed_gb: f64,
        /// What there is.
        available_gb: f64,
        /// What to do.
        advice: &'static str,
    },
    /// The replicas that are left could not serve the traffic.
    #[error(
        "with {stable} stable and {canary} canary replicas of {slots}, not all traffic can be served while the canary \
         goes to {weight:.0}% (a replica serves {share:.1}%); add a spare replica, or state a lower peak utilization",
        weight = weight * 100.0,
        share = replica_share * 100.0
    )]
    Capacity {
        /// Stable replicas at that point.
        stable: u32,
        /// Canary replicas at that point.
        canary: u32,
        /// Replicas that the fleet can hold.
        slots: u32,
        /// The canary's share of traffic that was to be reached.
        weight: f64,
        /// The share of peak traffic that one replica can serve.
        replica_share: f64,
    },
    /// A field makes no sense.
    #[error("{field} must be {expected}, got {got}")]
    Invalid {
        /// The field.
        field: String,
        /// What it must be.
        expected: &'static str,
        /// What it was.
        got: String,
    },
    /// The text is not a plan.
    #[error("not a plan: {0}")]
    Format(String),
}

impl PlanError {
    pub(super) fn invalid(field: impl Into<String>, expected: &'static str, got: impl std::fmt::Debug) -> Self {
        Self::Invalid { field: field.into(), expected, got: format!("{got:?}") }
    }
}
