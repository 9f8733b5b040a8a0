//! Counts the rows of a row-major tensor.

use super::decode::Decode;
use super::layout::{LANES, Layout};
use super::portable;
use super::table::Table;
use crate::oip::datatype::Datatype;

/// Counts rows from bytes that have exactly their length.
pub(super) fn count<T: Decode>(
    layout: &Layout<T>,
    datatype: Datatype,
    raw: &[u8],
    rows: usize,
    table: &mut Table<T, u32>,
) {
    let size = datatype.size().expect("numbers have a size");
    for row in 0..rows {
        let row = &raw[row * layout.width * size..][..layout.width * size];
        for (group, tally) in layout.groups.iter().zip(&mut table.tallies) {
            let mut values = [T::ZERO; LANES];
            let values = &mut values[..group.lanes];
            T::decode(datatype, &row[group.column * size..][..group.lanes * size], values);
            for (lane, value) in values.iter().enumerate() {
                let slots = &mut table.slots[group.slots_of(lane)];
                portable::count(group, layout.edges(group), lane, *value, slots, tally);
            }
        }
    }
}
