//! Checks of an answer's text that need no model.

mod builder;
mod json;
mod language;
mod length;
mod phrase;
mod refusal;
mod repetition;
mod schemas;
mod tools;
mod truncation;

use serinus::host::{Answer, Expects, Prompt};
use serinus::judge::TextChecks;
use serinus::observe::{Check, Checks};

pub use builder::{ChecksError, StandardChecksBuilder};

use length::Lengths;
use refusal::Refusals;
use schemas::Schemas;

/// Checks of an answer's text that need no model. Each is meant to be quiet where it is not sure: what counts is whether one
/// version fails more often than the other.
///
/// | check | is made | fails for |
/// |---|---|---|
/// | [`Empty`](Check::Empty) | always | nothing but blanks and invisible characters, and no call of a tool |
/// | [`Truncated`](Check::Truncated) | always | an answer that the server says was cut off. Where it does not say: a code block that is not closed, JSON that ends too early where JSON was asked for, a long text whose last line of prose breaks off in the middle |
/// | [`Repetition`](Check::Repetition) | always | the same words, lines or characters over and over, in a row, at the end or for a long stretch. A refrain, a table or a ruler is none |
/// | [`Refusal`](Check::Refusal) | always | a short answer that begins with a phrase of `data/refusals.txt` |
/// | [`Json`](Check::Json) | where JSON was asked for | what is no JSON, or does not fit the schema |
/// | [`ToolCall`](Check::ToolCall) | where tools were offered | a call of a tool that there is not, or with arguments that do not fit. An answer that calls none passes |
/// | [`Language`](Check::Language) | where both texts are long enough and their languages are beyond doubt | an answer in another language than the prompt's. Requests to translate fail it, for both versions alike |
/// | [`Length`](Check::Length) | with [limits](StandardChecksBuilder::chars) | an answer that is longer or shorter |
///
/// A schema is compiled once and kept while it is in use. One that is wrong, refers to anything outside of itself, or is nested too
/// deep to be safe checks nothing; the answer must still be JSON.
///
/// ```
/// use serinus::host::{Answer, Expects, Prompt};
/// use serinus::judge::TextChecks;
/// use serinus::observe::Check;
/// use serinus_judge::StandardChecks;
///
/// let checks = StandardChecks::builder().without(Check::Language).chars(1..=2_000).build()?;
///
/// let prompt = Prompt::new("List three rivers as JSON.").expects(Expects::Json { schema: None });
/// let found = checks.check(&prompt, &Answer::new("[\"Rhine\", \"Danube\", \"Elbe\""));
/// assert_eq!(found.failures().collect::<Vec<_>>(), [Check::Truncated, Check::Json]);
/// assert_eq!(found.failed(Check::ToolCall), None, "there was no tool to call");
/// # Ok::<(), serinus_judge::ChecksError>(())
/// ```
#[derive(Debug)]
pub struct StandardChecks {
    off: Vec<Check>,
    refusals: Refusals,
    lengths: Lengths,
    fenced_json: bool,
    schemas: Schemas,
}

impl StandardChecks {
    /// Begins a set of checks.
    pub fn builder() -> StandardChecksBuilder {
        StandardChecksBuilder::new()
    }

    /// Whether the answer passes; `None` where the check does not apply.
    fn passes(&self, check: Check, prompt: &Prompt, answer: &Answer) -> Option<bool> {
        match (check, &prompt.expects) {
            (Check::Empty, _) => Some(!is_empty(answer)),
            (Check::Truncated, expects) => Some(!truncation::is_truncated(expects, answer)),
            (Check::Repetition, expects) => {
                Some(!repetition::repeats(&answer.text, matches!(expects, Expects::Json { .. })))
            }
            (Check::Refusal, _) => Some(!self.refusals.is_refusal(&answer.text)),
            (Check::Json, Expects::Json { schema }) => {
                Some(json::is_valid(&answer.text, schema.as_ref(), self.fenced_json, &self.schemas))
            }
            (Check::ToolCall, Expects::Tools(tools)) => {
                Some(answer.tool_calls.iter().all(|call| tools::fits(call, tools, &self.schemas)))
            }
            (Check::Language, Expects::Text | Expects::Tools(_)) => language::same(&prompt.text, &answer.text),
            (Check::Length, _) => self.lengths.fit(answer),
            _ => None,
        }
    }
}

impl Default for StandardChecks {
    /// All checks but that of the length, which has no limits.
    fn default() -> Self {
        Self {
            off: Vec::new(),
            refusals: Refusals::standard(),
            lengths: Lengths::default(),
            fenced_json: false,
            schemas: Schemas::default(),
        }
    }
}

impl TextChecks for StandardChecks {
    fn check(&self, prompt: &Prompt, answer: &Answer) -> Checks {
        Check::ALL.into_iter().filter(|check| !self.off.contains(check)).fold(Checks::none(), |found, check| match self
            .passes(check, prompt, answer)
        {
            Some(passed) => found.with(check, passed),
            None => found,
        })
    }
}

/// Whether it says nothing that can be seen, and does nothing.
fn is_empty(answer: &Answer) -> bool {
    const INVISIBLE: [char; 6] = ['\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{ad}'];
    let invisible = |c: char| c.is_whitespace() || c.is_control() || INVISIBLE.contains(&c);
    answer.tool_calls.is_empty() && answer.text.chars().all(invisible)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use serinus::host::Tool;

    use super::*;

    #[test]
    fn an_answer_is_empty_if_there_is_nothing_to_see() {
        for empty in ["", " \n\t", "\u{200b}\u{feff}", "\u{3000}", "\0"] {
            assert!(is_empty(&Answer::new(empty)), "{empty:?}");
        }
        for full in ["0", ".", "的", "🙂", "\u{200d}x"] {
            assert!(!is_empty(&Answer::new(full)), "{full:?}");
        }
        assert!(!is_empty(&Answer::new("").tool_call("stop", "{}")));
    }

    #[test]
    fn a_good_answer_passes_what_applies() {
        let checks = StandardChecks::default();
        let prompt = Prompt::new("What is the capital of France?");
        let found = checks.check(&prompt, &Answer::new("The capital of France is Paris."));
        assert_eq!(found.failures().count(), 0);
        for made in [Check::Empty, Check::Truncated, Check::Repetition, Check::Refusal] {
            assert_eq!(found.failed(made), Some(false), "{made:?}");
        }
        for not_made in [Check::Json, Check::ToolCall, Check::Language, Check::Length, Check::Custom] {
            assert_eq!(found.failed(not_made), None, "{not_made:?}");
        }
    }

    #[test]
    fn what_is_switched_off_is_not_made() {
        let checks = StandardChecks::builder().without(Check::Empty).build().unwrap();
        let found = checks.check(&Prompt::new("?"), &Answer::new(""));
        assert_eq!(found.failed(Check::Empty), None);
        let only = StandardChecks::builder().only([Check::Empty]).build().unwrap();
        let found = only.check(&Prompt::new("?"), &Answer::new(""));
        assert_eq!(found, Checks::none().with(Check::Empty, false));
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[ -~\n]{0,400}",
            ("\\PC{1,8}", 1..300usize).prop_map(|(unit, times)| unit.repeat(times)),
            "(```|[{}\\[\\]\"\\\\,:\n ]|I can't|抱歉|[a-z]{1,5}){0,60}",
        ]
    }

    fn any_schema() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            prop::sample::select(vec!["#", "#/$defs/a", "object", "http://example.com/x"]).prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let keyword = prop::sample::select(vec![
                "$ref",
                "type",
                "properties",
                "items",
                "allOf",
                "anyOf",
                "not",
                "pattern",
                "enum",
                "$defs",
                "a",
                "required",
                "minimum",
                "multipleOf",
                "$id",
                "$schema",
                "if",
                "then",
                "unevaluatedProperties",
                "$dynamicRef",
            ]);
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::from),
                vec((keyword, inner), 0..4).prop_map(|fields| {
                    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
                }),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn nothing_makes_it_panic(prompt in any_text(), answer in any_text(), schema in any_schema(), cut in any::<Option<bool>>()) {
            let checks = StandardChecks::builder().chars(1..=100).fenced_json(true).build().unwrap();
            let mut answer = Answer::new(answer);
            answer.cut_off = cut;
            let tool = Tool { name: "a".into(), parameters: schema.clone() };
            let text = answer.text.clone();
            for expects in [Expects::Text, Expects::Json { schema: Some(schema) }, Expects::Tools(vec![tool])] {
                let prompt = Prompt::new(prompt.clone()).expects(expects);
                let found = checks.check(&prompt, &answer);
                let again = checks.check(&prompt, &answer.clone().tool_call("a", text.clone()));
                prop_assert_eq!(found, checks.check(&prompt, &answer), "the same every time");
                prop_assert_eq!(again.failed(Check::Custom), None);
            }
        }
    }

    #[test]
    fn a_custom_check_is_the_hosts_own() {
        let prompt = Prompt::new("?").expects(Expects::Json { schema: Some(json!(false)) });
        assert_eq!(StandardChecks::default().check(&prompt, &Answer::new("1")).failed(Check::Custom), None);
    }
}
