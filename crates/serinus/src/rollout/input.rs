//! What a rollout reacts to.

use serde::{Deserialize, Serialize};

use super::effect::CallId;
use crate::evaluate::Evaluation;
use crate::host::{HostError, HostReply};

/// What a rollout reacts to.
#[derive(Clone, Debug)]
pub enum Input {
    /// Begin.
    Start,
    /// The driver died and another one goes on from the journal, in a process that routes everything to the old version.
    Recovered,
    /// Time has passed. The rollout expects one at least every five minutes; once a second is usual.
    Tick(Box<Evaluation>),
    /// A call to the host has been answered.
    Reply {
        /// Which call.
        call: CallId,
        /// How it went.
        result: Result<HostReply, HostError>,
    },
    /// A version has no request in flight any more.
    Drained {
        /// The [`Effect::AwaitDrain`](super::Effect::AwaitDrain) that asked for it.
        call: CallId,
    },
    /// A version has been taken out of the routing table.
    TrafficShifted {
        /// The effect that asked for it.
        call: CallId,
    },
    /// The splitter refused a table, or the journal could not be written before the effects of the last reaction were
    /// carried out; none of them was.
    Refused {
        /// Why.
        reason: String,
    },
    /// A person's word.
    Operator(Command),
}

/// What a person can say to a rollout at any time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Stay where you are. Guardrails go on watching and can still roll back.
    Pause {
        /// Why, for the log.
        reason: String,
    },
    /// Go on. After a stage had reached its longest hold, its time starts anew.
    Resume,
    /// Let the last step happen, where the plan asks for approval.
    Approve,
    /// Go back to the old version.
    Abort {
        /// Why, for the record.
        reason: String,
    },
    /// Go to 100% now, past holds and minimum requests; the health gate stands.
    Promote,
    /// Do not wait for the rest of the bake.
    EndBake,
}
