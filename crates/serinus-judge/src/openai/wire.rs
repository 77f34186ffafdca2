//! What goes over the wire: the chat completions' JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::budget::Usage;

/// How the judge is held to a form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnswerFormat {
    /// The server constrains the answer to a JSON schema. OpenAI, vLLM, SGLang, llama.cpp and Ollama can.
    #[default]
    JsonSchema,
    /// The server constrains it to JSON of any shape.
    JsonObject,
    /// The server constrains nothing; the JSON is looked for in the answer's text.
    Plain,
}

/// A question as the server gets it.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub(super) system: &'a str,
    pub(super) user: &'a str,
    pub(super) schema: Value,
    pub(super) name: &'static str,
}

impl Question<'_> {
    /// The request's body. `parameters` are the caller's own and go last; one that is null takes a field out.
    pub(super) fn body(
        &self,
        model: &str,
        format: AnswerFormat,
        max_tokens: u32,
        parameters: &Map<String, Value>,
    ) -> Value {
        let mut body = Map::new();
        body.insert("model".into(), json!(model));
        body.insert(
            "messages".into(),
            json!([{"role": "system", "content": self.system}, {"role": "user", "content": self.user}]),
        );
        body.insert("temperature".into(), json!(0));
        body.insert("max_tokens".into(), json!(max_tokens));
        match format {
            AnswerFormat::JsonSchema => {
                let schema = json!({"name": self.name, "strict": true, "schema": self.schema});
                body.insert("response_format".into(), json!({"type": "json_schema", "json_schema": schema}));
            }
            AnswerFormat::JsonObject => {
                body.insert("response_format".into(), json!({"type": "json_object"}));
            }
            AnswerFormat::Plain => {}
        }
        for (name, value) in parameters {
            if value.is_null() {
                body.remove(name);
            } else {
                body.insert(name.clone(), value.clone());
            }
        }
        Value::Object(body)
    }
}

/// What the server said.
#[derive(Debug)]
pub(super) struct Completion {
    pub(super) content: Result<String, String>,
    pub(super) usage: Option<Usage>,
}

#[derive(Deserialize)]
struct CompletionBody {
    choices: Vec<Choice>,
    usage: Option<UsageBody>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
}

#[derive(Deserialize)]
struct UsageBody {
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

impl Completion {
    /// Reads a reply of status 200. What is wrong is described without quoting it: it may repeat what users wrote.
    pub(super) fn parse(body: &[u8]) -> Self {
        let unreadable = |why: String| Self { content: Err(why), usage: None };
        let Ok(body) = serde_json::from_slice::<CompletionBody>(body) else {
            return unreadable(format!("expected a chat completion, got {} bytes of something else", body.len()));
        };
        let usage = body.usage.map(|usage| Usage { input: usage.prompt_tokens, output: usage.completion_tokens });
        let content = match body.choices.into_iter().next() {
            None => Err("expected a choice, got none".into()),
            Some(Choice { finish_reason: Some(reason), .. }) if reason == "length" => {
                Err("the answer was cut off at max_tokens; a model that reasons aloud needs more".into())
            }
            Some(choice) => choice.message.content.ok_or_else(|| "expected a text, got none".into()),
        };
        Self { content, usage }
    }
}

/// The machine-readable reason in an error's body, if it looks like one: `invalid_api_key`, `model_not_found`. Messages are
/// for people and may repeat what users wrote, or the key.
pub(super) fn error_code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error").unwrap_or(&body);
    ["code", "type"].iter().filter_map(|field| error.get(field)?.as_str()).find_map(|code| {
        let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        (!code.is_empty() && code.len() <= 48 && code.chars().all(harmless)).then(|| code.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_add_replace_and_remove() {
        let question = Question { system: "s", user: "u", schema: json!({}), name: "score" };
        let parameters = json!({"max_tokens": null, "max_completion_tokens": 900, "temperature": 1});
        let body = question.body("m", AnswerFormat::JsonSchema, 64, parameters.as_object().unwrap());
        assert_eq!(body["max_completion_tokens"], 900);
        assert_eq!(body["temperature"], 1);
        assert!(body.get("max_tokens").is_none());
        assert_eq!(body["response_format"]["json_schema"]["strict"], true);
        let plain = question.body("m", AnswerFormat::Plain, 64, &Map::new());
        assert!(plain.get("response_format").is_none());
    }

    #[test]
    fn a_completion_is_read_and_what_is_none_is_described() {
        let good = Completion::parse(
            br#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2}}"#,
        );
        assert_eq!(good.content.as_deref(), Ok("hi"));
        assert_eq!(good.usage, Some(Usage { input: 7, output: 2 }));
        for bad in [
            &b"secret"[..],
            br#"{"choices":[]}"#,
            br#"{"choices":[{"message":{"content":null}}]}"#,
            br#"{"choices":[{"message":{"content":"secret"},"finish_reason":"length"}]}"#,
        ] {
            let why = Completion::parse(bad).content.unwrap_err();
            assert!(!why.contains("secret"), "{why}");
        }
    }

    #[test]
    fn only_what_looks_like_a_code_is_told() {
        let code = |body: &str| error_code(body.as_bytes());
        assert_eq!(code(r#"{"error":{"message":"no","code":"model_not_found"}}"#).as_deref(), Some("model_not_found"));
        assert_eq!(code(r#"{"error":{"code":null,"type":"server_error"}}"#).as_deref(), Some("server_error"));
        assert_eq!(code(r#"{"type":"BadRequestError","code":400}"#).as_deref(), Some("BadRequestError"));
        assert_eq!(code(r#"{"error":{"code":"the user wrote this"}}"#), None);
        assert_eq!(code(r#"{"error":"text"}"#), None);
        assert_eq!(code("<html>"), None);
    }
}
