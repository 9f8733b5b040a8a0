//! The sub-cell of a caller: a second hash of what keeps it on its arm, by which versions are compared.
//!
//! Rows of one caller are alike, so the variation between sub-cells of callers, and not between rows, says what chance does
//! (`drift::design_effect`). The cell of a key is the lowest bits of `xxh3_64(key, SEED)`. Buckets are the upper half of a hash
//! whose seed is made of the route's salt: even a salt that leads to the same seed leaves both independent.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::compile::RoutePlan;
use super::decide::{Head, sticky_key};
use super::sticky::KeyBuffer;
use crate::condition::Context;
use crate::drift::design_effect::SUB_CELLS;

/// `xxh3_64("tidegate.sub-cell", seed 0)`. It is no route's own, so that a caller keeps its sub-cell when a salt changes.
const SEED: u64 = 0xb12a_4b87_e64d_621a;

const _: () = assert!(SUB_CELLS.is_power_of_two(), "the lowest bits of a hash are a sub-cell");

/// The sub-cell of a key.
#[inline]
pub fn sub_cell(key: &[u8]) -> u8 {
    (xxh3_64_with_seed(key, SEED) % SUB_CELLS as u64) as u8
}

/// The sub-cell of whoever asks: by its sticky key, and without one by its prediction id, as if each request had its own caller.
#[inline]
pub fn sub_cell_of<C: Context>(route: &RoutePlan, head: &Head<'_, C>) -> u8 {
    let mut buffer = KeyBuffer::default();
    match sticky_key(route, head.request, &mut buffer) {
        Some(key) => sub_cell(key.as_bytes()),
        None => sub_cell(head.prediction_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::Salt;
    use crate::routing::tests::golden;
    use xxhash_rust::xxh3::xxh3_64;

    #[test]
    fn sub_cells_are_those_of_the_golden_vectors() {
        assert_eq!(SEED, xxh3_64(b"tidegate.sub-cell"));
        for case in golden()["sub_cells"].as_array().expect("a list") {
            let (key, expected) = (case[0].as_str().expect("text"), case[1].as_u64().expect("a number"));
            assert_eq!(u64::from(sub_cell(key.as_bytes())), expected, "{key:?}");
        }
    }

    /// Chi-squared of 20,000 keys in eight sub-cells by eight equal ranges of buckets, against all 64 being alike.
    fn dependence(salt: &Salt) -> f64 {
        const KEYS: u32 = 20_000;
        let mut counts = [[0.0_f64; SUB_CELLS]; 8];
        for key in 0..KEYS {
            let key = format!("caller-{key}");
            let range = salt.bucket(key.as_bytes()) >> 29;
            counts[range as usize][usize::from(sub_cell(key.as_bytes()))] += 1.0;
        }
        let expected = f64::from(KEYS) / 64.0;
        counts.iter().flatten().map(|count| (count - expected).powi(2) / expected).sum()
    }

    #[test]
    fn a_sub_cell_says_nothing_of_the_bucket_even_under_a_salt_of_the_same_seed() {
        for salt in ["", "r", "rollout-2024-01", "tidegate.sub-cell"] {
            let found = dependence(&Salt::new(salt));
            // Of chi-squared with 63 degrees of freedom 103 is exceeded once in a thousand.
            assert!(found < 103.0, "{found} under {salt:?}");
        }
    }
}
