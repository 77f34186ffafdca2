//! The JSON that goes over the wire.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::json;
use serinus::model::VersionId;
use serinus::route::{Lease, SessionToken};

use super::MODEL;
use super::error::ChatError;
use crate::engine::Finish;
use crate::model::Fingerprint;

/// A request, as far as this server cares. Sampling parameters are accepted and ignored: decoding is greedy.
#[derive(Debug, Deserialize)]
pub(super) struct ChatRequest {
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    pub(super) stream: bool,
    pub(super) user: Option<String>,
    #[serde(alias = "max_completion_tokens")]
    max_tokens: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    content: String,
}

impl ChatRequest {
    pub(super) fn parse(body: &[u8]) -> Result<Self, ChatError> {
        let request: Self = serde_json::from_slice(body).map_err(|error| ChatError::Invalid(error.to_string()))?;
        if request.model != MODEL {
            return Err(ChatError::UnknownModel(request.model));
        }
        if request.max_tokens == Some(0) {
            return Err(ChatError::Invalid("max_tokens must be at least 1".to_owned()));
        }
        Ok(request)
    }

    pub(super) fn max_tokens(&self) -> usize {
        self.max_tokens.unwrap_or(usize::MAX)
    }

    /// The last user message.
    pub(super) fn into_prompt(self) -> Result<String, ChatError> {
        let asked = self.messages.into_iter().rev().find(|message| message.role == "user");
        asked.map(|message| message.content).ok_or_else(|| ChatError::Invalid("no user message".to_owned()))
    }
}

/// What stays the same from an answer's first chunk to its last.
#[derive(Debug)]
pub(super) struct Origin {
    id: u64,
    created: u64,
    version: VersionId,
    fingerprint: Fingerprint,
    session_token: SessionToken,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    system_fingerprint: &'a str,
    choices: [Choice<'a>; 1],
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    finish_reason: Option<&'static str>,
}

#[derive(Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

impl Origin {
    pub(super) fn new(id: u64, lease: &Lease, fingerprint: Fingerprint) -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let created = since_epoch.map_or(0, |since| since.as_secs());
        let (version, session_token) = (lease.version().clone(), lease.session_token());
        Self { id, created, version, fingerprint, session_token }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Keeps the conversation on the version that answered.
    pub(super) fn session_token(&self) -> SessionToken {
        self.session_token
    }

    /// The chunk that opens an answer.
    pub(super) fn write_opening(&self, events: &mut Vec<u8>) {
        self.write(events, Delta { role: Some("assistant"), content: Some("") }, None);
    }

    /// A chunk with more of the answer.
    pub(super) fn write_content(&self, events: &mut Vec<u8>, content: &str) {
        self.write(events, Delta { role: None, content: Some(content) }, None);
    }

    /// The chunk that closes an answer, and the stream.
    pub(super) fn write_closing(&self, events: &mut Vec<u8>, finish: Finish) {
        self.write(events, Delta { role: None, content: None }, Some(finish_reason(finish)));
        events.extend_from_slice(b"data: [DONE]\n\n");
    }

    /// A whole answer at once.
    pub(super) fn completion(&self, content: &str, finish: Finish, usage: &Usage) -> serde_json::Value {
        json!({
            "id": self.name(),
            "object": "chat.completion",
            "created": self.created,
            "model": self.version.as_str(),
            "system_fingerprint": self.fingerprint.to_string(),
            "choices": [{
                "index": 0,
                "message": { "role": "assistant", "content": content },
                "finish_reason": finish_reason(finish),
            }],
            "usage": usage,
        })
    }

    fn write(&self, events: &mut Vec<u8>, delta: Delta<'_>, finish_reason: Option<&'static str>) {
        let chunk = Chunk {
            id: &self.name(),
            object: "chat.completion.chunk",
            created: self.created,
            model: self.version.as_str(),
            system_fingerprint: &self.fingerprint.to_string(),
            choices: [Choice { index: 0, delta, finish_reason }],
        };
        write_event(events, &chunk);
    }

    fn name(&self) -> String {
        format!("chatcmpl-{:x}", self.id)
    }
}

/// Tokens that a request took.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Usage {
    #[serde(rename = "prompt_tokens")]
    prompt: usize,
    #[serde(rename = "completion_tokens")]
    completion: usize,
    #[serde(rename = "total_tokens")]
    total: usize,
}

impl Usage {
    pub(super) fn new(prompt: usize, completion: usize) -> Self {
        Self { prompt, completion, total: prompt + completion }
    }
}

/// Appends one server-sent event.
pub(super) fn write_event(events: &mut Vec<u8>, data: &impl Serialize) {
    events.extend_from_slice(b"data: ");
    // Writing to a vector cannot fail, and nothing here is a map with keys that are not strings.
    let _ = serde_json::to_writer(&mut *events, data);
    events.extend_from_slice(b"\n\n");
}

fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
    }
}
