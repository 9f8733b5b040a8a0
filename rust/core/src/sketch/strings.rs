//! Features of strings: a dictionary of the reference, and what is new beside it.

mod cardinality;
mod dictionary;
mod elements;
mod naming;
mod newcomers;
mod table;

pub(super) use cardinality::Cardinality;
pub(super) use dictionary::Dictionary;
pub(super) use elements::{RawElements, count_rows, slices};
pub(super) use naming::{MAX_NAME_BYTES, name, name_of_beginning};
pub use newcomers::Newcomer;
pub(super) use newcomers::{Entry, Frequent, Newcomers};
pub(super) use table::{NEW, NULL, OTHER, StringTable};

use super::table::Count;

/// How a BYTES tensor is counted: its columns with a feature, in order.
#[derive(Clone, Debug)]
pub(super) struct StringLayout {
    pub(super) width: usize,
    pub(super) columns: Vec<(usize, Dictionary)>,
}

impl StringLayout {
    pub(super) fn tables<N: Count>(&self) -> Vec<StringTable<N>> {
        self.columns.iter().map(|(_, dictionary)| StringTable::new(dictionary.categories())).collect()
    }

    /// The number of a column among those with a feature.
    pub(super) fn place(&self, column: usize) -> Option<usize> {
        self.columns.binary_search_by_key(&column, |(column, _)| *column).ok()
    }
}
