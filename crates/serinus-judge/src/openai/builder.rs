//! How an [`OpenAiJudge`] is put together.

use std::env;
use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};
use thiserror::Error;
use ureq::http::{HeaderValue, Uri};

use super::OpenAiJudge;
use super::budget::{Budget, Ledger, Prices};
use super::caller::Caller;
use super::gate::Gate;
use super::retry::Retries;
use super::transport::Transport;
use super::wire::AnswerFormat;
use crate::rubric::Rubric;

/// Puts an [`OpenAiJudge`] together.
pub struct OpenAiJudgeBuilder {
    base_url: String,
    model: String,
    key: Key,
    rubric: Rubric,
    format: AnswerFormat,
    timeout: Duration,
    deadline: Duration,
    retries: u32,
    first_wait: Duration,
    concurrency: usize,
    per_second: Option<f64>,
    budget: Budget,
    prices: Option<Prices>,
    max_tokens: u32,
    max_chars: usize,
    max_body: u64,
    parameters: Map<String, Value>,
}

/// Where the key comes from.
enum Key {
    None,
    Env(String),
    Given(String),
}

/// A judge that cannot be put together.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The environment has no key.
    #[error("expected a key in the environment variable {variable}, which is not set or empty")]
    MissingKey {
        /// Where it was expected.
        variable: String,
    },
    /// The key is none: it has characters that no header may have.
    #[error("expected a key of visible ASCII characters")]
    BadKey,
    /// The address is none.
    #[error("expected a base URL {expected}")]
    BadUrl {
        /// What is allowed. What was given may contain a secret.
        expected: &'static str,
    },
    /// A number that makes no sense.
    #[error("expected {field} to be {expected}, got {got}")]
    OutOfRange {
        /// Which one.
        field: &'static str,
        /// What is allowed.
        expected: &'static str,
        /// What was given.
        got: f64,
    },
    /// Money is limited, but what a token costs is not known.
    #[error("expected prices where money is limited, got none")]
    NoPrices,
}

impl OpenAiJudgeBuilder {
    pub(super) fn new(base_url: String, model: String) -> Self {
        Self {
            base_url,
            model,
            key: Key::None,
            rubric: Rubric::helpfulness(),
            format: AnswerFormat::default(),
            timeout: Duration::from_secs(30),
            deadline: Duration::from_secs(90),
            retries: 2,
            first_wait: Duration::from_millis(500),
            concurrency: 4,
            per_second: None,
            budget: Budget::default(),
            prices: None,
            max_tokens: 256,
            max_chars: 24_000,
            max_body: 1 << 20,
            parameters: Map::new(),
        }
    }

    /// Takes the key from an environment variable, when the judge is built. Local servers need none. Over `http` a key
    /// can be read by whoever carries it. The judge shows it nowhere. The HTTP client's log at trace level would be the bytes on
    /// the wire, so while somebody listens to that the judge asks nothing and says why.
    pub fn key_from_env(self, variable: impl Into<String>) -> Self {
        Self { key: Key::Env(variable.into()), ..self }
    }

    /// The key itself, where it comes from a secret store.
    pub fn key(self, key: impl Into<String>) -> Self {
        Self { key: Key::Given(key.into()), ..self }
    }

    /// What is asked. Default: [`Rubric::helpfulness`].
    pub fn rubric(self, rubric: Rubric) -> Self {
        Self { rubric, ..self }
    }

    /// How the judge is held to a form. Default: a JSON schema.
    pub fn answer_format(self, format: AnswerFormat) -> Self {
        Self { format, ..self }
    }

    /// How long one HTTP request may take, from looking up the name to the last byte. Default 30 s.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// How long one judgement may take, with all waits and retries. Default 90 s. Longer than the
    /// [reviewer's deadline](serinus::judge::Sampling::deadline) is in vain.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// How often a request that failed is repeated. Default 2.
    pub fn retries(self, retries: u32) -> Self {
        Self { retries, ..self }
    }

    /// The longest wait before the first retry; it doubles with each, up to 8 s, and half of it is left to chance. Default 500 ms.
    pub fn first_wait(self, first_wait: Duration) -> Self {
        Self { first_wait, ..self }
    }

    /// Requests under way at a time. Default 4.
    pub fn concurrency(self, requests: usize) -> Self {
        Self { concurrency: requests, ..self }
    }

    /// Requests a second, evenly spaced. Default: no limit.
    pub fn per_second(self, requests: f64) -> Self {
        Self { per_second: Some(requests), ..self }
    }

    /// What it may spend. Default: no limit.
    pub fn budget(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }

    /// What tokens cost.
    pub fn prices(self, prices: Prices) -> Self {
        Self { prices: Some(prices), ..self }
    }

    /// The longest answer in tokens. Default 256; a verdict takes ten. A model that reasons before it answers needs more.
    pub fn max_tokens(self, tokens: u32) -> Self {
        Self { max_tokens: tokens, ..self }
    }

    /// The longest text that is shown whole, in characters: of the prompt, the context, the reference and each answer.
    /// Of a longer one its beginning and its end are shown. Default 24,000.
    pub fn max_chars(self, chars: usize) -> Self {
        Self { max_chars: chars, ..self }
    }

    /// The longest reply that is read, in bytes. Default 1 MiB.
    pub fn max_body(self, bytes: u64) -> Self {
        Self { max_body: bytes, ..self }
    }

    /// Another field of the request's body, or another value for one; null takes it out. Some models want
    /// `max_completion_tokens` instead of `max_tokens`, or no `temperature`.
    ///
    /// ```
    /// # use serde_json::{Value, json};
    /// # use serinus_judge::OpenAiJudge;
    /// let judge = OpenAiJudge::builder("https://api.openai.com/v1", "o4-mini")
    ///     .parameter("max_tokens", Value::Null)
    ///     .parameter("temperature", Value::Null)
    ///     .parameter("max_completion_tokens", json!(2_000))
    ///     .max_tokens(2_000) // what the budget reckons with
    ///     .build()?;
    /// # Ok::<(), serinus_judge::ConfigError>(())
    /// ```
    pub fn parameter(mut self, name: impl Into<String>, value: Value) -> Self {
        self.parameters.insert(name.into(), value);
        self
    }

    /// The judge. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for what is missing or makes no sense.
    pub fn build(self) -> Result<OpenAiJudge, ConfigError> {
        let address = address(&self.base_url)?;
        let authorization = self.key.header()?;
        for (field, got) in [
            ("timeout", self.timeout.as_secs_f64()),
            ("deadline", self.deadline.as_secs_f64()),
            ("concurrency", self.concurrency as f64),
            ("per_second", self.per_second.unwrap_or(1.0)),
            ("max_tokens", f64::from(self.max_tokens)),
            ("max_chars", self.max_chars as f64),
            ("max_body", self.max_body as f64),
        ] {
            if !(got > 0.0 && got <= 1e12) {
                return Err(ConfigError::OutOfRange { field, expected: "above 0 and no more than 10^12", got });
            }
        }
        if let Some(Prices { input_per_million, output_per_million }) = self.prices {
            not_negative("input_per_million", input_per_million)?;
            not_negative("output_per_million", output_per_million)?;
        }
        check_budget(&self.budget, self.prices.is_some())?;
        Ok(OpenAiJudge {
            caller: Caller {
                transport: Transport::new(address, authorization, self.concurrency, self.max_body),
                gate: Gate::new(self.concurrency, self.per_second),
                ledger: Ledger::new(self.budget, self.prices),
                retries: Retries { most: self.retries, first_wait: self.first_wait },
                timeout: self.timeout,
            },
            rubric: self.rubric,
            model: self.model,
            format: self.format,
            max_tokens: self.max_tokens,
            max_chars: self.max_chars,
            parameters: self.parameters,
            deadline: self.deadline,
        })
    }
}

impl Key {
    fn header(&self) -> Result<Option<HeaderValue>, ConfigError> {
        let key = match self {
            Self::None => return Ok(None),
            Self::Given(key) => key.clone(),
            Self::Env(variable) => env::var(variable).unwrap_or_default(),
        };
        let key = key.trim();
        match self {
            Self::Env(variable) if key.is_empty() => {
                return Err(ConfigError::MissingKey { variable: variable.clone() });
            }
            _ if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) => return Err(ConfigError::BadKey),
            _ => {}
        }
        let mut header = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| ConfigError::BadKey)?;
        header.set_sensitive(true);
        Ok(Some(header))
    }
}

fn address(base_url: &str) -> Result<Uri, ConfigError> {
    let bad = |expected| ConfigError::BadUrl { expected };
    let address = format!("{}/chat/completions", base_url.trim().trim_end_matches('/'));
    let address: Uri = address.parse().map_err(|_| bad("such as https://api.openai.com/v1"))?;
    match address.scheme_str() {
        Some("http" | "https") => {}
        _ => return Err(bad("that begins with http:// or https://")),
    }
    // They would be in logs.
    if address.authority().is_some_and(|authority| authority.as_str().contains('@')) || address.query().is_some() {
        return Err(bad("without a user, a password or a query"));
    }
    Ok(address)
}

pub(super) fn check_budget(budget: &Budget, has_prices: bool) -> Result<(), ConfigError> {
    let Some(money) = budget.money else { return Ok(()) };
    not_negative("money", money)?;
    if has_prices { Ok(()) } else { Err(ConfigError::NoPrices) }
}

fn not_negative(field: &'static str, got: f64) -> Result<(), ConfigError> {
    if got >= 0.0 && got.is_finite() {
        return Ok(());
    }
    Err(ConfigError::OutOfRange { field, expected: "finite and at least 0", got })
}

impl fmt::Debug for OpenAiJudgeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the key nor an address that may contain one.
        f.debug_struct("OpenAiJudgeBuilder")
            .field("model", &self.model)
            .field("rubric", &self.rubric.name())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder(url: &str) -> OpenAiJudgeBuilder {
        OpenAiJudge::builder(url, "m")
    }

    #[test]
    fn a_key_that_is_missing_is_named() {
        let error = builder("http://h/v1").key_from_env("SERINUS_NO_SUCH_KEY").build().unwrap_err();
        assert_eq!(error, ConfigError::MissingKey { variable: "SERINUS_NO_SUCH_KEY".into() });
        assert!(error.to_string().contains("SERINUS_NO_SUCH_KEY"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let good = || builder("http://h/v1/");
        assert_eq!(good().build().unwrap().caller.transport.address().to_string(), "http://h/v1/chat/completions");
        for url in ["", "h/v1", "ftp://h", "http://user:pass@h/v1", "http://h/v1?key=s3cret", "http:// h"] {
            let error = builder(url).build().unwrap_err();
            assert!(matches!(error, ConfigError::BadUrl { .. }), "{url}: {error}");
            assert!(!error.to_string().contains("s3cret"));
        }
        for key in ["", "a b", "a\nb", "ä"] {
            assert_eq!(good().key(key).build().unwrap_err(), ConfigError::BadKey, "{key:?}");
        }
        for bad in [
            good().timeout(Duration::ZERO),
            good().deadline(Duration::MAX),
            good().concurrency(0),
            good().per_second(0.0),
            good().per_second(f64::NAN),
            good().max_tokens(0),
            good().prices(Prices { input_per_million: -1.0, output_per_million: 0.0 }),
            good().prices(Prices::default()).budget(Budget { money: Some(f64::NAN), ..Budget::default() }),
        ] {
            assert!(matches!(bad.build().unwrap_err(), ConfigError::OutOfRange { .. }));
        }
        let penniless = good().budget(Budget { money: Some(1.0), ..Budget::default() }).build().unwrap_err();
        assert_eq!(penniless, ConfigError::NoPrices);
    }

    #[test]
    fn no_key_is_ever_shown() {
        let builder = builder("http://h/v1").key("s3cret-key");
        assert!(!format!("{builder:?}").contains("s3cret"));
        let judge = builder.build().unwrap();
        assert!(!format!("{judge:?} {judge:#?} {:?}", judge.caller).contains("s3cret"));
    }
}
