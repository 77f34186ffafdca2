//! What blocks and is done away from the control loop.

use std::time::Duration;

use crate::alert::Alert;
use crate::host::HostCall;
use crate::model::VersionId;
use crate::rollout::CallId;

/// What blocks and is done away from the control loop.
#[derive(Clone, Debug)]
pub enum Work {
    /// A call to the host, answered with [`Input::Reply`](crate::rollout::Input::Reply).
    Host {
        /// Its number.
        call: CallId,
        /// The call.
        what: HostCall,
    },
    /// Waiting until a version that gets no new requests has none in flight, answered with
    /// [`Input::Drained`](crate::rollout::Input::Drained).
    Drain {
        /// Its number.
        call: CallId,
        /// The version.
        version: VersionId,
        /// After this time nobody waits for the answer any more.
        timeout: Duration,
    },
    /// Somebody is to be told. Needs no answer.
    Alert(Alert),
}
