//! Strings of one column: how long they are, and which are frequent.

use xxhash_rust::xxh3::xxh3_64;

use super::super::strings::Frequent;
use super::layout::{BareColumn, Sentinel, Unjudged};

/// The counts of a column of strings.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Texts {
    /// Rows with bytes that are not the sentinel.
    pub(in super::super) filled: u64,
    /// Rows without.
    pub(in super::super) null: u64,
    /// Bytes of the shortest and of the longest.
    pub(in super::super) lengths: Option<(u64, u64)>,
    /// All of their bytes.
    pub(in super::super) bytes: u64,
    /// The most frequent by name, and how many there are; none of a column of which only lengths are kept.
    pub(in super::super) frequent: Option<Box<Frequent>>,
}

impl Texts {
    pub(super) fn new(column: &BareColumn) -> Self {
        Self::empty(column.state == Unjudged::Unprofiled)
    }

    /// Counts of nothing yet, with names or without.
    pub(super) fn empty(has_names: bool) -> Self {
        Self { filled: 0, null: 0, lengths: None, bytes: 0, frequent: has_names.then(Box::default) }
    }

    pub(super) fn insert(&mut self, value: &[u8], sentinel: &Sentinel) {
        if value.is_empty() || matches!(sentinel, Sentinel::Text(sentinel) if **sentinel == *value) {
            self.null = self.null.saturating_add(1);
            return;
        }
        self.filled = self.filled.saturating_add(1);
        self.bytes = self.bytes.saturating_add(value.len() as u64);
        self.stretch((value.len() as u64, value.len() as u64));
        if let Some(frequent) = &mut self.frequent {
            frequent.insert(xxh3_64(value), value);
        }
    }

    fn stretch(&mut self, (min, max): (u64, u64)) {
        let (low, high) = self.lengths.unwrap_or((min, max));
        self.lengths = Some((low.min(min), high.max(max)));
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.filled = self.filled.saturating_add(other.filled);
        self.null = self.null.saturating_add(other.null);
        self.bytes = self.bytes.saturating_add(other.bytes);
        if let Some(lengths) = other.lengths {
            self.stretch(lengths);
        }
        if let (Some(ours), Some(theirs)) = (&mut self.frequent, &other.frequent) {
            ours.merge(theirs);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::empty(self.frequent.is_some());
    }

    pub(super) fn rows(&self) -> u64 {
        self.filled.saturating_add(self.null)
    }

    pub(super) fn lies_like(&self, other: &Self) -> bool {
        self.frequent.is_some() == other.frequent.is_some()
    }

    /// What it takes when all names are in use.
    pub(super) fn most_bytes(&self) -> usize {
        size_of::<Self>() + self.frequent.as_ref().map_or(0, |_| Frequent::MOST_BYTES)
    }
}
