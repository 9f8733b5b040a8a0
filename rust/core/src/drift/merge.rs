//! Windows too small to be judged are merged with those before them.

use super::pool::{ENTRY_ROWS, ENTRY_SHARE, is_sufficient, reaches};

/// The longest time that merged windows may cover: older rows say nothing of today.
pub const LONGEST_MS: u64 = 35 * 24 * 60 * 60 * 1_000;

/// How many of the newest windows, taken together, are enough to judge a feature by; `None` if even 35 days are not.
///
/// `rows` are those of each window that lie in bins, newest first; a window without rows counts as time. `design_effect` is
/// that of the windows, 1 for independent rows.
pub fn windows_needed(reference: &[u64], rows: &[u64], length_ms: u64, design_effect: f64) -> Option<usize> {
    let enough = Enough::of(reference);
    let mut together = 0_u64;
    for (at, more) in rows.iter().take(most_windows(length_ms)).enumerate() {
        together = together.saturating_add(*more);
        if enough.is_reached(together as f64 / design_effect) {
            return Some(at + 1);
        }
    }
    None
}

/// How many windows of a length may be taken together.
pub fn most_windows(length_ms: u64) -> usize {
    usize::try_from(LONGEST_MS / length_ms.max(1)).unwrap_or(usize::MAX).max(1)
}

/// How many rows a window needs where it is spread as the reference is.
///
/// That is asked of every feature at every depth of windows, so nothing is allocated for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Enough<'r> {
    reference: &'r [u64],
    rows: f64,
    /// Bins of the reference that are not empty.
    filled: usize,
}

impl<'r> Enough<'r> {
    pub fn of(reference: &'r [u64]) -> Self {
        let rows = reference.iter().sum::<u64>() as f64;
        Self { reference, rows, filled: reference.iter().filter(|bin| **bin > 0).count() }
    }

    /// Whether so many independent rows are enough to judge by.
    pub fn is_reached(&self, rows: f64) -> bool {
        let smaller = f64::min(self.rows, rows);
        // The bins that decide, as a pool by the reference alone has them, and all others together as one more.
        let enters = |bin: &&u64| {
            let own = **bin as f64;
            reaches(own, ENTRY_SHARE * self.rows) && reaches(own * smaller, ENTRY_ROWS * self.rows)
        };
        let filled = self.reference.iter().filter(|bin| **bin > 0);
        let entered = filled.filter(enters).count();
        let deciding = entered + usize::from(entered < self.filled);
        is_sufficient(smaller, deciding, self.filled)
    }
}

#[cfg(test)]
mod tests {
    use super::super::pool::{Pool, Sample, occupied};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_are_enough_where_the_pool_of_the_reference_says_so(
            reference in proptest::collection::vec(prop_oneof![Just(0), 0..4_u64, 0..5_000_u64], 0..24),
            rows in 0..6_000_u64, design_effect in 1.0..4.0_f64,
        ) {
            let own = Sample { bins: &reference, design_effect: 1.0 };
            let window = Sample { bins: &[rows], design_effect };
            let counts = Pool::by_reference(&own, &window).counts(&reference);
            let (deciding, raw) = (occupied(&counts, &counts), occupied(&reference, &reference));
            let expected = is_sufficient(f64::min(own.rows(), window.rows()), deciding, raw);
            prop_assert_eq!(Enough::of(&reference).is_reached(rows as f64 / design_effect), expected);
        }
    }
}
