//! Makes the reference of a feature from a column of reference data.

mod numeric;
mod strings;

pub(super) use numeric::{Group, edges_of};

use thiserror::Error;

use super::class::Class;
use super::counts::{CountError, Values};
use super::decode::Decode;
use super::exact::Exact;
use super::number::Number;
use super::profile::{Kind, MAX_CHUNKS, MAX_EDGES, Numeric};
use super::strings::{RawElements, slices};
use crate::oip::datatype::Datatype;

/// Bins of a numeric feature, if nothing else is asked for.
pub const BINS: usize = 20;
/// Most bins that can be asked for: heavy values may double them.
pub const MAX_BINS: usize = MAX_EDGES / 2;
/// The chunk of a row that belongs to none, such as one without a time.
pub const NO_CHUNK: u32 = u32::MAX;

/// What a reference is made with.
#[derive(Clone, Copy, Debug)]
pub struct Recipe<'r> {
    /// How many bins a feature without heavy values gets; from 2 to [`MAX_BINS`].
    pub bins: usize,
    /// The time chunk of each row, from 0; empty without a time column.
    pub chunks: &'r [u32],
    /// The number that stands for a missing value.
    pub sentinel: Option<Exact>,
    /// The string that stands for a missing value.
    pub sentinel_text: Option<&'r str>,
}

impl Default for Recipe<'_> {
    fn default() -> Self {
        Self { bins: BINS, chunks: &[], sentinel: None, sentinel_text: None }
    }
}

/// Why there is no reference of a column.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BuildError {
    #[error(transparent)]
    Values(#[from] CountError),
    #[error("{0} bins are not from 2 to {MAX_BINS}")]
    Bins(usize),
    #[error("the sentinel {0} is no number of the column's datatype")]
    Sentinel(String),
    #[error("{chunks} rows have a time chunk, the column has {rows} rows")]
    ChunkRows { chunks: usize, rows: usize },
    #[error("{0} time chunks are more than {MAX_CHUNKS}: take longer ones")]
    Chunks(usize),
}

/// The reference of a column of a tensor of that datatype.
///
/// A column of nothing but missing values has one bin without rows; so has an empty one, which no profile may hold.
pub fn build(datatype: Datatype, values: Values<'_>, recipe: &Recipe<'_>) -> Result<Kind, BuildError> {
    if !(2..=MAX_BINS).contains(&recipe.bins) {
        return Err(BuildError::Bins(recipe.bins));
    }
    match (Class::of(datatype), values) {
        (Class::F32, Values::F32(values)) => numbers(values, recipe).map(Kind::F32),
        (Class::F64, Values::F64(values)) => numbers(values, recipe).map(Kind::F64),
        (Class::I64, Values::I64(values)) => numbers(values, recipe).map(Kind::I64),
        (Class::F32, Values::Raw(raw)) => numbers(&widen::<f32>(datatype, raw)?, recipe).map(Kind::F32),
        (Class::F64, Values::Raw(raw)) => numbers(&widen::<f64>(datatype, raw)?, recipe).map(Kind::F64),
        (Class::I64, Values::Raw(raw)) => numbers(&widen::<i64>(datatype, raw)?, recipe).map(Kind::I64),
        (Class::Strings, Values::Raw(raw)) => texts(RawElements::new(raw).ok_or(CountError::Offsets)?, recipe),
        (Class::Strings, Values::Strings { offsets, data }) => texts(slices(offsets, data)?, recipe),
        (Class::Strings, Values::LargeStrings { offsets, data }) => texts(slices(offsets, data)?, recipe),
        _ => Err(CountError::Datatype { expected: datatype.name() }.into()),
    }
}

fn numbers<T: Number>(values: &[T], recipe: &Recipe<'_>) -> Result<Numeric<T>, BuildError> {
    check_chunks(recipe, values.len())?;
    let read = |exact: Exact| T::nearest(exact).ok_or_else(|| BuildError::Sentinel(exact.to_string()));
    let sentinel = recipe.sentinel.map(read).transpose()?;
    Ok(numeric::build(values, sentinel, recipe))
}

fn texts<'v>(values: impl Iterator<Item = &'v [u8]>, recipe: &Recipe<'_>) -> Result<Kind, BuildError> {
    let values: Vec<&[u8]> = values.collect();
    check_chunks(recipe, values.len())?;
    Ok(Kind::Categorical(strings::build(&values, recipe)))
}

fn widen<T: Decode>(datatype: Datatype, raw: &[u8]) -> Result<Vec<T>, CountError> {
    let size = datatype.size().expect("numbers have a size");
    let rows = raw.len() / size;
    if rows * size != raw.len() {
        return Err(CountError::Length { rows, row: size, got: raw.len() });
    }
    let mut values = vec![T::ZERO; rows];
    T::decode(datatype, raw, &mut values);
    Ok(values)
}

fn check_chunks(recipe: &Recipe<'_>, rows: usize) -> Result<(), BuildError> {
    let chunks = recipe.chunks.len();
    if chunks != 0 && chunks != rows {
        return Err(BuildError::ChunkRows { chunks, rows });
    }
    let chunks = count_chunks(recipe);
    if chunks > MAX_CHUNKS { Err(BuildError::Chunks(chunks)) } else { Ok(()) }
}

/// One more than the largest number of a chunk.
fn count_chunks(recipe: &Recipe<'_>) -> usize {
    recipe.chunks.iter().filter(|chunk| **chunk != NO_CHUNK).max().map_or(0, |largest| *largest as usize + 1)
}

/// Empty counts of every chunk.
fn empty_chunks(recipe: &Recipe<'_>, bins: usize) -> Vec<Vec<u64>> {
    vec![vec![0; bins]; count_chunks(recipe)]
}
