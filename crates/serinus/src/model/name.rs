//! A short text that is copied often: up to 23 bytes are kept in place, so that a copy counts no reference.

use std::num::NonZeroU64;
use std::sync::Arc;

const BYTES: usize = 24;

#[derive(Clone)]
pub(super) enum Name {
    InPlace(InPlace),
    Elsewhere(Arc<str>),
}

/// One more than the text's length as a byte, and the text; in whole words, for bytes that are copied one by one are slow to
/// move on.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct InPlace {
    first: NonZeroU64,
    rest: [u64; 2],
}

impl Name {
    pub(super) fn new(text: &str) -> Self {
        InPlace::new(text).map_or_else(|| Self::Elsewhere(text.into()), Self::InPlace)
    }

    #[inline]
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::InPlace(name) => name.as_str(),
            Self::Elsewhere(text) => text,
        }
    }
}

impl InPlace {
    fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; BYTES];
        bytes[0] = u8::try_from(text.len() + 1).ok()?;
        bytes.get_mut(1..=text.len())?.copy_from_slice(text.as_bytes());
        let word = |at| bytes[at..at + 8].try_into().map(u64::from_ne_bytes).ok();
        Some(Self { first: NonZeroU64::new(word(0)?)?, rest: [word(8)?, word(16)?] })
    }

    #[inline]
    #[expect(unsafe_code, reason = "checked at every look, a name takes as long to read as a request to route")]
    fn as_str(&self) -> &str {
        // SAFETY: three words without a gap are 24 bytes that all have a value.
        let bytes = unsafe { &*std::ptr::from_ref(self).cast::<[u8; BYTES]>() };
        let text = &bytes[1..usize::from(bytes[0])];
        // SAFETY: `new` took these bytes from a `str` of this length, and nothing changes them.
        unsafe { std::str::from_utf8_unchecked(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_it_was_on_both_sides_of_the_limit() {
        for len in [0, 1, 7, 8, 22, 23, 24, 128, 254, 255, 256, 300] {
            for text in ["x".repeat(len), "ß".repeat(len / 2)] {
                let name = Name::new(&text);
                assert_eq!(name.as_str(), text);
                assert_eq!(name.clone().as_str(), text);
                assert_eq!(matches!(name, Name::InPlace(_)), text.len() < BYTES, "{text}");
            }
        }
    }

    #[test]
    fn a_name_takes_no_more_than_its_text_in_place() {
        assert_eq!(size_of::<Name>(), BYTES);
    }
}
