//! `POST /v1/chat/completions`.

use std::convert::Infallible;
use std::time::Instant;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serinus::route::Request;

use super::Server;
use super::answer::{Answer, Progress, Question};
use super::error::ChatError;
use super::wire::{ChatRequest, write_event};

/// Keeps a conversation on one version; see [`serinus::route::SessionToken`].
const SESSION_TOKEN: HeaderName = HeaderName::from_static("x-session-token");
/// Names the version that is to answer; see [`serinus::route::Request::force_version`].
const FORCE_VERSION: HeaderName = HeaderName::from_static("x-force-version");

/// Room for the events of one step, so that the buffer seldom grows.
const EVENTS_BYTES: usize = 2_048;

pub(super) async fn completions(
    State(server): State<Server>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ChatError> {
    let arrived = Instant::now();
    let mut request = ChatRequest::parse(&body)?;
    let (is_streamed, max_tokens, user) = (request.stream, request.max_tokens(), request.user.take());
    let question = Question { prompt: request.into_prompt()?, max_tokens, arrived };
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let route = Request::new()
        .sticky_key(user.as_deref())
        .session_token(header(SESSION_TOKEN))
        .force_version(header(FORCE_VERSION).filter(|_| server.allow_force_version));
    // The response begins with the first token: until then an error can still have its own status.
    let first = Answer::start(server, &route, question)?.next().await?;
    if is_streamed { Ok(streamed(first)) } else { at_once(first).await }
}

async fn at_once(mut progress: Progress) -> Result<Response, ChatError> {
    loop {
        match progress {
            Progress::Text { answer, .. } => progress = answer.next().await?,
            Progress::Finished { origin, whole, finish, usage, .. } => {
                let token = [(SESSION_TOKEN, origin.session_token().to_string())];
                return Ok((token, Json(origin.completion(&whole, finish, &usage))).into_response());
            }
        }
    }
}

fn streamed(first: Progress) -> Response {
    let (Progress::Text { origin, .. } | Progress::Finished { origin, .. }) = &first;
    let token = [(SESSION_TOKEN, origin.session_token().to_string())];
    let events = stream::unfold(Stream::Ready { opened: None, progress: first }, |stream| async {
        let (events, rest) = stream.advance().await?;
        Some((Ok::<_, Infallible>(Bytes::from(events)), rest))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
    (token, headers, Body::from_stream(events)).into_response()
}

/// A response on its way out.
enum Stream {
    /// Something is there to be written. `opened` is the id whose opening chunk has been written.
    Ready { opened: Option<u64>, progress: Progress },
    /// Something must be waited for.
    Waiting { opened: Option<u64>, answer: Answer },
    /// All is written.
    Ended,
}

impl Stream {
    async fn advance(self) -> Option<(Vec<u8>, Self)> {
        let mut events = Vec::with_capacity(EVENTS_BYTES);
        let (opened, progress) = match self {
            Self::Ready { opened, progress } => (opened, progress),
            Self::Waiting { opened, answer } => match answer.next().await {
                Ok(progress) => (opened, progress),
                Err(error) => {
                    write_event(&mut events, &error.body());
                    return Some((events, Self::Ended));
                }
            },
            Self::Ended => return None,
        };
        let (Progress::Text { origin, more, .. } | Progress::Finished { origin, more, .. }) = &progress;
        if opened != Some(origin.id()) {
            origin.write_opening(&mut events);
        }
        if !more.is_empty() {
            origin.write_content(&mut events, more);
        }
        let rest = match progress {
            Progress::Text { origin, answer, .. } => Self::Waiting { opened: Some(origin.id()), answer },
            Progress::Finished { origin, finish, .. } => {
                origin.write_closing(&mut events, finish);
                Self::Ended
            }
        };
        Some((events, rest))
    }
}
