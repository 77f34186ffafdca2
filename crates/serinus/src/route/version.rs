//! What all leases of one version share while it is served.

use super::bells::LastingBell;
use super::token::{TokenId, TokenKey};
use crate::model::VersionId;
use crate::sync::{AtomicBool, Ordering};

/// One version from its admission to its last lease. Written when it is cancelled, and never by a request.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) id: VersionId,
    pub(crate) token_id: TokenId,
    pub(crate) token_key: TokenKey,
    /// Set when the requests still in flight are to stop.
    cancelled: AtomicBool,
    /// Rung whenever a request has ended.
    pub(crate) ended: LastingBell,
}

impl Version {
    pub(crate) fn new(id: VersionId, token_key: TokenKey) -> Self {
        let token_id = TokenId::new(&id);
        Self { id, token_id, token_key, cancelled: AtomicBool::new(false), ended: LastingBell::new() }
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
}
