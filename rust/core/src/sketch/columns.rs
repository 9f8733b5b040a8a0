//! Counts values of one column: eight rows side by side in the lanes of vectors.
//!
//! Values go in blocks that stay in the nearest cache. Each edge asks the whole block how many values lie above it; the
//! differences of these are the bins, so that no counter is touched by a single value.

use super::counts::CountError;
use super::decode::Decode;
use super::dispatch::{Kernel, Level};
use super::lanes::Ones;
use super::layout::{Group, LANES, Layout, NAN, NEGATIVE_INFINITE, NULL, POSITIVE_INFINITE};
use super::number::Number;
use super::portable;
use super::table::{Table, Tally};
use crate::oip::datatype::Datatype;

/// Values of a block: 16 KB at most.
const BLOCK: usize = 2_048;

/// Counts values of a column.
pub(super) fn count<T: Number>(
    level: Level,
    layout: &Layout<T>,
    column: usize,
    values: &[T],
    table: &mut Table<T, u32>,
) -> Result<(), CountError> {
    let (at, lane) = layout.place(column).ok_or(CountError::Column { column })?;
    let group = &layout.groups[at];
    let edges = layout.edges(group);
    let (slots, tally) = (&mut table.slots[group.slots_of(lane)], &mut table.tallies[at]);
    // What fills no vector is counted by value.
    let whole = if level == Level::PORTABLE { 0 } else { values.len() / LANES * LANES };
    let (values, rest) = values.split_at(whole);
    if !values.is_empty() {
        level.run(ColumnKernel { group, edges, lane, values, slots, tally });
    }
    for value in rest {
        portable::count(group, edges, lane, *value, slots, tally);
    }
    Ok(())
}

/// Counts values of a column from their bytes.
pub(super) fn count_raw<T: Decode>(
    level: Level,
    layout: &Layout<T>,
    column: usize,
    datatype: Datatype,
    raw: &[u8],
    table: &mut Table<T, u32>,
) -> Result<(), CountError> {
    let size = datatype.size().expect("numbers have a size");
    if !raw.len().is_multiple_of(size) {
        return Err(CountError::Length { rows: raw.len() / size, row: size, got: raw.len() });
    }
    let mut block = [T::ZERO; BLOCK];
    for raw in raw.chunks(BLOCK * size) {
        let block = &mut block[..raw.len() / size];
        T::decode(datatype, raw, block);
        count(level, layout, column, block, table)?;
    }
    Ok(())
}

/// Counts the rows of a tensor with few columns from their bytes, column by column.
pub(super) fn count_rows<T: Decode>(
    level: Level,
    layout: &Layout<T>,
    datatype: Datatype,
    raw: &[u8],
    table: &mut Table<T, u32>,
) {
    let size = datatype.size().expect("numbers have a size");
    let (mut rows, mut block) = ([T::ZERO; BLOCK], [T::ZERO; BLOCK]);
    for raw in raw.chunks(BLOCK / layout.width * layout.width * size) {
        let rows = &mut rows[..raw.len() / size];
        T::decode(datatype, raw, rows);
        for column in layout.groups.iter().flat_map(|group| group.column..group.column + group.lanes) {
            let values = rows.iter().skip(column).step_by(layout.width);
            let block = &mut block[..rows.len() / layout.width];
            for (to, value) in block.iter_mut().zip(values) {
                *to = *value;
            }
            count(level, layout, column, block, table).expect("a group has a place");
        }
    }
}

/// Whole vectors of one column.
struct ColumnKernel<'k, T> {
    group: &'k Group<T>,
    edges: &'k [[T; LANES]],
    lane: usize,
    values: &'k [T],
    slots: &'k mut [u32],
    tally: &'k mut Tally<T>,
}

impl<T: Number> Kernel for ColumnKernel<'_, T> {
    #[inline(always)]
    fn run(self) {
        let Self { group, edges, lane, values, slots, tally } = self;
        let (sentinel, centre) = ((group.sentinel[lane], group.is_absent[lane]), group.centre[lane]);
        let (bins, specials) = slots.split_at_mut(group.depth + 1);
        let mut settled = [T::ZERO; BLOCK];
        for block in values.chunks(BLOCK) {
            let settled = &mut settled[..block.len()];
            for (settled, value) in settled.iter_mut().zip(block) {
                *settled = value.settle();
            }
            let without_bin = count_each(settled, |value| value.without_bin(sentinel.0, sentinel.1));
            let binned = if without_bin > 0 {
                count_specials(settled, sentinel, specials);
                keep_binned(settled, sentinel)
            } else {
                settled
            };
            let found = sum_up(binned, centre);
            tally.take(lane, found.low, found.high, found.sum, found.squares);
            count_bins(edges.iter().map(|edge| edge[lane]), binned, &found, bins);
        }
    }
}

/// What the values of a block have in common.
struct Found<T> {
    low: T,
    high: T,
    sum: f64,
    squares: f64,
}

/// Moves the values that have a bin to the front.
#[inline(always)]
fn keep_binned<T: Number>(settled: &mut [T], sentinel: (T, T)) -> &[T] {
    let mut kept = 0;
    for at in 0..settled.len() {
        let value = settled[at];
        settled[kept] = value;
        kept += usize::from(value.without_bin(sentinel.0, sentinel.1).into() == 0);
    }
    &settled[..kept]
}

#[inline(always)]
fn sum_up<T: Number>(values: &[T], centre: f64) -> Found<T> {
    let mut own = Tally::<T>::EMPTY;
    let (whole, rest) = values.as_chunks::<LANES>();
    for values in whole {
        own.take_all(values, &[centre; LANES]);
    }
    for value in rest {
        let deviation = value.wide() - centre;
        own.take(0, *value, *value, deviation, deviation * deviation);
    }
    let total = |sums: [f64; LANES]| sums.iter().sum();
    Found {
        low: own.low.into_iter().fold(T::HIGHEST, |low, value| if value < low { value } else { low }),
        high: own.high.into_iter().fold(T::LOWEST, |high, value| if value > high { value } else { high }),
        sum: total(own.sum),
        squares: total(own.squares),
    }
}

/// The sum of what each value of a block is.
#[inline(always)]
fn count_each<T: Number>(values: &[T], each: impl Fn(T) -> T::Ones) -> usize {
    values.iter().fold(T::Ones::default(), |sum, value| sum.plus(each(*value))).into() as usize
}

/// Adds a block to the bins. Edges below all of it or above all of it need no look at the values.
#[inline(always)]
fn count_bins<T: Number>(edges: impl Iterator<Item = T>, values: &[T], found: &Found<T>, bins: &mut [u32]) {
    let mut above = values.len();
    let mut bins = bins.iter_mut();
    for (edge, bin) in edges.zip(&mut bins) {
        if above == 0 {
            return;
        }
        if edge < found.low {
            continue;
        }
        let before = above;
        above = if edge < found.high { count_each(values, |value| value.above(edge)) } else { 0 };
        *bin = bin.saturating_add((before - above) as u32);
    }
    if let Some(last) = bins.next() {
        *last = last.saturating_add(above as u32);
    }
}

/// Counts what has no bin, in a block that has some of it.
#[inline(always)]
fn count_specials<T: Number>(block: &[T], sentinel: (T, T), specials: &mut [u32]) {
    let ones = |is: bool| T::Ones::from(is);
    let mut add = |kind: usize, count: usize| specials[kind] = specials[kind].saturating_add(count as u32);
    add(NAN, count_each(block, |value| ones(value.is_nan())));
    add(POSITIVE_INFINITE, count_each(block, |value| ones(!value.is_finite() && value > T::ZERO)));
    add(NEGATIVE_INFINITE, count_each(block, |value| ones(!value.is_finite() && value < T::ZERO)));
    add(NULL, count_each(block, |value| ones(value.is_sentinel(sentinel.0, sentinel.1))));
}
