//! Numbers of one column: what they are and how they lie.

use super::super::exact::Exact;
use super::super::exponential::Exponential;
use super::super::number::Number;
use super::layout::{BareColumn, Sentinel, Unjudged};
use crate::stats::Moments;

/// The counts of a column of numbers; those without a value, and the count of the moments, add up to the rows.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Numbers {
    pub(in super::super) nan: u64,
    pub(in super::super) positive_infinite: u64,
    pub(in super::super) negative_infinite: u64,
    /// Rows with the sentinel.
    pub(in super::super) null: u64,
    /// Smallest and largest finite value. −0 is 0.
    pub(in super::super) range: Option<(Exact, Exact)>,
    /// Of finite values.
    pub(in super::super) moments: Moments,
    /// Finite values by their size; none of a column of which only the moments are kept.
    pub(in super::super) buckets: Option<Box<Exponential<u64>>>,
}

impl Numbers {
    pub(super) fn new(column: &BareColumn) -> Self {
        Self::empty(column.state == Unjudged::Unprofiled)
    }

    /// Counts of nothing yet, with buckets or without.
    pub(super) fn empty(has_buckets: bool) -> Self {
        Self {
            nan: 0,
            positive_infinite: 0,
            negative_infinite: 0,
            null: 0,
            range: None,
            moments: Moments::default(),
            buckets: has_buckets.then(Box::default),
        }
    }

    /// Counts one value.
    #[inline]
    pub(super) fn insert<T: Number>(&mut self, value: T, sentinel: &Sentinel) {
        let value = value.settle();
        let slot = match () {
            () if value.is_nan() => &mut self.nan,
            () if matches!(sentinel, Sentinel::Number(sentinel) if *sentinel == value.exact()) => &mut self.null,
            () if value.is_finite() => return self.insert_finite(value),
            () if value > T::ZERO => &mut self.positive_infinite,
            () => &mut self.negative_infinite,
        };
        *slot = slot.saturating_add(1);
    }

    fn insert_finite<T: Number>(&mut self, value: T) {
        let exact = value.exact();
        self.stretch(exact, exact);
        self.moments.push(value.wide());
        if let Some(buckets) = &mut self.buckets {
            buckets.insert(value);
        }
    }

    fn stretch(&mut self, low: Exact, high: Exact) {
        let (least, most) = self.range.unwrap_or((low, high));
        self.range = Some((if low < least { low } else { least }, if high > most { high } else { most }));
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.nan = self.nan.saturating_add(other.nan);
        self.positive_infinite = self.positive_infinite.saturating_add(other.positive_infinite);
        self.negative_infinite = self.negative_infinite.saturating_add(other.negative_infinite);
        self.null = self.null.saturating_add(other.null);
        if let Some((low, high)) = other.range {
            self.stretch(low, high);
        }
        self.moments.merge(&other.moments);
        if let (Some(ours), Some(theirs)) = (&mut self.buckets, &other.buckets) {
            ours.merge(theirs);
        }
    }

    pub(super) fn clear(&mut self) {
        let buckets = self.buckets.take().map(|mut buckets| {
            buckets.clear();
            buckets
        });
        *self = Self { buckets, ..Self::empty(false) };
    }

    pub(super) fn rows(&self) -> u64 {
        let without = [self.nan, self.positive_infinite, self.negative_infinite, self.null];
        without.into_iter().fold(self.moments.count(), u64::saturating_add)
    }

    pub(super) fn lies_like(&self, other: &Self) -> bool {
        self.buckets.is_some() == other.buckets.is_some()
    }

    /// What it takes when all of its buckets are in use.
    pub(super) fn most_bytes(&self) -> usize {
        size_of::<Self>() + self.buckets.as_ref().map_or(0, |_| Exponential::<u64>::MOST_BYTES)
    }
}
