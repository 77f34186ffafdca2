//! What the judge is told and asked, and how its verdict is read.

use std::fmt::Write;

use serde_json::{Map, Value, json};
use serinus::host::{Answer, Prompt};
use serinus::judge::{JudgeError, Preference, Score};

use super::fence::{Fence, text};
use crate::rubric::Rubric;

/// A question in words.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) system: String,
    pub(super) user: String,
}

/// What is asked of one answer.
pub(super) fn score(rubric: &Rubric, prompt: &Prompt, answer: &Answer, max_chars: usize) -> Result<Words, JudgeError> {
    let fence = Fence::new();
    let mut system = preamble(rubric, &rubric.question, prompt)?;
    system.push_str("\n\nScores:\n");
    for level in &rubric.levels {
        let _ = writeln!(system, "{}: {}", level.score, level.meaning);
    }
    let scores: Vec<_> = rubric.levels.iter().map(|level| level.score.to_string()).collect();
    let _ = write!(
        system,
        "\nAnswer with a JSON object of one field, \"score\": one of {}. Nothing else.\n\n{}",
        scores.join(", "),
        fence.rule()
    );
    let mut items = grounds(rubric, prompt, max_chars);
    said("answer", "answer_tool_calls", answer, max_chars, &mut items);
    let user = format!("{}\nWhich score does the answer deserve?", fence.around(&items));
    Ok(Words { system, user })
}

/// What is asked of two answers.
pub(super) fn prefer(
    rubric: &Rubric,
    prompt: &Prompt,
    first: &Answer,
    second: &Answer,
    max_chars: usize,
) -> Result<Words, JudgeError> {
    let fence = Fence::new();
    let mut system = preamble(rubric, &rubric.compare, prompt)?;
    let _ = write!(
        system,
        "\n\nThere are two answers, A and B. Their order means nothing.\n\nAnswer with a JSON object of one field, \
         \"better\": \"A\", \"B\", or \"neither\" if they are equally good. Nothing else.\n\n{}",
        fence.rule()
    );
    let mut items = grounds(rubric, prompt, max_chars);
    said("answer_A", "answer_A_tool_calls", first, max_chars, &mut items);
    said("answer_B", "answer_B_tool_calls", second, max_chars, &mut items);
    let user = format!("{}\nWhich answer is better?", fence.around(&items));
    Ok(Words { system, user })
}

fn preamble(rubric: &Rubric, question: &str, prompt: &Prompt) -> Result<String, JudgeError> {
    let mut system = format!("You judge what an AI assistant answered to a prompt. {question}");
    if !rubric.instructions.is_empty() {
        let _ = write!(system, "\n\n{}", rubric.instructions);
    }
    let grounded =
        (rubric.uses_context && prompt.context.is_some()) || (rubric.uses_reference && prompt.reference.is_some());
    if rubric.needs_grounds && !grounded {
        let Some(ungrounded) = &rubric.ungrounded else {
            let needed = match (rubric.uses_context, rubric.uses_reference) {
                (true, true) => "a context or a reference",
                (true, false) => "a context",
                _ => "a reference",
            };
            return Err(JudgeError::NotApplicable(format!(
                "the rubric {} needs {needed}, and the prompt has none",
                rubric.name
            )));
        };
        let _ = write!(system, "\n\n{ungrounded}");
    }
    Ok(system)
}

fn grounds(rubric: &Rubric, prompt: &Prompt, max_chars: usize) -> Vec<(&'static str, Value)> {
    let mut items = vec![("prompt", text(&prompt.text, max_chars))];
    for (name, used, ground) in
        [("context", rubric.uses_context, &prompt.context), ("reference", rubric.uses_reference, &prompt.reference)]
    {
        if let (true, Some(ground)) = (used, ground) {
            items.push((name, text(ground, max_chars)));
        }
    }
    items
}

fn said(
    name: &'static str,
    calls_name: &'static str,
    answer: &Answer,
    max_chars: usize,
    items: &mut Vec<(&'static str, Value)>,
) {
    items.push((name, text(&answer.text, max_chars)));
    if !answer.tool_calls.is_empty() {
        let calls = answer.tool_calls.iter().take(32);
        let calls =
            calls.map(|call| json!({"name": text(&call.name, 200), "arguments": text(&call.arguments, max_chars)}));
        items.push((calls_name, calls.collect()));
    }
}

/// The schema of a score.
pub(super) fn score_schema(rubric: &Rubric) -> Value {
    let scores: Vec<_> = rubric.levels.iter().map(|level| level.score).collect();
    one_field("score", &json!({"type": "integer", "enum": scores}))
}

/// The schema of a preference.
pub(super) fn preference_schema() -> Value {
    one_field("better", &json!({"type": "string", "enum": ["A", "B", "neither"]}))
}

fn one_field(name: &str, schema: &Value) -> Value {
    json!({"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": false})
}

/// Reads a score.
pub(super) fn read_score(rubric: &Rubric, verdict: &Map<String, Value>) -> Result<Score, String> {
    let score = only_field(verdict, "score")?;
    let score = score.as_i64().ok_or("expected the score to be a whole number")?;
    let quality = rubric.quality(score).ok_or_else(|| format!("the score {score} is not on the scale"))?;
    Ok(Score { quality, passed: Some(quality >= rubric.pass_at) })
}

/// Reads a preference.
pub(super) fn read_preference(verdict: &Map<String, Value>) -> Result<Preference, String> {
    match only_field(verdict, "better")?.as_str() {
        Some("A") => Ok(Preference::First),
        Some("B") => Ok(Preference::Second),
        Some("neither") => Ok(Preference::Neither),
        _ => Err("expected \"better\" to be A, B or neither".into()),
    }
}

fn only_field<'a>(verdict: &'a Map<String, Value>, name: &str) -> Result<&'a Value, String> {
    match verdict.get(name) {
        Some(value) if verdict.len() == 1 => Ok(value),
        _ => Err(format!("expected a JSON object of the field \"{name}\" alone, got one of {} fields", verdict.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn a_score_is_read_strictly() {
        let rubric = Rubric::helpfulness();
        let read = |value: Value| read_score(&rubric, &object(&value));
        assert_eq!(read(json!({"score": 4})), Ok(Score { quality: 0.75, passed: Some(true) }));
        assert_eq!(read(json!({"score": 2})), Ok(Score { quality: 0.25, passed: Some(false) }));
        for bad in [
            json!({}),
            json!({"score": 6}),
            json!({"score": 0}),
            json!({"score": 4.5}),
            json!({"score": "4"}),
            json!({"score": null}),
            json!({"score": 4, "more": 1}),
            json!({"better": "A"}),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_preference_is_read_strictly() {
        let read = |value: Value| read_preference(&object(&value));
        assert_eq!(read(json!({"better": "A"})), Ok(Preference::First));
        assert_eq!(read(json!({"better": "B"})), Ok(Preference::Second));
        assert_eq!(read(json!({"better": "neither"})), Ok(Preference::Neither));
        for bad in
            [json!({"better": "C"}), json!({"better": "a"}), json!({"better": 1}), json!({"better": "A", "x": 0})]
        {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rubric_is_sent_only_what_it_uses() {
        let prompt = Prompt::new("p").context("the context").reference("the reference");
        let words = score(&Rubric::harmlessness(), &prompt, &Answer::new("a"), 100).unwrap();
        assert!(!words.user.contains("the context") && !words.user.contains("the reference"));
        let words = score(&Rubric::hallucination(), &prompt, &Answer::new("a"), 100).unwrap();
        assert!(words.user.contains("the context") && words.user.contains("the reference"));
        assert!(!words.system.contains("without grounds"));
    }

    #[test]
    fn without_grounds_it_goes_by_what_is_known_or_refuses() {
        let prompt = Prompt::new("p");
        let words = score(&Rubric::hallucination(), &prompt, &Answer::new("a"), 100).unwrap();
        assert!(words.system.contains("without grounds"));
        let strict = Rubric { ungrounded: None, ..Rubric::hallucination() };
        let error = score(&strict, &prompt, &Answer::new("a"), 100).unwrap_err();
        assert!(
            matches!(&error, JudgeError::NotApplicable(why) if why.contains("needs a context or a reference")),
            "{error}"
        );
        assert!(prefer(&strict, &prompt, &Answer::new("a"), &Answer::new("b"), 100).is_err());
    }

    #[test]
    fn calls_of_tools_are_shown() {
        let answer = Answer::new("").tool_call("weather", "{\"city\": \"Oslo\"}");
        let words = score(&Rubric::helpfulness(), &Prompt::new("p"), &answer, 100).unwrap();
        assert!(words.user.contains("answer_tool_calls: [{") && words.user.contains("weather"));
    }
}
