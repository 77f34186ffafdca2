//! A call to the host as a value, so that the rollout machine can ask for it without making it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{HostError, ModelHost};
use crate::model::{Fingerprint, ModelVersion, VersionId};

/// A call to the host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostCall {
    /// [`ModelHost::load`].
    Load {
        /// What to load.
        version: Box<ModelVersion>,
        /// How many replicas it is to have in all.
        replicas: u32,
    },
    /// [`ModelHost::warm_up`].
    WarmUp {
        /// Which version.
        version: VersionId,
        /// About how many tokens.
        tokens: u32,
    },
    /// [`ModelHost::verify`].
    Verify {
        /// Which version.
        version: VersionId,
    },
    /// [`ModelHost::cancel_in_flight`].
    CancelInFlight {
        /// Which version.
        version: VersionId,
    },
    /// [`ModelHost::unload`].
    Unload {
        /// Which version.
        version: VersionId,
        /// How many replicas stay.
        keep: u32,
    },
}

/// What a call gave when it succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostReply {
    /// It is done.
    Done,
    /// What is really loaded, where the host can tell.
    Verified(Option<Fingerprint>),
    /// How many requests were stopped.
    Cancelled(u64),
}

impl HostCall {
    /// Makes the call, and blocks until it is done.
    ///
    /// # Errors
    ///
    /// The host's own.
    pub fn make(&self, host: &dyn ModelHost) -> Result<HostReply, HostError> {
        match self {
            Self::Load { version, replicas } => host.load(version, *replicas).map(|()| HostReply::Done),
            Self::WarmUp { version, tokens } => host.warm_up(version, *tokens).map(|()| HostReply::Done),
            Self::Verify { version } => host.verify(version).map(HostReply::Verified),
            Self::CancelInFlight { version } => host.cancel_in_flight(version).map(HostReply::Cancelled),
            Self::Unload { version, keep } => host.unload(version, *keep).map(|()| HostReply::Done),
        }
    }

    /// The version that the call is about.
    pub fn version(&self) -> &VersionId {
        match self {
            Self::Load { version, .. } => version.version(),
            Self::WarmUp { version, .. }
            | Self::Verify { version }
            | Self::CancelInFlight { version }
            | Self::Unload { version, .. } => version,
        }
    }
}

impl fmt::Display for HostCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load { version, replicas } => write!(f, "loading {} on {replicas} replica(s)", version.version()),
            Self::WarmUp { version, .. } => write!(f, "warming up {version}"),
            Self::Verify { version } => write!(f, "verifying {version}"),
            Self::CancelInFlight { version } => write!(f, "cancelling the requests of {version}"),
            Self::Unload { version, keep: 0 } => write!(f, "unloading {version}"),
            Self::Unload { version, keep } => write!(f, "shrinking {version} to {keep} replica(s)"),
        }
    }
}
