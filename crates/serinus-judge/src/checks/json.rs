//! Whether an answer is the JSON that was asked for.

use serde_json::Value;

use super::schemas::Schemas;

/// Whether a text is JSON, and fits the schema.
pub(super) fn is_valid(text: &str, schema: Option<&Value>, fenced: bool, schemas: &Schemas) -> bool {
    let text = if fenced { without_fence(text) } else { text };
    let Ok(value) = serde_json::from_str::<Value>(text) else { return false };
    schema.is_none_or(|schema| schemas.fits(&value, schema))
}

/// What is in the one code block that the text consists of; else the text.
fn without_fence(text: &str) -> &str {
    let inside = || {
        let block = text.trim().strip_prefix("```")?.strip_suffix("```")?;
        let (language, inside) = block.split_once('\n')?;
        matches!(language.trim(), "" | "json" | "JSON").then_some(inside)
    };
    inside().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn valid(text: &str, schema: Option<&Value>, fenced: bool) -> bool {
        is_valid(text, schema, fenced, &Schemas::default())
    }

    #[test]
    fn json_is_all_json() {
        for good in ["{}", " [1, 2]\n", "null", "\"text\"", "-1e3", r#"{"a": {"b": [true]}}"#] {
            assert!(valid(good, None, false), "{good}");
        }
        for bad in ["", "{", "{'a': 1}", "{\"a\": 1,}", "Here it is: {}", "{} {}", "{\"a\": NaN}", "// {}\n{}"] {
            assert!(!valid(bad, None, true), "{bad}");
        }
    }

    #[test]
    fn a_code_block_is_json_only_where_that_is_allowed() {
        for block in ["```json\n{\"a\": 1}\n```", "```\n{}\n```\n", " ```JSON \n[]```"] {
            assert!(!valid(block, None, false), "{block}");
            assert!(valid(block, None, true), "{block}");
        }
        for bad in ["```python\n{}\n```", "```json\n{}\n``` Done.", "```{}```", "```json\n{}"] {
            assert!(!valid(bad, None, true), "{bad}");
        }
    }

    #[test]
    fn it_must_fit_its_schema() {
        let schema = json!({"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]});
        assert!(valid("{\"age\": 7}", Some(&schema), false));
        assert!(!valid("{\"age\": \"7\"}", Some(&schema), false));
        assert!(!valid("{}", Some(&schema), false));
        assert!(valid("{}", Some(&json!({"type": "nonsense"})), false), "a wrong schema is not the answer's fault");
    }

    #[test]
    fn what_is_nested_without_end_is_no_json() {
        assert!(!valid(&"[".repeat(100_000), None, false));
        assert!(!valid(&"{\"a\":".repeat(100_000), None, false));
    }
}
