//! Windows too small to be judged are merged with those before them.

use super::pool::{Pool, Sample, is_sufficient, occupied};

/// The longest time that merged windows may cover: older rows say nothing of today.
pub const LONGEST_MS: u64 = 35 * 24 * 60 * 60 * 1_000;

/// How many of the newest windows, taken together, are enough to judge a feature by; `None` if even 35 days are not.
///
/// `rows` are those of each window that lie in bins, newest first; a window without rows counts as time. `design_effect` is
/// that of the windows, 1 for independent rows.
pub fn windows_needed(reference: &[u64], rows: &[u64], length_ms: u64, design_effect: f64) -> Option<usize> {
    let longest = usize::try_from(LONGEST_MS / length_ms.max(1)).unwrap_or(usize::MAX).max(1);
    let mut together = 0_u64;
    for (at, more) in rows.iter().take(longest).enumerate() {
        together = together.saturating_add(*more);
        if suffices(&Sample { bins: reference, design_effect: 1.0 }, &Sample { bins: &[together], design_effect }) {
            return Some(at + 1);
        }
    }
    None
}

/// Whether a window of this size is enough where it is spread as the reference is.
fn suffices(reference: &Sample<'_>, window: &Sample<'_>) -> bool {
    let counts = Pool::by_reference(reference, window).counts(reference.bins);
    let (deciding, raw) = (occupied(&counts, &counts), occupied(reference.bins, reference.bins));
    is_sufficient(f64::min(reference.rows(), window.rows()), deciding, raw)
}
