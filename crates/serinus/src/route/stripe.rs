//! What one thread's requests to one version have in common.

use std::sync::Arc;

use super::bell::Bell;
use super::counted::{Awaited, InFlight};
use super::request::Reason;
use super::routes::OpenBlock;
use super::version::Version;
use crate::model::VersionId;
use crate::observe::{ArmEvidence, End, Ready, Signals, UserShares};

/// One thread's requests to one version in one block of evidence and one pin epoch. Only that thread begins requests on it;
/// they may end anywhere.
#[derive(Debug)]
pub(crate) struct Stripe {
    /// The version's name, of which this thread counts the copies.
    pub(crate) id: VersionId,
    /// Rung whenever a request of the version has ended.
    ended: &'static Bell,
    pub(crate) recording: Option<Recording>,
    pub(crate) pin_epoch: u64,
    pub(crate) version: Arc<Version>,
    /// Rung when the version's requests are cancelled.
    pub(crate) cancellation: Bell,
}

/// The evidence of a stripe, and what is read off each request.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) block: u64,
    signals: Signals,
    shares: Arc<UserShares>,
    pub(crate) evidence: parking_lot::Mutex<ArmEvidence>,
}

impl Stripe {
    pub(super) fn new(version: Arc<Version>, pin_epoch: u64, block: Option<&OpenBlock>) -> Self {
        let recording = block.map(|block| Recording {
            block: block.number,
            signals: block.signals.clone(),
            shares: Arc::clone(&block.shares),
            evidence: parking_lot::Mutex::default(),
        });
        let (id, ended) = (version.id.unshared(), version.ended.to_ring());
        Self { id, ended, recording, pin_epoch, version, cancellation: Bell::new() }
    }

    /// Whether requests of this version and this block may go on being counted here.
    pub(super) fn serves(&self, version: &Arc<Version>, pin_epoch: u64, block: Option<&OpenBlock>) -> bool {
        let recorded = self.recording.as_ref().map(|recording| recording.block);
        Arc::ptr_eq(&self.version, version)
            && self.pin_epoch == pin_epoch
            && recorded == block.map(|block| block.number)
    }
}

impl Awaited for Stripe {
    #[inline]
    fn ended(&self) -> &'static Bell {
        self.ended
    }
}

impl InFlight<Stripe> {
    /// Whether a request that was begun is within its user's share.
    #[inline]
    pub(crate) fn within_share(&self, reason: Reason, point: u32) -> bool {
        match (reason, &self.recording) {
            (Reason::Sticky, Some(recording)) => self.takes_share(recording, point),
            _ => true,
        }
    }

    #[inline(never)]
    fn takes_share(&self, recording: &Recording, point: u32) -> bool {
        let within = recording.shares.take(point);
        if !within {
            self.cap();
        }
        within
    }

    /// Notes what came of the request, if anybody wants to know.
    #[inline(never)]
    pub(crate) fn record(&self, end: &End) {
        if let Some(recording) = &self.recording {
            // The signals are asked before the lock is taken: one of the host's may wait for a lock that a thread holds which
            // waits for this one.
            let ready = Ready::new(end, &recording.signals);
            recording.evidence.lock().count(&ready, &recording.signals);
        }
    }
}
