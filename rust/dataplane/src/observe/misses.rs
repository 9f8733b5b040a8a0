//! How often conditions found a key missing: a route that nobody matches for want of a header looks healthy otherwise.

use std::sync::atomic::{AtomicU64, Ordering};

/// Where a condition found no usable value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissLabels {
    pub route: String,
    /// The first part of the route that asks: `pins`, `segment:<name>` or `shadow:<version>`.
    pub condition: String,
    /// Such as `metadata["x-team"]`.
    pub key: String,
}

/// How often that happened: a number for each front thread, so that threads do not fight over one.
pub struct Misses(Box<[AtomicU64]>);

impl Misses {
    pub(super) fn new(threads: usize) -> Self {
        Self((0..threads).map(|_| AtomicU64::new(0)).collect())
    }

    pub fn count(&self, thread: usize) {
        self.0[thread].fetch_add(1, Ordering::Relaxed);
    }

    pub fn total(&self) -> u64 {
        self.0.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}
