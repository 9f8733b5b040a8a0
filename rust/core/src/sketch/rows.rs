//! Counts the rows of a row-major tensor: eight columns side by side in the lanes of vectors.
//!
//! A value's bin is the sum of its comparisons with all edges; only the one counter that this names is touched. Rows go in
//! tiles, group by group, so that a group's edges and counters are brought near once for all rows of a tile.

use super::columns;
use super::decode::Decode;
use super::dispatch::{Kernel, Level};
use super::lanes::Rank;
use super::layout::{Group, LANES, Layout};
use super::number::Number;
use super::portable;
use super::table::{Table, Tally};
use crate::oip::datatype::Datatype;

/// Rows of a tile: with eight columns they fit the nearest cache beside edges and counters.
const TILE: usize = 32;

/// Columns for which eight lanes would be mostly empty.
const NARROW: usize = 2;
/// Values from which on a block of them pays.
const WORTH_A_BLOCK: usize = 64;

/// Rows as they lie in a message.
#[derive(Clone, Copy)]
struct Rows<'v> {
    datatype: Datatype,
    /// Bytes of one element.
    size: usize,
    /// Elements per row.
    width: usize,
    raw: &'v [u8],
}

/// Counts rows from bytes that have exactly their length.
pub(super) fn count<T: Decode>(
    level: Level,
    layout: &Layout<T>,
    datatype: Datatype,
    raw: &[u8],
    table: &mut Table<T, u32>,
) {
    let size = datatype.size().expect("numbers have a size");
    let rows = Rows { datatype, size, width: layout.width, raw };
    let is_narrow = layout.width <= NARROW;
    if is_narrow && raw.len() / size >= WORTH_A_BLOCK && level != Level::PORTABLE {
        columns::count_rows(level, layout, datatype, raw, table);
    } else if is_narrow || level == Level::PORTABLE {
        by_value(layout, rows, table);
    } else if raw.len() / size < TILE * layout.width / 2 {
        // A request of one row is spared the clearing of a tile.
        level.run(RowKernel::<T, 1> { layout, rows, table });
    } else {
        level.run(RowKernel::<T, TILE> { layout, rows, table });
    }
}

fn by_value<T: Decode>(layout: &Layout<T>, rows: Rows<'_>, table: &mut Table<T, u32>) {
    for row in rows.raw.chunks_exact(rows.width * rows.size) {
        for (group, tally) in layout.groups.iter().zip(&mut table.tallies) {
            let mut values = [T::ZERO; LANES];
            let values = &mut values[..group.lanes];
            T::decode(rows.datatype, &row[group.column * rows.size..][..group.lanes * rows.size], values);
            for (lane, value) in values.iter().enumerate() {
                let slots = &mut table.slots[group.slots_of(lane)];
                portable::count(group, layout.edges(group), lane, *value, slots, tally);
            }
        }
    }
}

struct RowKernel<'k, T, const TILE: usize> {
    layout: &'k Layout<T>,
    rows: Rows<'k>,
    table: &'k mut Table<T, u32>,
}

impl<T: Decode, const TILE: usize> Kernel for RowKernel<'_, T, TILE> {
    #[inline(always)]
    fn run(self) {
        let Self { layout, rows, table } = self;
        let row_bytes = rows.width * rows.size;
        let mut tile = [[T::ZERO; LANES]; TILE];
        for raw in rows.raw.chunks(TILE * row_bytes) {
            for (group, tally) in layout.groups.iter().zip(&mut table.tallies) {
                let bytes = group.column * rows.size..(group.column + group.lanes) * rows.size;
                let mut taken = 0;
                for (values, row) in tile.iter_mut().zip(raw.chunks_exact(row_bytes)) {
                    if group.lanes == LANES {
                        T::decode(rows.datatype, &row[bytes.clone()], values);
                    } else {
                        T::decode(rows.datatype, &row[bytes.clone()], &mut values[..group.lanes]);
                    }
                    taken += 1;
                }
                count_group(group, layout.edges(group), &mut tile[..taken], &mut table.slots[group.slots()], tally);
            }
        }
    }
}

/// Counts a group's values, one row of the tile after the other.
///
/// Every step is a loop over eight lanes in memory: that is the form of which the compiler makes vectors.
#[inline(always)]
fn count_group<T: Number>(
    group: &Group<T>,
    edges: &[[T; LANES]],
    rows: &mut [[T; LANES]],
    slots: &mut [u32],
    tally: &mut Tally<T>,
) {
    let stride = group.stride();
    for values in rows {
        for value in values.iter_mut() {
            *value = value.settle();
        }
        let mut rank = [T::Rank::default(); LANES];
        for edge in edges {
            for lane in 0..LANES {
                rank[lane] += values[lane].step(edge[lane]);
            }
        }
        if has_bins(values, group) {
            tally.take_all(values, &group.centre);
            for (rank, slots) in rank.into_iter().zip(slots.chunks_exact_mut(stride)) {
                let slot = &mut slots[rank.index()];
                *slot = slot.saturating_add(1);
            }
        } else {
            for (lane, slots) in slots.chunks_exact_mut(stride).enumerate() {
                portable::count_ranked(group, lane, values[lane], rank[lane].index(), slots, tally);
            }
        }
    }
}

/// Whether the values of all lanes have a bin.
#[inline(always)]
fn has_bins<T: Number>(values: &[T; LANES], group: &Group<T>) -> bool {
    let mut without = [T::Rank::default(); LANES];
    for lane in 0..LANES {
        without[lane] += values[lane].lacks_bin(group.sentinel[lane], group.is_absent[lane]);
    }
    without.into_iter().fold(0, |all, lane| all | lane.bits()) == 0
}
