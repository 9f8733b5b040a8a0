//! Windows too small to be judged are merged with those before them.

use super::pool::is_sufficient;

/// The longest time that merged windows may cover: older rows say nothing of today.
pub const LONGEST_MS: u64 = 35 * 24 * 60 * 60 * 1_000;

/// How many of the newest windows, taken together, are enough to judge a feature by; `None` if even 35 days are not.
///
/// `rows` are those of each window that lie in bins, newest first; a window without rows counts as time. `effect` is the
/// design effect, 1 for independent rows.
pub fn windows_needed(reference: &[u64], rows: &[u64], length_ms: u64, effect: f64) -> Option<usize> {
    let longest = usize::try_from(LONGEST_MS / length_ms.max(1)).unwrap_or(usize::MAX).max(1);
    let n = reference.iter().sum::<u64>() as f64;
    let mut together = 0_u64;
    for (at, more) in rows.iter().take(longest).enumerate() {
        together = together.saturating_add(*more);
        if is_sufficient(reference, f64::min(n, together as f64 / effect)) {
            return Some(at + 1);
        }
    }
    None
}
