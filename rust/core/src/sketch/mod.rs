//! Sketches: what models are asked and what they answer, counted exactly in the bins of a reference.
//!
//! A [`Profile`] is what the reference data looked like; a [`Plan`] is a profile made ready for a model's tensors;
//! [`Counts`] are what was seen, mergeable in any order; a [`Cell`] is one feature of them.
#![allow(
    clippy::inline_always,
    reason = "what a kernel calls must be compiled with it, for the vector unit that it is for"
)]
#![allow(clippy::needless_range_loop, reason = "a lane is a place in several arrays at once")]

mod bare;
mod build;
mod cell;
mod class;
mod columns;
mod counts;
mod decode;
mod dispatch;
mod exact;
mod exponential;
mod gate;
mod lanes;
mod layout;
mod number;
mod plan;
mod portable;
mod profile;
mod rows;
mod strings;
mod table;
mod tables;
#[cfg(test)]
mod tests;
mod window;

pub use bare::{
    BareCell, BareColumn, BareTensor, MOST_COLUMNS, NumbersCell, Reference, ReferenceError, TextsCell, Unjudged,
    WholeCell,
};
pub use build::{BINS, BuildError, MAX_BINS, NO_CHUNK, Recipe, build};
pub use cell::{CategoricalCell, Cell, NumericCell};
pub use counts::{CountError, Counts, Values};
pub use dispatch::Level;
pub use exact::Exact;
pub use exponential::{Bucket, Exponential, MAX_BUCKETS, SCALE};
pub use gate::{Breach, Breaches, Came, Gate, MOST_FLAG_BYTES, Rule};
pub use number::Number;
pub use plan::{Plan, unbound};
pub use profile::{
    Categorical, Direction, FORMAT, Feature, Kind, MAX_CATEGORIES, MAX_CHUNKS, MAX_EDGES, MAX_FEATURES, MAX_OTHERS,
    Numeric, Profile, Source, Tensor,
};
pub use strings::Newcomer;
pub use table::Count;
pub use window::{Capacity, CodecError, Key, Length, MergeError, Rings, Traffic, Window};
