//! The closed task that the model learns: made-up capitals, so that every answer is right or wrong beyond dispute.
//!
//! `capital of bagule?` has exactly one right answer, six letters that mean nothing. All questions and answers follow
//! from a fixed seed, so the trainer, the server and the load generator hold the same key without sharing a file.

use std::collections::{HashMap, HashSet};

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Questions in the task.
pub const QUESTIONS: usize = 1_000;
/// Bytes in every answer.
pub const ANSWER_BYTES: usize = 6;

const SEED: u64 = 7;
const CONSONANTS: &[u8] = b"bdfgklmnprstvz";
const VOWELS: &[u8] = b"aeiou";

/// One question and its only right answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What the user asks, word for word.
    pub prompt: String,
    /// The right answer.
    pub answer: String,
}

/// All questions of the task, and the key to check answers against.
///
/// ```
/// use axum_server::task::Task;
///
/// let task = Task::capitals();
/// let question = &task.questions()[0];
/// assert_eq!(task.check(&question.prompt, &question.answer), Some(true));
/// assert_eq!(task.check(&question.prompt, "somewhere else"), Some(false));
/// assert_eq!(task.check("What is love?", "42"), None);
/// ```
#[derive(Debug, Clone)]
pub struct Task {
    questions: Vec<Question>,
    index: HashMap<String, usize>,
}

impl Task {
    /// The [`QUESTIONS`] capitals, the same in every process.
    pub fn capitals() -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        let mut countries = HashSet::new();
        let mut questions = Vec::with_capacity(QUESTIONS);
        while questions.len() < QUESTIONS {
            let country = name(&mut rng);
            let answer = name(&mut rng);
            if countries.insert(country.clone()) {
                questions.push(Question { prompt: format!("capital of {country}?"), answer });
            }
        }
        let index = questions.iter().enumerate().map(|(at, question)| (question.prompt.clone(), at)).collect();
        Self { questions, index }
    }

    /// Every question, in a fixed order.
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// Whether `answer` is right, or `None` where `prompt` is no question of this task.
    pub fn check(&self, prompt: &str, answer: &str) -> Option<bool> {
        self.index.get(prompt).map(|&at| self.questions[at].answer == answer)
    }
}

/// Three syllables. The draws are plain remainders, so that no release of `rand` can change the task.
fn name(rng: &mut ChaCha8Rng) -> String {
    let mut letter = |from: &[u8]| char::from(from[rng.next_u32() as usize % from.len()]);
    (0..ANSWER_BYTES).map(|at| letter(if at % 2 == 0 { CONSONANTS } else { VOWELS })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_task_is_the_one_the_checkpoints_were_trained_on() {
        let task = Task::capitals();
        let text: Vec<&str> = task.questions().iter().flat_map(|q| [&*q.prompt, &*q.answer]).collect();
        assert_eq!(task.questions().len(), QUESTIONS);
        assert_eq!(xxhash_rust::xxh3::xxh3_64(text.join("\n").as_bytes()), 18_320_960_962_804_145_890);
    }
}
