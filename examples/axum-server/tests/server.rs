//! The server over real HTTP, with real checkpoints and a real load.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum_server::engine::{Engine, EngineOptions};
use axum_server::load::{Load, LoadOptions};
use axum_server::server::Server;
use axum_server::task::Task;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::http::request::Builder;
use hyper::http::response::Parts;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use serinus::model::VersionId;
use serinus::route::{HashSplitter, Reason, TrafficSplitter, Weights};
use tokio::net::{TcpListener, TcpStream};

struct Running {
    address: SocketAddr,
    server: Server,
}

async fn start() -> Running {
    start_with(false).await
}

async fn start_with(allow_force_version: bool) -> Running {
    let checkpoints = Path::new(env!("CARGO_MANIFEST_DIR")).join("checkpoints");
    let engine = Engine::new(EngineOptions { slots: 2, ..EngineOptions::default() });
    for version in ["v1", "v2"] {
        engine.load(version, &checkpoints.join(version).with_extension("safetensors"), 1).unwrap();
    }
    let splitter = Arc::new(HashSplitter::new("capitals", &Weights::all(&id("v1"))));
    let server = Server { engine, splitter, reviewer: None, task: Arc::new(Task::capitals()), allow_force_version };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(server.clone().serve(listener, std::future::pending()));
    Running { address, server }
}

fn id(version: &str) -> VersionId {
    VersionId::new(version).unwrap()
}

impl Running {
    async fn call(&self, method: Method, path: &str, body: &str) -> (StatusCode, String) {
        let request = Request::builder().method(method).uri(path);
        let (head, body) = self.send(request, body).await;
        (head.status, body)
    }

    async fn send(&self, request: Builder, body: &str) -> (Parts, String) {
        let socket = TokioIo::new(TcpStream::connect(self.address).await.unwrap());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(socket).await.unwrap();
        tokio::spawn(connection);
        let body = Full::new(Bytes::from(body.to_owned()));
        let request = request.header("host", "localhost").body(body).unwrap();
        let (head, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head, String::from_utf8(body.to_vec()).unwrap())
    }

    /// Asks with one more header; gives the version that answered and the session token that came with it.
    async fn ask(&self, header: (&str, &str), stream: bool) -> (String, String) {
        let mut body = question("capital of nobody?");
        body["stream"] = json!(stream);
        let request = Request::post("/v1/chat/completions").header(header.0, header.1);
        let (head, body) = self.send(request, &body.to_string()).await;
        let data = body.lines().next().unwrap();
        let answer: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap_or(data)).unwrap();
        let token = head.headers["x-session-token"].to_str().unwrap();
        (answer["model"].as_str().unwrap().to_owned(), token.to_owned())
    }

    async fn chat(&self, body: &Value) -> (StatusCode, String) {
        self.call(Method::POST, "/v1/chat/completions", &body.to_string()).await
    }

    fn load(&self, connections: u32, stream: bool) -> Load {
        let options = LoadOptions { address: self.address, connections, users: 100, rate: None, stream, seed: 1 };
        Load::start(options, &self.server.task)
    }
}

fn question(prompt: &str) -> Value {
    json!({ "model": "capitals", "messages": [{ "role": "user", "content": prompt }] })
}

#[tokio::test]
async fn a_whole_answer_is_shaped_as_openai_shapes_it() {
    let running = start().await;
    let (status, body) = running.chat(&question("capital of nobody?")).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&answer["object"], &answer["model"]), (&json!("chat.completion"), &json!("v1")));
    assert_eq!(answer["usage"]["prompt_tokens"], 19);
    assert!(answer["choices"][0]["message"]["content"].is_string());
    let fingerprint = running.server.engine.fingerprint("v1").unwrap();
    assert_eq!(answer["system_fingerprint"], fingerprint.to_string());
}

#[tokio::test]
async fn a_stream_carries_the_same_answer_in_chunks() {
    let running = start().await;
    let mut request = question("capital of nobody?");
    let whole: Value = serde_json::from_str(&running.chat(&request).await.1).unwrap();
    request["stream"] = json!(true);
    let (status, body) = running.chat(&request).await;
    assert_eq!(status, StatusCode::OK);
    let events: Vec<&str> = body.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap()).collect();
    let (last, chunks) = events.split_last().unwrap();
    assert_eq!(*last, "[DONE]");
    let chunks: Vec<Value> = chunks.iter().map(|chunk| serde_json::from_str(chunk).unwrap()).collect();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "stop");
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, whole["choices"][0]["message"]["content"]);
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_with_the_reason() {
    let running = start().await;
    let mut other_model = question("?");
    other_model["model"] = json!("gpt-4");
    let mut no_tokens = question("?");
    no_tokens["max_tokens"] = json!(0);
    for (request, status, code) in [
        (json!({}), StatusCode::BAD_REQUEST, "invalid_request_error"),
        (json!({ "model": "capitals", "messages": [] }), StatusCode::BAD_REQUEST, "invalid_request_error"),
        (no_tokens, StatusCode::BAD_REQUEST, "invalid_request_error"),
        (question(&"x".repeat(1_000)), StatusCode::BAD_REQUEST, "context_length_exceeded"),
        (other_model, StatusCode::NOT_FOUND, "model_not_found"),
    ] {
        let (got, body) = running.chat(&request).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((got, &body["error"]["code"]), (status, &json!(code)), "{body}");
    }
    running.server.engine.unload("v1", 0).unwrap();
    assert_eq!(running.chat(&question("?")).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(running.server.splitter.in_flight(&id("v1")), 0, "every request ended its lease");
}

#[tokio::test]
async fn a_conversation_stays_on_its_version_until_that_is_rolled_back() {
    let running = start().await;
    let splitter = &running.server.splitter;
    let (v1, v2) = (id("v1"), id("v2"));
    splitter.admit(&v2);
    splitter.set_weights(&Weights::all(&v2)).unwrap();
    for stream in [false, true] {
        let (version, token) = running.ask(("x-session-token", "not a token"), stream).await;
        assert_eq!(version, "v2", "a garbled token is ignored");
        splitter.set_weights(&Weights::split(&v2, &v1, 1.0).unwrap()).unwrap();
        assert_eq!(running.ask(("x-session-token", &token), stream).await, ("v2".to_owned(), token.clone()));
        splitter.roll_back(&v2).unwrap();
        assert_eq!(running.ask(("x-session-token", &token), stream).await.0, "v1");
        splitter.admit(&v2);
        splitter.set_weights(&Weights::split(&v2, &v1, 1.0).unwrap()).unwrap();
        assert_eq!(running.ask(("x-session-token", &token), stream).await.0, "v1", "its pin went with the rollback");
        splitter.set_weights(&Weights::split(&v1, &v2, 1.0).unwrap()).unwrap();
    }
}

#[tokio::test]
async fn a_version_can_be_forced_only_where_the_server_allows_it() {
    for (allowed, answers) in [(false, "v1"), (true, "v2")] {
        let running = start_with(allowed).await;
        running.server.splitter.admit(&id("v2"));
        assert_eq!(running.ask(("x-force-version", "v2"), false).await.0, answers);
        assert_eq!(running.ask(("x-force-version", "v9"), false).await.0, "v1");
    }
}

#[tokio::test]
async fn health_says_what_is_loaded() {
    let running = start().await;
    assert_eq!(running.call(Method::GET, "/health", "").await.0, StatusCode::OK);
    assert!(running.call(Method::GET, "/v1/models", "").await.1.contains("capitals"));
    for version in ["v1", "v2"] {
        running.server.engine.unload(version, 0).unwrap();
    }
    assert_eq!(running.call(Method::GET, "/health", "").await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_versions_come_and_go_and_are_cancelled() {
    let running = start().await;
    let Running { server, .. } = &running;
    let (streams, wholes) = (running.load(8, true), running.load(2, false));
    for round in 0..20 {
        let [from, to] = if round % 2 == 0 { ["v1", "v2"] } else { ["v2", "v1"] };
        let (from, to) = (id(from), id(to));
        server.splitter.admit(&to);
        server.splitter.set_weights(&Weights::split(&from, &to, 0.5).unwrap()).unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        server.splitter.roll_back(&from).unwrap();
        server.splitter.cancel(&from).unwrap();
        server.engine.cancel_in_flight(from.as_str());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (streams, wholes) = (streams.stop().await, wholes.stop().await);
    for report in [&streams, &wholes] {
        assert_eq!(report.failed, 0, "{:?}", report.failure);
        assert_eq!(report.versions.len(), 2);
        assert!(report.requests() > 20);
    }
    let stats = server.splitter.stats();
    let routed: u64 = stats.versions.values().map(|version| version.count).sum();
    let retried: u64 = stats.versions.values().filter_map(|version| version.by_reason.get(&Reason::Retried)).sum();
    assert_eq!(routed - retried, streams.requests() + wholes.requests());
    assert!(stats.versions.values().all(|version| version.in_flight == 0));
}
