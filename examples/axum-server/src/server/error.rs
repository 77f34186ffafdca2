//! Errors as OpenAI's clients expect them.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::MODEL;
use crate::engine::{EngineError, GenerationError};

/// Why a request gets no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ChatError {
    #[error("the request is not valid: {0}")]
    Invalid(String),
    #[error("model {0} does not exist; this server has {MODEL}")]
    UnknownModel(String),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Generation(#[from] GenerationError),
}

impl ChatError {
    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid_request_error"),
            Self::Engine(EngineError::Prompt(_)) => (StatusCode::BAD_REQUEST, "context_length_exceeded"),
            Self::UnknownModel(_) => (StatusCode::NOT_FOUND, "model_not_found"),
            Self::Engine(EngineError::Busy { .. } | EngineError::NotLoaded { .. })
            | Self::Generation(GenerationError::Cancelled) => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            Self::Engine(_) | Self::Generation(_) => (StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
        }
    }

    pub(super) fn body(&self) -> Value {
        let (status, code) = self.status();
        let kind = if status.is_client_error() { "invalid_request_error" } else { "server_error" };
        json!({ "error": { "message": self.to_string(), "type": kind, "param": null, "code": code } })
    }
}

impl IntoResponse for ChatError {
    fn into_response(self) -> Response {
        let (status, _) = self.status();
        let mut response = (status, Json(self.body())).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
