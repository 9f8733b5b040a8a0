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
    let rank = edges.partition_point(|edge| value > edge[lane]);
    count_ranked(group, lane, value, rank, slots, tally);
}

/// Counts one settled value of which it is known how many edges lie below it, should it have a bin.
pub(super) fn count_ranked<T: Number>(
    group: &Group<T>,
    lane: usize,
    value: T,
    rank: usize,
    slots: &mut [u32],
    tally: &mut Tally<T>,
) {
    let special = group.depth + 1;
    let slot = if value.is_nan() {
        special + NAN
    } else if value.is_sentinel(group.sentinel[lane], group.is_absent[lane]) {
        special + NULL
    } else if value.is_finite() {
        let deviation = value.wide() - group.centre[lane];
        tally.take(lane, value, value, deviation, deviation * deviation);
        rank
    } else if value > T::ZERO {
        special + POSITIVE_INFINITE
    } else {
        special + NEGATIVE_INFINITE
    };
    slots[slot] = slots[slot].saturating_add(1);
}
