//! The id of one prediction: UUID version 7, so that ids sort by time.

/// 36 characters of ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PredictionId([u8; 36]);

impl PredictionId {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// RFC 9562, section 5.7: 48 bits of milliseconds, then random bits around version and variant.
    fn new(unix_ms: u64, random: (u64, u64)) -> Self {
        let high = (unix_ms << 16) | 0x7000 | (random.0 & 0x0fff);
        let low = (random.1 & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
        let mut text = [b'-'; 36];
        let mut digit = 0;
        for (at, byte) in text.iter_mut().enumerate() {
            if !matches!(at, 8 | 13 | 18 | 23) {
                let word = if digit < 16 { high } else { low };
                *byte = b"0123456789abcdef"[(word >> (60 - 4 * (digit % 16)) & 0xf) as usize];
                digit += 1;
            }
        }
        Self(text)
    }
}

/// Makes the ids of one thread.
#[derive(Debug)]
pub struct PredictionIds {
    state: u64,
}

impl PredictionIds {
    /// A generator that starts from the operating system's randomness.
    pub fn new() -> Self {
        // The standard library's hasher is keyed from the operating system; no more than uniqueness is needed here.
        let seed =
            std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), std::process::id());
        Self { state: seed }
    }

    pub fn next(&mut self, unix_ms: u64) -> PredictionId {
        PredictionId::new(unix_ms, (self.random(), self.random()))
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Default for PredictionIds {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Display for PredictionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{PredictionId, PredictionIds};
    use std::fmt::Write as _;

    #[test]
    fn an_id_carries_its_time_version_and_variant() {
        let id = PredictionId::new(0x0123_4567_89ab, (u64::MAX, u64::MAX));
        assert_eq!(id.as_str(), "01234567-89ab-7fff-bfff-ffffffffffff");
        let mut text = String::new();
        write!(text, "{}", PredictionId::new(0, (0, 0))).expect("a string takes any text");
        assert_eq!(text, "00000000-0000-7000-8000-000000000000");
    }

    #[test]
    fn ids_of_two_threads_differ_from_the_start() {
        let (mut one, mut two) = (PredictionIds::new(), PredictionIds::new());
        let mut seen = std::collections::HashSet::new();
        for _ in 0..10_000 {
            assert!(seen.insert(one.next(7)) && seen.insert(two.next(7)));
        }
    }
}
