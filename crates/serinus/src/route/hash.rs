//! The frozen hash: a sticky key's place on the routing circle.
//!
//! The function never changes: the same key stands at the same place on every router, in every process, in every
//! release. Published vectors: `crates/serinus/tests/vectors/sticky_hash.json`.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// A salt, hashed once so that a lookup hashes the key alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) fn new(salt: &str) -> Self {
        Self(xxh3_64(salt.as_bytes()))
    }

    #[inline]
    pub(crate) fn point(self, sticky_key: &str) -> u32 {
        (xxh3_64_with_seed(sticky_key.as_bytes(), self.0) >> 32) as u32
    }
}

/// Where `sticky_key` stands on the circle of 2³² points under `salt`: the upper half of
/// `XXH3_64(sticky_key, seed = XXH3_64(salt))`.
///
/// The table maps the point to a version; nothing else about the user is kept. Anyone can compute the same value with
/// any implementation of XXH3.
///
/// ```
/// use serinus::route::sticky_point;
///
/// assert_eq!(sticky_point("llama-70b-chat", "u42"), sticky_point("llama-70b-chat", "u42"));
/// assert_ne!(sticky_point("llama-70b-chat", "u42"), sticky_point("another salt", "u42"));
/// ```
pub fn sticky_point(salt: &str, sticky_key: &str) -> u32 {
    Seed::new(salt).point(sticky_key)
}
