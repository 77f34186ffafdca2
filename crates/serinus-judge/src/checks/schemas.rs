//! JSON schemas, compiled once.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use jsonschema::{PatternOptions, Validator};
use parking_lot::Mutex;
use serde_json::Value;

/// Schemas that are kept.
const KEPT: usize = 64;
/// Levels that validation may descend, by way of references, and values in a schema. A server's users may write its schemas: a
/// deeper one could exhaust a thread's stack.
const DEEPEST: usize = 1_000;
const MOST_VALUES: usize = 20_000;
/// Steps that a regular expression may go back.
const BACKTRACK_LIMIT: usize = 100_000;

/// JSON schemas, compiled once and kept while they are in use.
#[derive(Default)]
pub(super) struct Schemas {
    hasher: RandomState,
    /// The last used last.
    kept: Mutex<VecDeque<Kept>>,
}

struct Kept {
    hash: u64,
    schema: Value,
    compiled: Option<Arc<Validator>>,
}

impl Schemas {
    /// Whether a value fits. A schema that cannot be used is fitted by anything.
    pub(super) fn fits(&self, value: &Value, schema: &Value) -> bool {
        match schema {
            Value::Null | Value::Bool(true) => true,
            _ => self.compiled(schema).is_none_or(|schema| schema.is_valid(value)),
        }
    }

    fn compiled(&self, schema: &Value) -> Option<Arc<Validator>> {
        if !is_safe(schema) {
            return None;
        }
        let hash = self.hasher.hash_one(schema);
        {
            let mut kept = self.kept.lock();
            if let Some(at) = kept.iter().position(|kept| kept.hash == hash && kept.schema == *schema) {
                let found = kept.remove(at)?;
                let compiled = found.compiled.clone();
                kept.push_back(found);
                return compiled;
            }
        }
        // Outside the lock: two threads may both compile one schema, and neither waits for the other's.
        let compiled = compile(schema).map(Arc::new);
        let mut kept = self.kept.lock();
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back(Kept { hash, schema: schema.clone(), compiled: compiled.clone() });
        compiled
    }
}

fn compile(schema: &Value) -> Option<Validator> {
    let patterns = PatternOptions::fancy_regex().backtrack_limit(BACKTRACK_LIMIT).size_limit(1 << 20);
    jsonschema::options().offline().with_pattern_options(patterns).build(schema).ok()
}

/// Whether it can be compiled and used without descending too deep: references times depth bounds every chain of them.
fn is_safe(schema: &Value) -> bool {
    let (mut values, mut references, mut deepest) = (0, 1, 0);
    let mut left = vec![(schema, 1)];
    while let Some((value, depth)) = left.pop() {
        values += 1;
        deepest = deepest.max(depth);
        match value {
            Value::Array(items) => left.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(fields) => {
                references += fields.keys().filter(|name| name.ends_with("Ref") || *name == "$ref").count();
                left.extend(fields.values().map(|field| (field, depth + 1)));
            }
            _ => {}
        }
        if values > MOST_VALUES || references * deepest > DEEPEST {
            return false;
        }
    }
    true
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schemas").field("kept", &self.kept.lock().len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn nested(depth: usize) -> Value {
        (0..depth).fold(json!(true), |inner, _| Value::Object(Map::from_iter([("not".to_owned(), inner)])))
    }

    #[test]
    fn a_value_fits_or_does_not() {
        let schemas = Schemas::default();
        let schema =
            json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "minimum": 1}}});
        for _ in 0..3 {
            assert!(schemas.fits(&json!({"n": 1}), &schema));
            assert!(!schemas.fits(&json!({"n": 0}), &schema));
            assert!(!schemas.fits(&json!({}), &schema));
        }
        assert_eq!(schemas.kept.lock().len(), 1, "compiled once");
        assert!(!schemas.fits(&json!(1), &json!(false)));
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_used_stays() {
        let schemas = Schemas::default();
        let used = json!({"const": "used"});
        for n in 0..3 * KEPT {
            assert!(schemas.fits(&json!(n), &json!({"const": n})));
            assert!(!schemas.fits(&json!(n), &used));
        }
        let kept = schemas.kept.lock();
        assert_eq!(kept.len(), KEPT);
        assert!(kept.iter().any(|kept| kept.schema == used));
    }

    #[test]
    fn a_schema_that_cannot_be_used_checks_nothing() {
        let schemas = Schemas::default();
        for schema in [
            json!({"type": 7}),
            json!({"type": "no such type"}),
            json!({"$ref": "https://example.com/schema.json"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"$ref": "#/no/such/place"}),
            json!({"$schema": "http://example.com/meta"}),
            json!({"pattern": "("}),
            json!({"pattern": "((a{1000}){1000}){1000}"}),
            json!("object"),
            nested(2_000),
        ] {
            assert!(schemas.fits(&json!("aaaa"), &schema));
        }
    }

    #[test]
    fn a_hostile_schema_neither_hangs_nor_exhausts_the_stack() {
        let schemas = Schemas::default();
        let chain: Map<String, Value> =
            (0..5_000).map(|n| (n.to_string(), json!({"$ref": format!("#/$defs/{}", n + 1)}))).collect();
        for schema in [
            json!({"$ref": "#"}),
            json!({"allOf": [{"$ref": "#"}]}),
            json!({"not": {"$ref": "#"}}),
            json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
            json!({"$ref": "#/$defs/0", "$defs": chain}),
            json!({"pattern": "^(a+)+(?=b)$"}),
            nested(900),
        ] {
            let _ = schemas.fits(&json!("a".repeat(5_000)), &schema);
        }
    }
}
