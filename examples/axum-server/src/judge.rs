//! An endpoint that judges: the place of a large model that one would ask.
//!
//! It speaks OpenAI's chat API, as [`serinus_judge::OpenAiJudge`] does over HTTP. A large model knows capitals, more or
//! less; this one knows the key of the task, and makes as many mistakes as it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use rand::RngExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::task::Task;

/// A judge of the task's answers.
#[derive(Debug, Clone)]
pub struct JudgeServer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    task: Arc<Task>,
    mistakes: f64,
    calls: AtomicU64,
}

impl JudgeServer {
    /// A judge that takes a right answer for a wrong one, or the other way round, with this probability.
    pub fn new(task: Arc<Task>, mistakes: f64) -> Self {
        Self { shared: Arc::new(Shared { task, mistakes: mistakes.clamp(0.0, 1.0), calls: AtomicU64::new(0) }) }
    }

    /// How often it has been asked.
    pub fn calls(&self) -> u64 {
        self.shared.calls.load(Ordering::Relaxed)
    }

    /// Serves on `listener` for ever.
    ///
    /// # Errors
    /// What the listener reports.
    pub async fn serve(self, listener: TcpListener) -> std::io::Result<()> {
        let app = axum::Router::new().route("/v1/chat/completions", post(completions)).with_state(self);
        axum::serve(listener, app).await
    }
}

async fn completions(State(judge): State<JudgeServer>, Json(request): Json<Value>) -> Response {
    judge.shared.calls.fetch_add(1, Ordering::Relaxed);
    match judge.shared.verdict(&request) {
        Some(verdict) => Json(json!({
            "object": "chat.completion",
            "model": request["model"],
            "choices": [{
                "index": 0,
                "message": { "role": "assistant", "content": verdict.to_string() },
                "finish_reason": "stop",
            }],
            "usage": { "prompt_tokens": 400, "completion_tokens": 8, "total_tokens": 408 },
        }))
        .into_response(),
        None => (StatusCode::BAD_REQUEST, "this judge knows capitals only").into_response(),
    }
}

impl Shared {
    /// What is asked for stands in the answer's schema, what is to be judged in the user's message.
    fn verdict(&self, request: &Value) -> Option<Value> {
        let messages = request["messages"].as_array()?;
        let asked = messages.iter().rev().find(|message| message["role"] == "user")?["content"].as_str()?;
        let data = |name: &str| {
            let line = asked.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))?;
            serde_json::from_str::<String>(line).ok()
        };
        let prompt = data("prompt")?;
        let likes = |answer: String| {
            let is_right = self.task.check(&prompt, &answer)?;
            Some(is_right != rand::rng().random_bool(self.mistakes))
        };
        let properties = &request["response_format"]["json_schema"]["schema"]["properties"];
        if let Some(scale) = properties["score"]["enum"].as_array() {
            let scores = scale.iter().filter_map(Value::as_i64);
            let likes = likes(data("answer")?)?;
            return Some(json!({ "score": if likes { scores.max()? } else { scores.min()? } }));
        }
        Some(json!({ "better": match (likes(data("answer_A")?)?, likes(data("answer_B")?)?) {
            (true, false) => "A",
            (false, true) => "B",
            _ => "neither",
        }}))
    }
}
