//! The counters of one feature of strings.

use xxhash_rust::xxh3::xxh3_64;

use super::super::table::Count;
use super::dictionary::{Dictionary, Known};
use super::newcomers::{Newcomers, TOP};

/// Where the counters stand that follow those of the categories.
pub(in super::super) const OTHER: usize = 0;
pub(in super::super) const NEW: usize = 1;
pub(in super::super) const NULL: usize = 2;
const SPECIALS: usize = 3;

/// What was counted of one feature.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct StringTable<N> {
    /// One for each category, then the others, new ones and missing ones.
    pub(in super::super) slots: Vec<N>,
    /// Bytes of the shortest and the longest that is not null.
    pub(in super::super) lengths: Option<(u64, u64)>,
    /// There once something new came: most windows have nothing new.
    pub(in super::super) newcomers: Option<Box<Newcomers>>,
}

impl<N: Count> StringTable<N> {
    pub(in super::super) fn new(categories: usize) -> Self {
        Self { slots: vec![N::default(); categories + SPECIALS], lengths: None, newcomers: None }
    }

    pub(in super::super) fn size_bytes(&self) -> usize {
        size_of_val(&*self.slots) + Newcomers::<TOP>::MOST_BYTES
    }

    pub(in super::super) fn clear(&mut self) {
        self.slots.fill(N::default());
        (self.lengths, self.newcomers) = (None, None);
    }

    /// The counters by category, and the three after them.
    pub(in super::super) fn parts(&self) -> (&[N], &[N]) {
        self.slots.split_at(self.slots.len() - SPECIALS)
    }

    pub(in super::super) fn merge<M: Count>(&mut self, other: &StringTable<M>) {
        assert_eq!(self.slots.len(), other.slots.len(), "counts of one plan lie alike");
        for (ours, theirs) in self.slots.iter_mut().zip(&other.slots) {
            *ours = N::saturating_from((*ours).into().saturating_add((*theirs).into()));
        }
        if let Some((min, max)) = other.lengths {
            self.stretch(min, max);
        }
        match (&mut self.newcomers, &other.newcomers) {
            (Some(ours), Some(theirs)) => ours.merge(theirs),
            (ours @ None, Some(theirs)) => *ours = Some(theirs.clone()),
            (_, None) => {}
        }
    }

    fn stretch(&mut self, min: u64, max: u64) {
        let (low, high) = self.lengths.unwrap_or((min, max));
        self.lengths = Some((low.min(min), high.max(max)));
    }
}

impl StringTable<u32> {
    pub(in super::super) fn count_all<'v>(&mut self, dictionary: &Dictionary, values: impl Iterator<Item = &'v [u8]>) {
        values.for_each(|value| self.count(dictionary, value));
    }

    /// Counts one string.
    #[inline]
    pub(in super::super) fn count(&mut self, dictionary: &Dictionary, value: &[u8]) {
        let specials = self.slots.len() - SPECIALS;
        let slot = if dictionary.is_missing(value) {
            specials + NULL
        } else {
            self.stretch(value.len() as u64, value.len() as u64);
            let hash = xxh3_64(value);
            match dictionary.find(hash) {
                Known::Category(category) => category,
                Known::Other => specials + OTHER,
                Known::New => {
                    self.newcomers.get_or_insert_default().insert(hash, value);
                    specials + NEW
                }
            }
        };
        self.slots[slot] = self.slots[slot].saturating_add(1);
    }
}
