//! What counting means, value by value: every kernel gives the counts, minima and maxima of this one.

use super::layout::{Group, LANES, NAN, NEGATIVE_INFINITE, NULL, POSITIVE_INFINITE};
use super::number::Number;
use super::table::Tally;

/// Counts one value of a group's column; `slots` are the counters of that column.
pub(super) fn count<T: Number>(
    group: &Group<T>,
    edges: &[[T; LANES]],
    lane: usize,
    value: T,
    slots: &mut [u32],
    tally: &mut Tally<T>,
) {
    let value = value.settle();
    let special = edges.len() + 1;
    let slot = if value.is_nan() {
        special + NAN
    } else if group.has_sentinel[lane] && value == group.sentinel[lane] {
        special + NULL
    } else if value.is_finite() {
        let deviation = value.wide() - group.centre[lane];
        tally.take(lane, value, value, deviation, deviation * deviation);
        edges.partition_point(|edge| value > edge[lane])
    } else if value > T::ZERO {
        special + POSITIVE_INFINITE
    } else {
        special + NEGATIVE_INFINITE
    };
    slots[slot] = slots[slot].saturating_add(1);
}
