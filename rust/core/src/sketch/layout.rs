//! How the edges and counters of a numeric tensor lie in memory.
//!
//! Eight neighbouring columns are a group, one vector lane each. Edges lie edge by edge, so that one load brings the same
//! edge of all eight. Counters lie column by column, so that what a value touches is one or two cache lines. Columns
//! without a feature are only there if a neighbour has one.

use super::number::Number;
use super::profile::Numeric;

/// Columns in a group.
pub(super) const LANES: usize = 8;
/// What a value that has no bin counts as; these counters follow the ones of a column's edges.
pub(super) const SPECIALS: usize = 4;
pub(super) const NAN: usize = 0;
pub(super) const POSITIVE_INFINITE: usize = 1;
pub(super) const NEGATIVE_INFINITE: usize = 2;
pub(super) const NULL: usize = 3;

/// Where the edges and counters of one tensor lie.
#[derive(Clone, Debug)]
pub(super) struct Layout<T> {
    pub(super) groups: Vec<Group<T>>,
    /// The edges of all groups.
    edges: Vec<[T; LANES]>,
    /// How many counters there are.
    pub(super) slots: usize,
    /// Elements per row.
    pub(super) width: usize,
}

/// Eight columns or, at the end of a row, fewer.
#[derive(Clone, Debug)]
pub(super) struct Group<T> {
    /// The first of its columns.
    pub(super) column: usize,
    /// How many there are.
    pub(super) lanes: usize,
    /// Most edges of one column; the others are padded with what nothing exceeds.
    pub(super) depth: usize,
    edges_at: usize,
    slots_at: usize,
    /// What stands for a missing value, where there is such a number.
    pub(super) sentinel: [T; LANES],
    /// All bits set in lanes of integers without a sentinel.
    pub(super) is_absent: [T; LANES],
    /// Moments are taken around the mean of the reference, so that large numbers do not cancel.
    pub(super) centre: [f64; LANES],
}

/// Counters are one for each interval between inner edges. Those are the feature's own edges and two more at the ends
/// of the reference's range, so that what lies below and above it needs no counter beside its bin's.
#[derive(Clone, Debug)]
pub(super) struct Column<T> {
    pub(super) inner: Vec<T>,
    /// The bin that each interval is part of.
    pub(super) bins: Vec<usize>,
    /// Intervals before this one lie below the reference's minimum.
    pub(super) below: usize,
    /// Intervals from this one on lie above its maximum.
    pub(super) above: usize,
}

impl<T: Number> Column<T> {
    pub(super) fn new(feature: &Numeric<T>) -> Self {
        let low = feature.min.and_then(Number::predecessor);
        let mut inner: Vec<T> = feature.edges.iter().copied().chain(low).chain(feature.max).collect();
        inner.sort_by(|left, right| left.partial_cmp(right).expect("a profile has no NaN"));
        inner.dedup();
        let rank = |value: T| inner.partition_point(|edge| *edge < value);
        // An interval's values lie above all edges before it, so any of these tells the bin.
        let bin = |interval: usize| match interval.checked_sub(1) {
            Some(before) => feature.edges.partition_point(|edge| *edge <= inner[before]),
            None => 0,
        };
        let bins = (0..=inner.len()).map(bin).collect();
        let below = low.map_or(0, |low| rank(low) + 1);
        let above = feature.max.map_or(inner.len() + 1, |max| rank(max) + 1);
        Self { inner, bins, below, above }
    }
}

impl<T: Number> Group<T> {
    /// Counters of one column.
    pub(super) fn stride(&self) -> usize {
        self.depth + 1 + SPECIALS
    }

    /// How many of a column's counters are of values that have a bin.
    pub(super) fn intervals(&self) -> usize {
        self.depth + 1
    }

    /// The counters of one of its columns among those of the tensor.
    pub(super) fn slots_of(&self, lane: usize) -> std::ops::Range<usize> {
        let start = self.slots_at + lane * self.stride();
        start..start + self.stride()
    }

    /// The counters of all its columns.
    pub(super) fn slots(&self) -> std::ops::Range<usize> {
        self.slots_at..self.slots_at + self.lanes * self.stride()
    }
}

impl<T: Number> Layout<T> {
    /// Lays out a tensor whose features are given with their columns.
    pub(super) fn new<'f>(width: usize, features: impl Iterator<Item = (usize, &'f Numeric<T>)>) -> Self {
        let mut features: Vec<_> = features.map(|(at, feature)| (at, feature, Column::new(feature))).collect();
        features.sort_by_key(|(at, ..)| *at);
        let mut layout = Self { groups: Vec::new(), edges: Vec::new(), slots: 0, width };
        for members in features.chunk_by(|(left, ..), (right, ..)| left / LANES == right / LANES) {
            let column = members[0].0 / LANES * LANES;
            let depth = members.iter().map(|(.., column)| column.inner.len()).max().unwrap_or(0);
            let mut group = Group {
                column,
                lanes: LANES.min(width - column),
                depth,
                edges_at: layout.edges.len(),
                slots_at: layout.slots,
                sentinel: [T::NO_SENTINEL.0; LANES],
                is_absent: [T::NO_SENTINEL.1; LANES],
                centre: [0.0; LANES],
            };
            layout.edges.resize(group.edges_at + depth, [T::HIGHEST; LANES]);
            for (at, feature, column) in members {
                let lane = at - group.column;
                let sentinel = feature.sentinel.map_or(T::NO_SENTINEL, |sentinel| (sentinel, T::ZERO));
                (group.sentinel[lane], group.is_absent[lane]) = sentinel;
                group.centre[lane] = feature.mean.unwrap_or(0.0);
                for (row, edge) in layout.edges[group.edges_at..].iter_mut().zip(&column.inner) {
                    row[lane] = *edge;
                }
            }
            layout.slots += group.lanes * group.stride();
            layout.groups.push(group);
        }
        layout
    }

    /// The edges of a group, each of all its lanes.
    pub(super) fn edges(&self, group: &Group<T>) -> &[[T; LANES]] {
        &self.edges[group.edges_at..group.edges_at + group.depth]
    }

    /// Which group and lane count a column; `None` if no feature is near it.
    pub(super) fn place(&self, column: usize) -> Option<(usize, usize)> {
        let start = column / LANES * LANES;
        let group = self.groups.binary_search_by_key(&start, |group| group.column).ok()?;
        Some((group, column - start))
    }
}
