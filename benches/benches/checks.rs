//! What the checks of an answer's text cost. Run with `cargo bench -p serinus-benches --bench checks`.
#![allow(missing_docs)] // criterion's macros make undocumented items.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use serinus::host::{Answer, Expects, Prompt};
use serinus::judge::TextChecks;
use serinus::observe::Check;
use serinus_judge::StandardChecks;

const QUESTION: &str = "Please tell me about the rivers of Europe: where they rise, through which countries they flow, and what \
                        they have meant for trade since the days of the Romans.";

/// Prose of so many characters that does not repeat itself.
fn prose(chars: usize) -> String {
    let words = [
        "the", "river", "flows", "north", "past", "many", "towns", "and", "carries", "ships", "to", "its", "wide",
        "delta",
    ];
    let mut text = String::new();
    let mut n = 7usize;
    while text.len() < chars {
        n = n.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
        text.push_str(words[(n >> 8) % words.len()]);
        text.push_str(if n.is_multiple_of(9) { ". " } else { " " });
    }
    text.truncate(chars - 1);
    text.push('.');
    text
}

/// JSON of about so many characters, and its schema.
fn document(chars: usize) -> (String, Value) {
    let item = |n: usize| json!({"id": n, "name": format!("river {n}"), "tags": ["long", "wide"], "length_km": 1230.5});
    let mut items = Vec::new();
    while Value::from(items.clone()).to_string().len() + 80 < chars {
        items.push(item(items.len()));
    }
    let schema = json!({
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "id": {"type": "integer", "minimum": 0},
                "name": {"type": "string", "minLength": 1},
                "tags": {"type": "array", "items": {"enum": ["long", "wide", "short"]}},
                "length_km": {"type": "number"}
            },
            "required": ["id", "name"],
            "additionalProperties": false
        }
    });
    (Value::from(items).to_string(), schema)
}

fn checks(c: &mut Criterion) {
    let mut group = c.benchmark_group("checks");
    let standard = StandardChecks::default();
    for chars in [200, 4_000] {
        let (prompt, answer) = (Prompt::new(QUESTION), Answer::new(prose(chars)));
        assert_eq!(standard.check(&prompt, &answer).failures().count(), 0);
        group.bench_function(BenchmarkId::new("text", chars), |b| {
            b.iter(|| standard.check(black_box(&prompt), black_box(&answer)));
        });
        let no_language = StandardChecks::builder().without(Check::Language).build().expect("it makes sense");
        group.bench_function(BenchmarkId::new("text_without_language", chars), |b| {
            b.iter(|| no_language.check(black_box(&prompt), black_box(&answer)));
        });
        let (document, schema) = document(chars);
        let (prompt, answer) =
            (Prompt::new(QUESTION).expects(Expects::Json { schema: Some(schema) }), Answer::new(document));
        assert_eq!(standard.check(&prompt, &answer).failures().count(), 0);
        group.bench_function(BenchmarkId::new("json_schema", chars), |b| {
            b.iter(|| standard.check(black_box(&prompt), black_box(&answer)));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).nresamples(20_000).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = checks
}
criterion_main!(benches);
