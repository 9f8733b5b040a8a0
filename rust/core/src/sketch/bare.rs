//! What is counted without a reference: tensors that no profile describes, and features that memory has no room to bin.
//!
//! Nothing here is ever judged. It is shown as it is, and a reference can be made of it later.

mod cell;
mod layout;
mod numbers;
mod quantiles;
mod reference;
mod table;
mod texts;
mod thin;
mod whole;

pub use cell::{BareCell, NumbersCell, TextsCell, WholeCell};
pub use layout::{BareColumn, BareTensor, MOST_COLUMNS, Unjudged};
pub use reference::{Reference, ReferenceError};

pub(super) use numbers::Numbers;
pub(super) use table::BareTable;
pub(super) use texts::Texts;
pub(super) use whole::{Elements, Whole};
