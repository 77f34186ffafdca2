//! A rubric as it is written down.

use serde::Deserialize;

use super::{Level, Rubric};

/// A rubric as it is written down.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RubricFile {
    name: String,
    question: String,
    compare: String,
    #[serde(default)]
    instructions: String,
    ungrounded: Option<String>,
    #[serde(default = "yes")]
    uses_context: bool,
    #[serde(default = "yes")]
    uses_reference: bool,
    #[serde(default)]
    needs_grounds: bool,
    pass_at: f64,
    levels: Vec<LevelFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LevelFile {
    score: i64,
    quality: Option<f64>,
    meaning: String,
}

const fn yes() -> bool {
    true
}

impl TryFrom<RubricFile> for Rubric {
    type Error = String;

    fn try_from(file: RubricFile) -> Result<Self, String> {
        for (what, text) in [("name", &file.name), ("question", &file.question), ("compare", &file.compare)] {
            if text.trim().is_empty() {
                return Err(format!("expected a {what}, got one without text"));
            }
        }
        if !(file.pass_at > 0.0 && file.pass_at <= 1.0) {
            return Err(format!("expected pass_at above 0 and at most 1, got {}", file.pass_at));
        }
        if file.needs_grounds && !file.uses_context && !file.uses_reference {
            return Err("expected uses_context or uses_reference where needs_grounds is set, got neither".into());
        }
        Ok(Self {
            name: file.name,
            question: file.question.trim().into(),
            compare: file.compare.trim().into(),
            instructions: file.instructions.trim().into(),
            ungrounded: file.ungrounded.map(|text| text.trim().into()),
            uses_context: file.uses_context,
            uses_reference: file.uses_reference,
            needs_grounds: file.needs_grounds,
            pass_at: file.pass_at,
            levels: levels(file.levels)?,
        })
    }
}

/// The levels by their scores, each with its quality.
fn levels(mut files: Vec<LevelFile>) -> Result<Vec<Level>, String> {
    if !(2..=101).contains(&files.len()) {
        return Err(format!("expected at least two levels and at most 101, got {}", files.len()));
    }
    files.sort_by_key(|level| level.score);
    let last = (files.len() - 1) as f64;
    let mut levels: Vec<Level> = Vec::with_capacity(files.len());
    for (place, file) in files.into_iter().enumerate() {
        let quality = file.quality.unwrap_or(place as f64 / last);
        if !(0.0..=1.0).contains(&quality) {
            return Err(format!("expected the quality of score {} to be in [0, 1], got {quality}", file.score));
        }
        if let Some(below) = levels.last() {
            if below.score == file.score {
                return Err(format!("expected each score once, got score {} twice", file.score));
            }
            if below.quality >= quality {
                return Err(format!(
                    "expected qualities to rise with the scores, got {} for {} and {quality} for {}",
                    below.quality, below.score, file.score
                ));
            }
        }
        levels.push(Level { score: file.score, quality, meaning: file.meaning });
    }
    Ok(levels)
}
