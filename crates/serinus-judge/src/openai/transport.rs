//! One HTTP request.

use std::fmt;
use std::time::Duration;

use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use ureq::http::{HeaderValue, Uri};
use ureq::{Agent, Error};

/// Sends questions to one address.
pub(super) struct Transport {
    agent: Agent,
    address: Uri,
    /// Marked as sensitive.
    authorization: Option<HeaderValue>,
    max_body: u64,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    /// `None` if it was longer than allowed.
    pub(super) body: Option<Vec<u8>>,
}

/// Nothing came back, or not all of it.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) what: &'static str,
    /// Whether the server may have begun to work on the question.
    pub(super) was_sent: bool,
}

impl Transport {
    pub(super) fn new(address: Uri, authorization: Option<HeaderValue>, connections: usize, max_body: u64) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A judge does not move; a redirect would carry users' words elsewhere.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections_per_host(connections)
            .max_idle_connections(connections)
            .user_agent(concat!("serinus-judge/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.new_agent(), address, authorization, max_body }
    }

    pub(super) const fn address(&self) -> &Uri {
        &self.address
    }

    /// Sends a question; all of it, from looking up the name to the last byte of the reply, within the time.
    pub(super) fn post(&self, body: &str, timeout: Duration) -> Result<Reply, Broken> {
        let mut request = self.agent.post(&self.address).header(CONTENT_TYPE, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.config().timeout_global(Some(timeout)).build();
        let mut response = request.send(body).map_err(|error| Broken::from(&error))?;
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = response.status().as_u16();
        let body = match response.body_mut().with_config().limit(self.max_body).read_to_vec() {
            Ok(body) => Some(body),
            Err(Error::BodyExceedsLimit(_)) => None,
            // Of an error the status says enough.
            Err(_) if status >= 400 => Some(Vec::new()),
            Err(error) => return Err(Broken { was_sent: true, ..Broken::from(&error) }),
        };
        Ok(Reply { status, retry_after, body })
    }
}

/// Whether the HTTP client would write all that it sends, keys and texts, to a log that somebody reads.
pub(super) fn is_overheard() -> bool {
    log::log_enabled!(target: "ureq_proto::util", log::Level::Trace)
}

impl From<&Error> for Broken {
    /// In words of our own, so that nothing of the request can get into a log.
    fn from(error: &Error) -> Self {
        let (what, was_sent) = match error {
            Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
                ("it could not be connected to in time", false)
            }
            Error::Timeout(_) => ("it took too long", true),
            Error::HostNotFound => ("its host is not known", false),
            Error::ConnectionFailed | Error::ConnectProxyFailed(_) | Error::InvalidProxyUrl => {
                ("it could not be connected to", false)
            }
            Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) | Error::TlsRequired => ("TLS failed", false),
            Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                ("it refused the connection", false)
            }
            _ => ("the connection broke", true),
        };
        Self { what, was_sent }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("address", &self.address).finish_non_exhaustive()
    }
}
