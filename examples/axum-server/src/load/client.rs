//! One user agent: a connection that is kept, one request at a time.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

use crate::server::MODEL;

/// A whole answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) version: String,
    pub(super) answer: String,
    pub(super) first_text: Instant,
    pub(super) restarted: bool,
}

#[derive(Debug)]
pub(super) struct Client {
    address: SocketAddr,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, connection: None }
    }

    /// Asks one question. An answer that is cut off, or ends for another reason than its model's, is an error.
    pub(super) async fn ask(&mut self, prompt: &str, user: u32, stream: bool) -> Result<Reply> {
        let body = Body {
            model: MODEL,
            messages: [Message { role: "user", content: prompt.into() }],
            user: &format!("user-{user}"),
            stream,
        };
        let request = Request::post("/v1/chat/completions")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Full::from(serde_json::to_vec(&body)?))?;
        let response = self.connected().await?.send_request(request).await.context("sending the request")?;
        if !response.status().is_success() {
            let (status, body) = (response.status(), response.into_body().collect().await?.to_bytes());
            bail!("{status}: {}", String::from_utf8_lossy(&body));
        }
        if stream { read_stream(response).await } else { read_whole(response).await }
    }

    async fn connected(&mut self) -> Result<&mut SendRequest<Full<Bytes>>> {
        let usable = match &mut self.connection {
            Some(connection) => connection.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            let socket = TcpStream::connect(self.address).await.context("connecting")?;
            socket.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(socket)).await?;
            // Its error, if any, also reaches whoever waits for the response.
            tokio::spawn(async { drop(connection.await) });
            self.connection = Some(sender);
        }
        self.connection.as_mut().context("just connected")
    }
}

async fn read_stream(response: Response<Incoming>) -> Result<Reply> {
    let mut body = response.into_body();
    let mut unread = Vec::new();
    let mut reader = Reader::default();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.context("reading the stream")?.into_data() {
            unread.extend_from_slice(&data);
        }
        let mut read = 0;
        while let Some(length) = unread[read..].windows(2).position(|pair| pair == b"\n\n") {
            reader.read(&unread[read..read + length])?;
            read += length + 2;
        }
        unread.drain(..read);
    }
    reader.finish()
}

async fn read_whole(response: Response<Incoming>) -> Result<Reply> {
    let body = response.into_body().collect().await.context("reading the answer")?.to_bytes();
    let Completion { model, choices: [choice] } = serde_json::from_slice(&body)?;
    ensure!(choice.finish_reason == "stop", "the answer ended with {}", choice.finish_reason);
    Ok(Reply {
        version: model.into_owned(),
        answer: choice.message.content.into_owned(),
        first_text: Instant::now(),
        restarted: false,
    })
}

/// Puts a streamed answer together.
#[derive(Default)]
struct Reader {
    id: String,
    version: String,
    answer: String,
    first_text: Option<Instant>,
    finish_reason: Option<String>,
    is_done: bool,
    restarted: bool,
}

impl Reader {
    fn read(&mut self, event: &[u8]) -> Result<()> {
        let Some(data) = event.strip_prefix(b"data: ") else { return Ok(()) };
        if data == b"[DONE]" {
            self.is_done = true;
            return Ok(());
        }
        let unexpected = || format!("unexpected event: {}", String::from_utf8_lossy(data));
        let Chunk { id, model, choices: [choice] } = serde_json::from_slice(data).with_context(unexpected)?;
        if self.id != id {
            self.restarted = !self.id.is_empty();
            self.answer.clear();
            self.id = id.into_owned();
            self.version = model.into_owned();
        }
        if let Some(content) = choice.delta.content.filter(|content| !content.is_empty()) {
            self.first_text.get_or_insert_with(Instant::now);
            self.answer.push_str(&content);
        }
        self.finish_reason = choice.finish_reason.map(Cow::into_owned).or(self.finish_reason.take());
        Ok(())
    }

    fn finish(self) -> Result<Reply> {
        let reason = self.finish_reason.as_deref();
        ensure!(reason == Some("stop"), "the stream ended with {reason:?} after {:?}", self.answer);
        ensure!(self.is_done, "the stream was cut off after {:?}", self.answer);
        Ok(Reply {
            version: self.version,
            answer: self.answer,
            first_text: self.first_text.unwrap_or_else(Instant::now),
            restarted: self.restarted,
        })
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'static str,
    messages: [Message<'a>; 1],
    user: &'a str,
    stream: bool,
}

#[derive(Serialize, Deserialize)]
struct Message<'a> {
    role: &'a str,
    #[serde(borrow)]
    content: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    choices: [ChunkChoice<'a>; 1],
}

#[derive(Deserialize)]
struct ChunkChoice<'a> {
    #[serde(borrow)]
    delta: Delta<'a>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Completion<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    choices: [CompletionChoice<'a>; 1],
}

#[derive(Deserialize)]
struct CompletionChoice<'a> {
    #[serde(borrow)]
    message: Message<'a>,
    #[serde(borrow)]
    finish_reason: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(id: &str, model: &str, content: &str, finish_reason: Option<&str>) -> Vec<u8> {
        let choice = serde_json::json!({ "delta": { "content": content }, "finish_reason": finish_reason });
        let chunk = serde_json::json!({ "id": id, "model": model, "choices": [choice] });
        format!("data: {chunk}").into_bytes()
    }

    #[test]
    fn an_answer_under_another_id_starts_over() {
        let mut reader = Reader::default();
        reader.read(&chunk("1", "canary", "wro", None)).unwrap();
        reader.read(&chunk("2", "stable", "", None)).unwrap();
        reader.read(&chunk("2", "stable", "right", Some("stop"))).unwrap();
        reader.read(b"data: [DONE]").unwrap();
        let reply = reader.finish().unwrap();
        assert_eq!((&*reply.version, &*reply.answer, reply.restarted), ("stable", "right", true));
    }

    #[test]
    fn an_answer_without_its_end_is_a_failure() {
        for (finish_reason, done) in [(None, true), (Some("length"), true), (Some("stop"), false)] {
            let mut reader = Reader::default();
            reader.read(&chunk("1", "v1", "nukide", finish_reason)).unwrap();
            if done {
                reader.read(b"data: [DONE]").unwrap();
            }
            assert!(reader.finish().is_err());
        }
        assert!(Reader::default().read(br#"data: {"error":{"message":"overloaded"}}"#).is_err());
    }
}
