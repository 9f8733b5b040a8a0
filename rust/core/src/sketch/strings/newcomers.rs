//! Strings that the reference does not know: how many, and the names of the most frequent.

use std::cmp::Reverse;

use super::cardinality::Cardinality;
use super::naming::MAX_NAME_BYTES;

/// New names that are kept beside a dictionary: enough for a sentence, few enough to search without an index.
pub(in super::super) const TOP: usize = 16;
/// Names that are kept where there is no dictionary: as many as one can have categories.
pub(in super::super) const TOP_WITHOUT_DICTIONARY: usize = 64;

/// The names of a column without a dictionary.
pub(in super::super) type Frequent = Newcomers<TOP_WITHOUT_DICTIONARY>;

/// A string that the reference does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// Its beginning, where it is longer than 128 bytes; what is no text is replaced.
    pub name: String,
    /// It came no more often than this,
    pub at_most: u64,
    /// and no less often than this. Summaries of merged windows are merged ones, so the bounds widen with every merge.
    pub at_least: u64,
}

/// SpaceSaving (Metwally, Agrawal and El Abbadi 2005) over hashes, beside the number of different ones.
///
/// What came more often than one in `MOST` of all is always among the names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Newcomers<const MOST: usize = TOP> {
    pub(in super::super) top: Vec<Entry>,
    pub(in super::super) distinct: Cardinality,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Entry {
    pub(in super::super) hash: u64,
    pub(in super::super) count: u64,
    /// How much of the count may be another string's.
    pub(in super::super) error: u64,
    pub(in super::super) name: Vec<u8>,
}

impl<const MOST: usize> Newcomers<MOST> {
    /// What they take when they are full.
    pub(in super::super) const MOST_BYTES: usize = size_of::<Self>() + MOST * (size_of::<Entry>() + MAX_NAME_BYTES);

    pub(in super::super) fn insert(&mut self, hash: u64, value: &[u8]) {
        self.distinct.insert(hash);
        if let Some(entry) = self.top.iter_mut().find(|entry| entry.hash == hash) {
            entry.count = entry.count.saturating_add(1);
            return;
        }
        let value = &value[..value.len().min(MAX_NAME_BYTES)];
        if self.top.len() < MOST {
            self.top.push(Entry { hash, count: 1, error: 0, name: value.to_vec() });
            return;
        }
        // The rarest gives its place, and its count as the doubt about its successor's.
        let rarest = self.top.iter_mut().min_by_key(|entry| (entry.count, entry.hash)).expect("it is full");
        (rarest.hash, rarest.error, rarest.count) = (hash, rarest.count, rarest.count.saturating_add(1));
        rarest.name.clear();
        rarest.name.extend_from_slice(value);
    }

    /// Merges summaries: counts add, and what one side does not name came there at most as often as its rarest name.
    pub(in super::super) fn merge(&mut self, other: &Self) {
        self.distinct.merge(&other.distinct);
        let (ours, theirs) = (self.doubt(), other.doubt());
        let named_by_us = self.top.len();
        for entry in &other.top {
            match self.top[..named_by_us].iter_mut().find(|own| own.hash == entry.hash) {
                Some(own) => own.add(entry.count, entry.error),
                None => {
                    self.top.push(entry.clone());
                    self.top.last_mut().expect("just pushed").add(ours, ours);
                }
            }
        }
        for own in &mut self.top[..named_by_us] {
            if !other.top.iter().any(|entry| entry.hash == own.hash) {
                own.add(theirs, theirs);
            }
        }
        self.top.sort_unstable_by_key(|entry| (Reverse(entry.count), entry.hash));
        self.top.truncate(MOST);
    }

    /// The most frequent first.
    pub(in super::super) fn names(&self) -> Vec<Newcomer> {
        let mut entries: Vec<&Entry> = self.top.iter().collect();
        entries.sort_unstable_by_key(|entry| (Reverse(entry.count), entry.hash));
        let newcomer = |entry: &Entry| Newcomer {
            name: String::from_utf8_lossy(&entry.name).into_owned(),
            at_most: entry.count,
            at_least: entry.count.saturating_sub(entry.error),
        };
        entries.into_iter().map(newcomer).collect()
    }

    /// How many different strings there were, within 3.25 % (one standard error).
    pub(in super::super) fn distinct(&self) -> f64 {
        self.distinct.estimate()
    }

    /// How often a string without a place may have come.
    fn doubt(&self) -> u64 {
        if self.top.len() < MOST { 0 } else { self.top.iter().map(|entry| entry.count).min().unwrap_or(0) }
    }
}

impl Entry {
    fn add(&mut self, count: u64, error: u64) {
        self.count = self.count.saturating_add(count);
        self.error = self.error.saturating_add(error);
    }
}
