//! Pinned conversations: a token that keeps a conversation on the version that began it.

use std::fmt;
use std::hash::Hasher;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use siphasher::sip::SipHasher24;
use xxhash_rust::xxh3::xxh3_64;

use crate::model::VersionId;

const FORMAT: u8 = 1;
const BODY: usize = 17;
const LEN: usize = BODY + 8;

/// The secret that makes session tokens unforgeable: 16 bytes, shared by the routers of one service.
///
/// It is the host's to keep; it is never journaled, logged or shown. A router with another key ignores the tokens of
/// its neighbours, so conversations then move with their user's place in the ramp.
#[derive(Clone, Copy)]
pub struct TokenKey([u8; 16]);

impl TokenKey {
    /// A key from 16 secret bytes.
    pub const fn new(secret: [u8; 16]) -> Self {
        Self(secret)
    }

    /// A random key, good for one process.
    pub fn random() -> Self {
        Self(rand::random())
    }

    fn tag(&self, body: &[u8]) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(body);
        hasher.finish()
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(secret)")
    }
}

/// A small opaque token (34 characters, safe in headers, cookies and URLs) that pins a conversation to the version
/// that answered its first request.
///
/// It holds the version and the pin epoch at which it was made, under a keyed check (SipHash-2-4, Aumasson and
/// Bernstein 2012). It counts while that version serves and no rollback has moved the pin epoch on. A token that is
/// forged, garbled or outdated is ignored and counted, never an error to the user.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionToken([u8; LEN]);

/// A session token that has not been signed yet: cheap to keep of every request, as few are ever asked for theirs.
#[derive(Clone, Copy, Debug)]
pub struct SessionPin {
    pub(crate) pin: Pin,
    pub(crate) key: TokenKey,
}

impl SessionPin {
    /// The token.
    pub fn sign(&self) -> SessionToken {
        SessionToken::new(self.pin, &self.key)
    }
}

/// What a valid token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) version: TokenId,
    pub(crate) pin_epoch: u64,
}

/// A version's name inside tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TokenId(u64);

impl TokenId {
    pub(crate) fn new(version: &VersionId) -> Self {
        Self(xxh3_64(version.as_str().as_bytes()))
    }
}

impl SessionToken {
    pub(crate) fn new(pin: Pin, key: &TokenKey) -> Self {
        let mut bytes = [FORMAT; LEN];
        bytes[1..9].copy_from_slice(&pin.version.0.to_le_bytes());
        bytes[9..BODY].copy_from_slice(&pin.pin_epoch.to_le_bytes());
        let tag = key.tag(&bytes[..BODY]);
        bytes[BODY..].copy_from_slice(&tag.to_le_bytes());
        Self(bytes)
    }

    /// What the token says, if `key` made it.
    pub(crate) fn open(&self, key: &TokenKey) -> Option<Pin> {
        let (body, tag) = self.0.split_at(BODY);
        let word = |range: std::ops::Range<usize>| body[range].try_into().map(u64::from_le_bytes).ok();
        let given = u64::from_le_bytes(tag.try_into().ok()?);
        if body[0] != FORMAT || given != key.tag(body) {
            return None;
        }
        Some(Pin { version: TokenId(word(1..9)?), pin_epoch: word(9..BODY)? })
    }
}

impl fmt::Display for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(opaque)")
    }
}

/// The text is not a token of this library: it is too long, too short, or not of the right alphabet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a session token: expected {} characters of URL-safe base64", LEN.div_ceil(3) * 4 - 2)]
pub struct ParseTokenError;

impl FromStr for SessionToken {
    type Err = ParseTokenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; LEN];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(LEN) => Ok(Self(bytes)),
            _ => Err(ParseTokenError),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: TokenKey = TokenKey::new(*b"sixteen  secrets");

    fn pin() -> Pin {
        Pin { version: TokenId::new(&VersionId::new("v2").unwrap()), pin_epoch: 7 }
    }

    #[test]
    fn a_token_says_what_was_put_in() {
        let text = SessionToken::new(pin(), &KEY).to_string();
        assert_eq!(text.len(), 34);
        assert_eq!(text.parse::<SessionToken>().unwrap().open(&KEY), Some(pin()));
    }

    #[test]
    fn another_key_opens_nothing() {
        let token = SessionToken::new(pin(), &KEY);
        assert_eq!(token.open(&TokenKey::new([0; 16])), None);
        assert_eq!(token.open(&TokenKey::random()), None);
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(format!("{KEY:?}"), "TokenKey(secret)");
        assert!(!format!("{:?}", SessionToken::new(pin(), &KEY)).contains("AQ"));
    }

    proptest! {
        #[test]
        fn a_changed_token_opens_nothing(byte in 0..LEN, flip in 1..=255u8) {
            let mut token = SessionToken::new(pin(), &KEY);
            token.0[byte] ^= flip;
            prop_assert_eq!(token.open(&KEY), None);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            if let Ok(token) = text.parse::<SessionToken>() {
                prop_assert_eq!(token.open(&KEY), None);
            }
        }
    }
}
