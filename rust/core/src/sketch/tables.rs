//! The counters of one tensor, whatever its datatype is.

use super::bare::BareTable;
use super::plan::{Columns, TensorPlan};
use super::strings::StringTable;
use super::table::{Count, Table};

/// The counters of one tensor in the class of its datatype.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tables<N> {
    F32(Table<f32, N>),
    F64(Table<f64, N>),
    I64(Table<i64, N>),
    /// One for each column with a feature.
    Strings(Vec<StringTable<N>>),
    /// Of a tensor, or of some of its columns, without a reference.
    Bare(BareTable),
}

impl<N: Count> Tables<N> {
    pub(super) fn new(tensor: &TensorPlan) -> Self {
        match &tensor.columns {
            Columns::F32(layout) => Self::F32(Table::new(layout)),
            Columns::F64(layout) => Self::F64(Table::new(layout)),
            Columns::I64(layout) => Self::I64(Table::new(layout)),
            Columns::Strings(layout) => Self::Strings(layout.tables()),
            Columns::Bare(tensor) => Self::Bare(BareTable::new(tensor)),
        }
    }

    pub(super) fn merge<M: Count>(&mut self, other: &Tables<M>) {
        match (self, other) {
            (Self::F32(ours), Tables::F32(theirs)) => ours.merge(theirs),
            (Self::F64(ours), Tables::F64(theirs)) => ours.merge(theirs),
            (Self::I64(ours), Tables::I64(theirs)) => ours.merge(theirs),
            (Self::Strings(ours), Tables::Strings(theirs)) => {
                ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| ours.merge(theirs));
            }
            (Self::Bare(ours), Tables::Bare(theirs)) => ours.merge(theirs),
            _ => unreachable!("counts are of one plan"),
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::F32(table) => table.clear(),
            Self::F64(table) => table.clear(),
            Self::I64(table) => table.clear(),
            Self::Strings(tables) => tables.iter_mut().for_each(StringTable::clear),
            Self::Bare(table) => table.clear(),
        }
    }

    /// Bytes that they take when everything that may be named is.
    pub(super) fn size_bytes(&self) -> usize {
        match self {
            Self::F32(table) => table.size_bytes(),
            Self::F64(table) => table.size_bytes(),
            Self::I64(table) => table.size_bytes(),
            Self::Strings(tables) => tables.iter().map(StringTable::size_bytes).sum(),
            Self::Bare(table) => table.most_bytes(),
        }
    }

    pub(super) fn lies_like<M: Count>(&self, other: &Tables<M>) -> bool {
        match (self, other) {
            (Self::F32(ours), Tables::F32(theirs)) => ours.lies_like(theirs),
            (Self::F64(ours), Tables::F64(theirs)) => ours.lies_like(theirs),
            (Self::I64(ours), Tables::I64(theirs)) => ours.lies_like(theirs),
            (Self::Strings(ours), Tables::Strings(theirs)) => {
                let slots = |pair: (&StringTable<N>, &StringTable<M>)| pair.0.slots.len() == pair.1.slots.len();
                ours.len() == theirs.len() && ours.iter().zip(theirs).all(slots)
            }
            (Self::Bare(ours), Tables::Bare(theirs)) => ours.lies_like(theirs),
            _ => false,
        }
    }
}
