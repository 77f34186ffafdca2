//! What can go wrong between a process and its fleet.

use std::time::Duration;

use serinus::journal::JournalError;
use serinus::route::RoutingError;
use thiserror::Error;

/// Something that the fleet was asked for and did not do. What serves goes on serving.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum FleetError {
    /// No endpoint answered in time.
    #[error("etcd gave no answer within {:.1} s at {endpoints}: {problem}", waited.as_secs_f64())]
    Unreachable {
        /// Where it was looked for.
        endpoints: String,
        /// How long.
        waited: Duration,
        /// What the last attempt came to.
        problem: String,
    },
    /// etcd answered and refused: a wrong password, no permission, no room.
    #[error("etcd refused: {0}")]
    Refused(String),
    /// Another controller has taken over, so nothing was written.
    #[error("deposed: another controller took over from epoch {epoch}; nothing was written")]
    Deposed {
        /// The epoch that this one led in.
        epoch: u64,
    },
    /// This controller could not renew its lease in time; no other may have taken over yet.
    #[error("the leadership of epoch {epoch} has expired: etcd was out of reach for longer than its lease")]
    Expired {
        /// The epoch that this one led in.
        epoch: u64,
    },
    /// Routers that are alive have not confirmed a publication.
    #[error("published, but not confirmed by {}: requests may still follow the table before", routers.join(", "))]
    Unconfirmed {
        /// Their names.
        routers: Vec<String>,
    },
    /// A value in etcd is not of this library, or of a later release.
    #[error("the value of {key} in etcd cannot be read: {problem}")]
    Unreadable {
        /// Its key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The table cannot be changed so.
    #[error(transparent)]
    Routing(#[from] RoutingError),
    /// An option that makes no sense.
    #[error("{0}")]
    Config(String),
    /// The background thread could not be started, or is gone.
    #[error("no thread for the connection to etcd: {0}")]
    Thread(String),
}

impl From<FleetError> for RoutingError {
    fn from(error: FleetError) -> Self {
        match error {
            FleetError::Routing(error) => error,
            other => Self::Unpublished { reason: other.to_string() },
        }
    }
}

impl From<FleetError> for JournalError {
    fn from(error: FleetError) -> Self {
        Self::other(error.to_string())
    }
}

/// Whether another attempt may go better.
pub(crate) fn is_passing(error: &etcd_client::Error) -> bool {
    // By gRPC: invalid argument, not found (a lease), permission denied, resource exhausted, unauthenticated.
    const FINAL: [i32; 5] = [3, 5, 7, 8, 16];
    match error {
        etcd_client::Error::GRpcStatus(status) => !FINAL.contains(&i32::from(status.code())),
        etcd_client::Error::InvalidArgs(_) | etcd_client::Error::InvalidUri(_) => false,
        _ => true,
    }
}
