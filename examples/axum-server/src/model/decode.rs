//! Greedy decoding, one byte at a time.

use candle_core::Result;

use super::llama::Cache;
use super::{BOS, CONTEXT, Llama};

impl Llama {
    /// Answers `prompt` byte by byte. Nothing is computed before the first byte is asked for.
    ///
    /// # Errors
    /// [`PromptTooLong`] if no room is left for an answer.
    pub fn decode(&self, prompt: &[u8]) -> std::result::Result<Decode<'_>, PromptTooLong> {
        let longest = CONTEXT - 2;
        if prompt.len() > longest {
            return Err(PromptTooLong { bytes: prompt.len(), longest });
        }
        let tokens = std::iter::once(BOS).chain(prompt.iter().copied().map(u32::from)).collect();
        Ok(Decode { model: self, state: State::Prompt(tokens) })
    }
}

/// The prompt does not leave room for an answer in the model's context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the prompt has {bytes} bytes; this model takes at most {longest}")]
pub struct PromptTooLong {
    /// Bytes of the prompt.
    pub bytes: usize,
    /// The most that would have been taken.
    pub longest: usize,
}

/// An answer in progress: an iterator over its bytes, which ends where the model ends it or the context is full.
#[derive(Debug)]
pub struct Decode<'a> {
    model: &'a Llama,
    state: State,
}

#[derive(Debug)]
enum State {
    Prompt(Vec<u32>),
    Answering { cache: Cache, last: u8 },
    Ended,
}

impl Iterator for Decode<'_> {
    type Item = Result<u8>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

impl Decode<'_> {
    fn advance(&mut self) -> Result<Option<u8>> {
        let (mut cache, tokens) = match std::mem::replace(&mut self.state, State::Ended) {
            State::Prompt(tokens) => (Cache::new()?, tokens),
            State::Answering { cache, last } => (cache, vec![u32::from(last)]),
            State::Ended => return Ok(None),
        };
        if cache.length() + tokens.len() >= CONTEXT {
            return Ok(None);
        }
        // Any mark ends an answer, also one that a broken checkpoint put out of place.
        let Ok(byte) = u8::try_from(self.model.next_token(&tokens, &mut cache)?) else { return Ok(None) };
        self.state = State::Answering { cache, last: byte };
        Ok(Some(byte))
    }
}
