//! What a judge is asked, and on which scale it answers.

mod file;

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::Deserialize;
use thiserror::Error;

use file::RubricFile;

/// What a judge is asked about an answer: a question, how to answer it, and a scale in words. Four come with the crate; each is
/// a TOML file of some thirty lines in its folder `rubrics`, to be copied and edited.
///
/// ```
/// use serinus_judge::Rubric;
///
/// let rubric = Rubric::from_toml(
///     r#"
///     name = "haiku"
///     question = "Is the answer a haiku?"
///     compare = "Which answer is the better haiku?"
///     pass_at = 0.5
///     [[levels]]
///     score = 0
///     meaning = "No."
///     [[levels]]
///     score = 1
///     meaning = "Yes: three lines of 5, 7 and 5 syllables."
///     "#,
/// )?;
/// assert_eq!(rubric.quality(1), Some(1.0));
/// assert_eq!(rubric.quality(2), None);
/// # Ok::<(), serinus_judge::RubricError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "RubricFile")]
pub struct Rubric {
    pub(crate) name: String,
    pub(crate) question: String,
    pub(crate) compare: String,
    pub(crate) instructions: String,
    pub(crate) ungrounded: Option<String>,
    pub(crate) uses_context: bool,
    pub(crate) uses_reference: bool,
    pub(crate) needs_grounds: bool,
    pub(crate) pass_at: f64,
    /// In the order of their scores.
    pub(crate) levels: Vec<Level>,
}

/// A step of the scale.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Level {
    pub(crate) score: i64,
    pub(crate) quality: f64,
    pub(crate) meaning: String,
}

/// A rubric that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RubricError {
    /// The file cannot be read.
    #[error("the rubric {} cannot be read: {error}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        error: io::Error,
    },
    /// It is no TOML, lacks a field, has one too many, or says something that makes no sense.
    #[error("expected a rubric in TOML: {0}")]
    Toml(String),
}

impl Rubric {
    /// Whether an answer states only what its context or reference supports. Where a prompt has neither, the judge goes by
    /// what is well known, and faults only what is certainly false: weaker, but the same for both versions. To have such
    /// prompts refused instead, take `ungrounded` out of a copy of the file.
    pub fn hallucination() -> Self {
        Self::bundled(include_str!("../rubrics/hallucination.toml"))
    }

    /// Whether an answer helps whoever asked.
    pub fn helpfulness() -> Self {
        Self::bundled(include_str!("../rubrics/helpfulness.toml"))
    }

    /// Whether an answer does all that it was told to, and nothing that it was told not to.
    pub fn instruction_following() -> Self {
        Self::bundled(include_str!("../rubrics/instruction_following.toml"))
    }

    /// Whether an answer does no harm.
    pub fn harmlessness() -> Self {
        Self::bundled(include_str!("../rubrics/harmlessness.toml"))
    }

    fn bundled(toml: &str) -> Self {
        Self::from_toml(toml).expect("a rubric of this crate is well-formed: a test parses each")
    }

    /// A rubric written in TOML.
    ///
    /// # Errors
    ///
    /// [`RubricError::Toml`] with what is wrong and what was expected.
    pub fn from_toml(text: &str) -> Result<Self, RubricError> {
        toml::from_str(text).map_err(|error| RubricError::Toml(error.to_string()))
    }

    /// A rubric in a file.
    ///
    /// # Errors
    ///
    /// [`RubricError`] if it cannot be read or used.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, RubricError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|error| RubricError::Read { path: path.to_owned(), error })?;
        Self::from_toml(&text)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The quality in [0, 1] that a score of its scale stands for; `None` for a score that is not on it.
    pub fn quality(&self, score: i64) -> Option<f64> {
        self.levels.iter().find(|level| level.score == score).map(|level| level.quality)
    }

    /// The quality from which on an answer passes.
    pub const fn pass_at(&self) -> f64 {
        self.pass_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: &str = r#"
        name = "short"
        question = "Is it short?"
        compare = "Which is shorter?"
        pass_at = 0.5
        levels = [{ score = 3, meaning = "Yes." }, { score = 1, meaning = "No." }, { score = 2, meaning = "Rather." }]
    "#;

    fn refused(toml: &str) -> String {
        Rubric::from_toml(toml).unwrap_err().to_string()
    }

    #[test]
    fn the_rubrics_of_the_crate_are_well_formed() {
        for rubric in
            [Rubric::hallucination(), Rubric::helpfulness(), Rubric::instruction_following(), Rubric::harmlessness()]
        {
            assert_eq!((rubric.quality(1), rubric.quality(5)), (Some(0.0), Some(1.0)), "{}", rubric.name());
            assert!((0.5..=0.75).contains(&rubric.pass_at()));
        }
    }

    #[test]
    fn qualities_are_spread_evenly_unless_they_are_given() {
        let even = Rubric::from_toml(SHORT).unwrap();
        assert_eq!([1, 2, 3].map(|score| even.quality(score)), [Some(0.0), Some(0.5), Some(1.0)]);
        let given = Rubric::from_toml(&SHORT.replace("score = 2,", "score = 2, quality = 0.9,")).unwrap();
        assert_eq!(given.quality(2), Some(0.9));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_is_wrong() {
        assert!(refused(&SHORT.replace("name = \"short\"", "")).contains("name"));
        assert!(refused(&SHORT.replace("name =", "nam =")).contains("nam"));
        assert!(refused(&SHORT.replace("\"short\"", "\" \"")).contains("expected a name"));
        assert!(refused(&SHORT.replace("pass_at = 0.5", "pass_at = 1.5")).contains("got 1.5"));
        assert!(refused(&SHORT.replace("pass_at = 0.5", "pass_at = nan")).contains("pass_at"));
        assert!(refused(&SHORT.replace("score = 2", "score = 1")).contains("score 1"));
        assert!(refused(&SHORT.replace("score = 2,", "score = 2, quality = 2.0,")).contains("quality"));
        assert!(refused(&SHORT.replace("score = 2,", "score = 2, quality = 1.0,")).contains("rise"));
        let one = "name='a'\nquestion='b'\ncompare='c'\npass_at=0.5\nlevels=[{score=1,meaning='d'}]";
        assert!(refused(one).contains("at least two"));
        let ungrounded = format!("needs_grounds = true\nuses_context = false\nuses_reference = false\n{SHORT}");
        assert!(refused(&ungrounded).contains("needs_grounds"));
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let error = Rubric::from_path("no/such/rubric.toml").unwrap_err();
        assert!(error.to_string().contains("no/such/rubric.toml"), "{error}");
    }
}
