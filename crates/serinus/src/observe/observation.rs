//! One request, reported as a whole.

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use crate::clock::Timestamp;
use crate::model::VersionId;

/// One request as a host reports it after the fact: which version served it, what it came to, and, where it is known or
/// sampled for judging, everything else.
///
/// Hosts that route through Serinus need none of this: the lease knows version and arrival. Observations are for hosts
/// without a splitter, for replays and for judges.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use serinus::model::VersionId;
/// use serinus::observe::{Observation, Outcome};
///
/// let outcome = Outcome::ok().ttft_ms(95.0).latency_ms(830.0).tokens(212);
/// let observation = Observation::new(VersionId::new("chat-v7")?, outcome).request_id("r-81").response("Paris.");
/// assert_eq!(observation.outcome.tokens, Some(212));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The version that served the request.
    pub version: VersionId,
    /// The host's name for the request, by which later feedback finds it.
    #[serde(default)]
    pub request_id: Option<String>,
    /// When the request arrived; without it, the time of the report counts.
    #[serde(default)]
    pub arrived_at: Option<Timestamp>,
    /// What makes a user's requests stay on one version.
    #[serde(default)]
    pub sticky_key: Option<String>,
    /// What the request came to.
    pub outcome: Outcome,
    /// What went wrong, in the host's words.
    #[serde(default)]
    pub error_message: Option<String>,
    /// What was asked, where it is sampled for judging.
    #[serde(default)]
    pub prompt: Option<String>,
    /// What was answered, where it is sampled for judging.
    #[serde(default)]
    pub response: Option<String>,
}

impl Observation {
    /// A request that this version served, and what it came to.
    pub const fn new(version: VersionId, outcome: Outcome) -> Self {
        Self {
            version,
            request_id: None,
            arrived_at: None,
            sticky_key: None,
            outcome,
            error_message: None,
            prompt: None,
            response: None,
        }
    }

    /// With the host's name for the request.
    pub fn request_id(self, request_id: impl Into<String>) -> Self {
        Self { request_id: Some(request_id.into()), ..self }
    }

    /// With the time of its arrival.
    pub fn arrived_at(self, arrived_at: Timestamp) -> Self {
        Self { arrived_at: Some(arrived_at), ..self }
    }

    /// With the key that keeps its user on one version.
    pub fn sticky_key(self, sticky_key: impl Into<String>) -> Self {
        Self { sticky_key: Some(sticky_key.into()), ..self }
    }

    /// With what went wrong. Whether the request counts as failed is the outcome's to say.
    pub fn error_message(self, error_message: impl Into<String>) -> Self {
        Self { error_message: Some(error_message.into()), ..self }
    }

    /// With what was asked.
    pub fn prompt(self, prompt: impl Into<String>) -> Self {
        Self { prompt: Some(prompt.into()), ..self }
    }

    /// With what was answered.
    pub fn response(self, response: impl Into<String>) -> Self {
        Self { response: Some(response.into()), ..self }
    }
}
