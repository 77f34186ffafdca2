//! The server: an OpenAI-style endpoint over HTTP.
//!
//! `POST /v1/chat/completions`, streamed or not; `GET /v1/models`; `GET /health`. The prompt is the last user message,
//! as it stands: this model knows no chat template. `user` is the sticky key. The answer's `model` names the version
//! that gave it and `system_fingerprint` the checkpoint.
//!
//! Each answer has a header `x-session-token`. A client that sends it back with the next request of the conversation stays
//! on the version that began it, while that version serves. A header `x-force-version` names the version that is to answer;
//! it is ignored unless [`Server::allow_force_version`] is set.
//!
//! An answer comes from one version. If its version is cancelled while it is streamed, it starts over on another: a
//! chunk with a new `id` and the role `assistant`, upon which a client drops what it had under the old `id`.

mod answer;
mod chat;
mod error;
mod text;
mod wire;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use serinus::judge::Reviewer;
use serinus::route::HashSplitter;
use tokio::net::TcpListener;

use crate::engine::Engine;
use crate::task::Task;

/// The name by which clients ask for the model, whichever version answers.
pub const MODEL: &str = "capitals";

/// Everything that a request needs.
#[derive(Debug, Clone)]
pub struct Server {
    /// The fleet that answers.
    pub engine: Engine,
    /// The choice of versions.
    pub splitter: Arc<HashSplitter>,
    /// Has a sample of the answers judged. Without it each answer is checked against the key as it ends.
    pub reviewer: Option<Arc<Reviewer>>,
    /// The key against which answers are checked.
    pub task: Arc<Task>,
    /// Whether clients may choose their version with the header `x-force-version`. For debugging only: it passes every
    /// weight by, and such answers are no evidence.
    pub allow_force_version: bool,
}

impl Server {
    /// Serves on `listener` until `shutdown` is ready, then finishes the requests that are there.
    ///
    /// # Errors
    /// What the listener reports.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let app = axum::Router::new()
            .route("/v1/chat/completions", post(chat::completions))
            .route("/v1/models", get(models))
            .route("/health", get(health))
            .with_state(self);
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
            // Small chunks must not wait for each other. A socket that refuses is slower, not broken.
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, app).with_graceful_shutdown(shutdown).await
    }
}

async fn models(State(server): State<Server>) -> Response {
    let versions = server.engine.memory().replicas;
    Json(json!({
        "object": "list",
        "data": [{ "id": MODEL, "object": "model", "created": 0, "owned_by": "serinus", "versions": versions }],
    }))
    .into_response()
}

async fn health(State(server): State<Server>) -> Response {
    let memory = server.engine.memory();
    let serving = !memory.replicas.is_empty();
    let status = if serving { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "status": if serving { "ok" } else { "no version is loaded" },
        "slots": { "total": memory.slots, "used": memory.used },
        "versions": memory.replicas,
    });
    (status, Json(body)).into_response()
}
