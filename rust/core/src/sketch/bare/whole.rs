//! Rows of open length, or too wide to be columns: how long they are, and all of their elements together.

use super::numbers::Numbers;
use super::texts::Texts;

/// The counts of a tensor as a whole.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Whole {
    pub(in super::super) rows: u64,
    /// Elements of the shortest and of the longest row.
    pub(in super::super) lengths: Option<(u64, u64)>,
    pub(in super::super) elements: Elements,
}

/// All elements of all rows.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Elements {
    Numbers(Numbers),
    Texts(Texts),
}

impl Whole {
    pub(super) fn new(is_text: bool) -> Self {
        let elements =
            if is_text { Elements::Texts(Texts::empty(false)) } else { Elements::Numbers(Numbers::empty(false)) };
        Self { rows: 0, lengths: None, elements }
    }

    /// Takes in rows that share so many elements evenly; if that is not so, the elements are of one row, for an output may
    /// have other axes than its inputs.
    pub(super) fn extend(&mut self, rows: u64, elements: u64) {
        let rows = if rows > 0 && elements.is_multiple_of(rows) { rows } else { 1 };
        self.rows = self.rows.saturating_add(rows);
        self.stretch((elements / rows, elements / rows));
    }

    fn stretch(&mut self, (min, max): (u64, u64)) {
        let (low, high) = self.lengths.unwrap_or((min, max));
        self.lengths = Some((low.min(min), high.max(max)));
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.rows = self.rows.saturating_add(other.rows);
        if let Some(lengths) = other.lengths {
            self.stretch(lengths);
        }
        match (&mut self.elements, &other.elements) {
            (Elements::Numbers(ours), Elements::Numbers(theirs)) => ours.merge(theirs),
            (Elements::Texts(ours), Elements::Texts(theirs)) => ours.merge(theirs),
            _ => unreachable!("counts are of one plan"),
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(matches!(self.elements, Elements::Texts(_)));
    }

    pub(super) fn lies_like(&self, other: &Self) -> bool {
        std::mem::discriminant(&self.elements) == std::mem::discriminant(&other.elements)
    }
}
