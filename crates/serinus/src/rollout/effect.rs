//! What a rollout asks for.

use serde::{Deserialize, Serialize};

use super::Phase;
use super::outcome::Outcome;
use crate::alert::Alert;
use crate::host::HostCall;
use crate::model::VersionId;
use crate::rollback::RollbackRecord;
use crate::route::Weights;

/// The number of a call, by which its answer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub u64);

/// What a rollout asks its driver to do, in this order. All of it is idempotent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Publish that all traffic and all pins leave the canary, before anything else and before the journal; answer
    /// with [`Input::TrafficShifted`](super::Input::TrafficShifted).
    RollBackTraffic {
        /// To answer with.
        call: CallId,
        /// The canary.
        version: VersionId,
    },
    /// Take the old version out of the routing table; answer with
    /// [`Input::TrafficShifted`](super::Input::TrafficShifted).
    Withdraw {
        /// To answer with.
        call: CallId,
        /// The old version.
        version: VersionId,
    },
    /// Make a verified version known to the splitter.
    Admit(VersionId),
    /// Share traffic out anew, and begin a new block of evidence.
    SetWeights {
        /// The shares.
        weights: Weights,
        /// The canary's.
        canary_weight: f64,
    },
    /// Try prompts of the old version's users on the canary, which has no traffic, and compare the answers.
    BeginShadow,
    /// Try no more of them.
    EndShadow,
    /// Hold the canary, which has all the traffic, against limits derived from the old version.
    BeginBake,
    /// Make a call to the host, which may block; answer with [`Input::Reply`](super::Input::Reply).
    Host {
        /// To answer with.
        call: CallId,
        /// The call.
        what: HostCall,
    },
    /// Answer with [`Input::Drained`](super::Input::Drained) once the version has no request in flight.
    AwaitDrain {
        /// To answer with.
        call: CallId,
        /// A withdrawn version.
        version: VersionId,
    },
    /// Tell the holders of the version's leases to stop and retry elsewhere.
    CancelLeases(VersionId),
    /// Keep the record of a rollback.
    Record(Box<RollbackRecord>),
    /// Tell somebody.
    Alert(Alert),
    /// Tell those who follow the rollout.
    Progress(Progress),
    /// Nothing more will be asked for.
    Finish(Box<Outcome>),
}

impl Effect {
    /// Whether the effect is carried out before the decision is journaled. Only taking traffic off a canary is: it must
    /// not wait for a disk.
    pub const fn precedes_journal(&self) -> bool {
        matches!(self, Self::RollBackTraffic { .. })
    }

    /// Whether the effect can be lost with a process although the journal has it: what is told to somebody. A recovery does it
    /// again; all others follow from the state.
    pub(crate) const fn is_told(&self) -> bool {
        matches!(self, Self::Record(_) | Self::Alert(_) | Self::Finish(_))
    }

    /// Whether another driver took the rollout over here.
    pub(crate) const fn is_recovery(&self) -> bool {
        matches!(self, Self::Progress(Progress::Recovered(_)))
    }
}

/// A step of a rollout, for those who follow it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Another phase began.
    Phase(Phase),
    /// Another driver goes on with it, after the one before had died in this phase.
    Recovered(Phase),
    /// The canary's share changed.
    Weight(f64),
    /// The canary was judged, and stays at its stage.
    Holding {
        /// Index of the stage.
        stage: usize,
        /// Seconds held.
        held_seconds: f64,
        /// Canary requests that were judged in this stage.
        requests: u64,
        /// What is missing before it can go on.
        missing: String,
    },
    /// The canary was judged, and stays in the shadow.
    Shadowing {
        /// Seconds held.
        held_seconds: f64,
        /// Prompts to which both answers have been compared.
        pairs: u64,
        /// What is missing before the first stage.
        missing: String,
    },
    /// A call failed and is tried again.
    Retrying {
        /// What was asked of the host.
        what: String,
        /// How it failed.
        error: String,
    },
    /// It stays where it is until a person says otherwise.
    Paused(String),
    /// A person let it go on.
    Resumed,
    /// Something did not go as planned and somebody should look at it; the rollout goes on.
    Warning(String),
}
