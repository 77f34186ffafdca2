//! What blocks and is done away from the control loop.

use std::time::Duration;

use crate::alert::Alert;
use crate::host::HostCall;
use crate::model::VersionId;
use crate::rollout::CallId;

/// What blocks and is done away from the control loop; answered with an input.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    Host { call: CallId, what: HostCall },
    Drain { call: CallId, version: VersionId, timeout: Duration },
    Alert(Alert),
}
