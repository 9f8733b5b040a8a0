//! The place of a key in the bucket space: one salted hash.
//!
//! The seed of a salt is `xxh3_64(salt, seed 0)`; the bucket of a key is the upper half of `xxh3_64(key, seed)`. No
//! floats, no platform-dependent step: every machine and every language finds the same bucket.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// How many buckets there are: buckets are the numbers in `[0, BUCKETS)`.
pub const BUCKETS: u64 = 1 << 32;

/// A salt with its seed worked out, so that a request pays for one hash only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salt {
    text: Box<str>,
    seed: u64,
}

impl Salt {
    /// Prepares a salt.
    pub fn new(text: &str) -> Self {
        Self { text: text.into(), seed: xxh3_64(text.as_bytes()) }
    }

    /// The salt as the document spells it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The whole hash of a key; its upper half is the bucket.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        xxh3_64_with_seed(key, self.seed)
    }

    /// The bucket of a key.
    #[inline]
    pub fn bucket(&self, key: &[u8]) -> u32 {
        (self.hash(key) >> 32) as u32
    }
}

/// The bucket of a key under a salt, for callers that ask once.
pub fn bucket(salt: &str, key: &[u8]) -> u32 {
    Salt::new(salt).bucket(key)
}
