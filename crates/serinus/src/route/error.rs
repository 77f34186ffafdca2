//! What can be wrong with a change of the routing table.

use thiserror::Error;

use crate::model::VersionId;

/// A change of the routing table that was refused. The table stands as it was.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum RoutingError {
    /// No version was given any weight.
    #[error("no weights were given; name at least one version, as in {{\"v1\": 1.0}}")]
    NoWeights,
    /// A weight is negative or not a finite number.
    #[error("the weight of {version} must be a finite number of at least 0, got {weight}")]
    BadWeight {
        /// The version that the weight was for.
        version: VersionId,
        /// The weight as given.
        weight: f64,
    },
    /// The weights do not add up to 1 (within 0.001).
    #[error("weights must sum to 1 (within 0.001), got {sum}")]
    BadSum {
        /// What they add up to.
        sum: f64,
    },
    /// The version is not served: it was never admitted, or it has been withdrawn.
    #[error("{version} is not loaded here; serving: {}; load and admit it first", list(serving))]
    NotServing {
        /// The version as given.
        version: VersionId,
        /// The versions that are served.
        serving: Vec<VersionId>,
    },
    /// Withdrawing this version would leave nothing to route to.
    #[error("{version} is the only version that is served; admit another one and give it weight before withdrawing it")]
    LastVersion {
        /// The version as given.
        version: VersionId,
    },
    /// In-flight requests of a version that still gets traffic cannot be cancelled.
    #[error("{version} still gets traffic; withdraw it before cancelling its requests")]
    StillServing {
        /// The version as given.
        version: VersionId,
    },
    /// The salt decides which users are where, so it changes only while one version has all the traffic.
    #[error("the salt can change only while one version has all the traffic; {versions} share it")]
    SaltInUse {
        /// How many versions have traffic.
        versions: usize,
    },
    /// The change could not be published to the routers that share the table, or not all of them have confirmed it.
    #[error("{reason}")]
    Unpublished {
        /// Why not.
        reason: String,
    },
    /// A published table contradicts itself.
    #[error("this routing table is not valid: {reason}")]
    BadTable {
        /// What is wrong with it.
        reason: String,
    },
}

fn list(versions: &[VersionId]) -> String {
    versions.iter().map(VersionId::as_str).collect::<Vec<_>>().join(", ")
}
