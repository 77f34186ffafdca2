//! The comparison under way, as requests see it.

use std::sync::atomic::{AtomicU8, Ordering};

use super::sampling::Sampler;
use crate::model::VersionId;
use crate::observe::Arm;

/// The comparison under way, as requests see it.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) stable: VersionId,
    pub(super) canary: VersionId,
    pub(super) number: u64,
    pub(super) sampler: Sampler,
    mode: AtomicU8,
}

/// What is taken at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Mode {
    Nothing,
    /// Prompts of the stable version, to be tried on the canary.
    Shadow,
    /// Answers of both.
    Traffic,
}

impl Comparison {
    pub(super) const fn new(number: u64, stable: VersionId, canary: VersionId, sampler: Sampler) -> Self {
        Self { stable, canary, number, sampler, mode: AtomicU8::new(Mode::Nothing as u8) }
    }

    pub(super) fn set_mode(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::Release);
    }

    pub(super) fn mode(&self) -> Mode {
        let now = self.mode.load(Ordering::Acquire);
        [Mode::Shadow, Mode::Traffic].into_iter().find(|mode| *mode as u8 == now).unwrap_or(Mode::Nothing)
    }

    /// Which of the two a version is.
    pub(super) fn arm(&self, version: &VersionId) -> Option<Arm> {
        if *version == self.canary {
            Some(Arm::Canary)
        } else if *version == self.stable {
            Some(Arm::Stable)
        } else {
            None
        }
    }
}
