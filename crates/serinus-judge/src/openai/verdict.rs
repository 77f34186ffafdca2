//! Finding the verdict in what the judge wrote.

use serde_json::{Deserializer, Map, Value};

use super::wire::AnswerFormat;

/// Places at which an object is looked for in a text.
const MOST_TRIES: usize = 1_000;

/// Reads what the judge wrote. Where the server holds it to JSON it is nothing else; in a plain text it is the one object that
/// reads as a verdict, after the judge's thoughts. Two that differ are none.
pub(super) fn read<T: PartialEq>(
    content: &str,
    format: AnswerFormat,
    read: impl Fn(&Map<String, Value>) -> Result<T, String>,
) -> Result<T, String> {
    let content = content.rsplit_once("</think>").map_or(content, |(_, said)| said).trim();
    if format != AnswerFormat::Plain {
        let object = serde_json::from_str::<Map<String, Value>>(content);
        return read(
            &object.map_err(|_| format!("expected a JSON object, got {} bytes of something else", content.len()))?,
        );
    }
    let mut found: Option<T> = None;
    let mut wrong = None;
    for object in objects(content) {
        match read(&object) {
            Ok(verdict) => {
                if found.as_ref().is_some_and(|found| *found != verdict) {
                    return Err("expected one verdict, got two that differ".into());
                }
                found = Some(verdict);
            }
            Err(why) => wrong = Some(why),
        }
    }
    found.ok_or_else(|| wrong.unwrap_or_else(|| format!("expected a JSON object in {} bytes of text", content.len())))
}

/// The JSON objects in a text, outermost ones.
fn objects(text: &str) -> Vec<Map<String, Value>> {
    let mut found = Vec::new();
    let mut rest = text;
    for _ in 0..MOST_TRIES {
        let Some(at) = rest.find('{') else { break };
        rest = &rest[at..];
        let mut stream = Deserializer::from_str(rest).into_iter::<Map<String, Value>>();
        let past = match stream.next() {
            Some(Ok(object)) => {
                found.push(object);
                stream.byte_offset()
            }
            _ => 1,
        };
        rest = &rest[past..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(content: &str, format: AnswerFormat) -> Result<i64, String> {
        read(content, format, |object| object.get("score").and_then(Value::as_i64).ok_or_else(|| "no score".into()))
    }

    #[test]
    fn a_constrained_answer_is_nothing_but_json() {
        assert_eq!(score(" {\"score\": 3}\n", AnswerFormat::JsonSchema), Ok(3));
        assert_eq!(score("<think>{\"score\": 1}?</think>{\"score\": 3}", AnswerFormat::JsonObject), Ok(3));
        for bad in ["", "3", "[3]", "Score: {\"score\": 3}", "{\"score\": 3} {\"score\": 3}", "{\"score\": 3"] {
            assert!(score(bad, AnswerFormat::JsonSchema).is_err(), "{bad}");
        }
    }

    #[test]
    fn in_a_plain_text_the_verdict_is_looked_for() {
        let plain = |content| score(content, AnswerFormat::Plain);
        assert_eq!(plain("I think so.\n```json\n{\"score\": 4}\n```\nDone."), Ok(4));
        assert_eq!(plain("{not json} {\"a\": {\"score\": 1}} and {\"score\": 2}"), Ok(2), "an inner one is no verdict");
        assert_eq!(plain("{\"score\": 2} … {\"score\": 2}"), Ok(2));
        assert!(plain("It says {\"score\": 5}, but {\"score\": 1}").is_err());
        assert!(plain("no verdict").is_err());
        assert!(plain("{\"other\": 5}").is_err());
    }

    #[test]
    fn a_text_full_of_braces_is_given_up() {
        let braces = "{\"a".repeat(100_000);
        assert!(score(&braces, AnswerFormat::Plain).is_err());
        assert!(score(&"{é".repeat(5_000), AnswerFormat::Plain).is_err());
        assert!(score(&"{\"a\":".repeat(100_000), AnswerFormat::Plain).is_err());
    }
}
