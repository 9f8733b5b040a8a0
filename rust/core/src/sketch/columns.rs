//! Counts values of one column.

use super::counts::CountError;
use super::decode::Decode;
use super::layout::Layout;
use super::number::Number;
use super::portable;
use super::table::Table;
use crate::oip::datatype::Datatype;

/// Values that are widened at a time: they stay in the nearest cache.
const BLOCK: usize = 512;

/// Counts values of a column.
pub(super) fn count<T: Number>(
    layout: &Layout<T>,
    column: usize,
    values: &[T],
    table: &mut Table<T, u32>,
) -> Result<(), CountError> {
    let (group, lane) = layout.place(column).ok_or(CountError::Column { column })?;
    let tally = &mut table.tallies[group];
    let group = &layout.groups[group];
    let slots = &mut table.slots[group.slots_of(lane)];
    for value in values {
        portable::count(group, layout.edges(group), lane, *value, slots, tally);
    }
    Ok(())
}

/// Counts values of a column from their bytes.
pub(super) fn count_raw<T: Decode>(
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
        count(layout, column, block, table)?;
    }
    Ok(())
}
