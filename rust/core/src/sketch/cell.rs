//! What was counted of one feature in one window, in the bins of its reference.

mod document;

use super::exact::Exact;
use super::layout::{Column, Group, NAN, NEGATIVE_INFINITE, NULL, POSITIVE_INFINITE};
use super::number::Number;
use super::profile::Numeric;
use super::strings::{NEW, NULL as MISSING, Newcomer, Newcomers, OTHER, StringTable};
use super::table::{Count, Table};

/// The counts of one feature.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Numeric(NumericCell),
    Categorical(CategoricalCell),
}

/// The counts of a numeric feature: bins and the four kinds of values without one add up to the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct NumericCell {
    pub bins: Vec<u64>,
    pub nan: u64,
    pub positive_infinite: u64,
    pub negative_infinite: u64,
    /// Rows with the sentinel.
    pub null: u64,
    /// Those in bins that lie below the reference's minimum.
    pub below: u64,
    /// Those in bins that lie above the reference's maximum.
    pub above: u64,
    /// Smallest and largest value in bins; none without one. −0 is 0.
    pub range: Option<(Exact, Exact)>,
    /// The mean of the reference, around which sums are taken.
    pub centre: f64,
    /// Σ(x − centre) over the values in bins; infinite where it exceeds what numbers hold.
    pub sum: f64,
    /// Σ(x − centre)².
    pub squares: f64,
}

/// The counts of a feature of strings: all of them together are the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct CategoricalCell {
    /// One for each category of the reference.
    pub categories: Vec<u64>,
    /// Known but rare values.
    pub other: u64,
    /// Values that the reference does not know.
    pub new: u64,
    /// Rows without bytes or with the sentinel.
    pub null: u64,
    /// Bytes of the shortest and of the longest that is not null.
    pub lengths: Option<(u64, u64)>,
    /// The most frequent new values, the most frequent first; their counts are bounds, all others here are exact.
    pub newcomers: Vec<Newcomer>,
    /// How many different new values there were, within 3.25 % (one standard error).
    pub distinct_new: f64,
}

impl Cell {
    /// All rows counted.
    pub fn rows(&self) -> u64 {
        match self {
            Self::Numeric(cell) => cell.rows(),
            Self::Categorical(cell) => cell.rows(),
        }
    }

    /// Rows in bins: numbers, or values that the reference knows.
    pub fn binned(&self) -> u64 {
        match self {
            Self::Numeric(cell) => cell.finite(),
            Self::Categorical(cell) => cell.rows() - cell.new - cell.null,
        }
    }
}

impl CategoricalCell {
    /// All rows counted.
    pub fn rows(&self) -> u64 {
        [self.other, self.new, self.null]
            .iter()
            .chain(&self.categories)
            .fold(0, |sum, count| sum.saturating_add(*count))
    }
}

impl NumericCell {
    /// Values in bins.
    pub fn finite(&self) -> u64 {
        self.bins.iter().fold(0, |sum, bin| sum.saturating_add(*bin))
    }

    /// All rows counted.
    pub fn rows(&self) -> u64 {
        [self.nan, self.positive_infinite, self.negative_infinite, self.null]
            .into_iter()
            .fold(self.finite(), u64::saturating_add)
    }

    /// The mean of the values in bins; `None` without one, or where sums are beyond what numbers hold.
    pub fn mean(&self) -> Option<f64> {
        let mean = self.centre + self.sum / self.finite() as f64;
        mean.is_finite().then_some(mean)
    }

    /// Their standard deviation with n − 1 below; `None` with fewer than two, or where sums are beyond what numbers hold.
    pub fn sd(&self) -> Option<f64> {
        let n = self.finite();
        if n < 2 {
            return None;
        }
        // Σ(x − x̄)² = Σ(x − c)² − (Σ(x − c))² / n; nothing is lost while the mean stays near that of the reference.
        let squares = self.squares - self.sum * self.sum / n as f64;
        squares.is_finite().then(|| (squares.max(0.0) / (n - 1) as f64).sqrt())
    }
}

/// Reads one column out of the counters of its tensor.
pub(super) fn numeric<T: Number, N: Count>(
    table: &Table<T, N>,
    feature: &Numeric<T>,
    (at, group): (usize, &Group<T>),
    lane: usize,
) -> NumericCell {
    let column = Column::new(feature);
    let slots = &table.slots[group.slots_of(lane)];
    let (intervals, specials) = slots.split_at(group.depth + 1);
    let special = |kind: usize| specials[kind].into();
    let mut bins = vec![0_u64; feature.edges.len() + 1];
    for (bin, count) in column.bins.iter().zip(intervals) {
        bins[*bin] = bins[*bin].saturating_add((*count).into());
    }
    let sum_of = |counts: &[N]| counts.iter().fold(0_u64, |sum, count| sum.saturating_add((*count).into()));
    let tally = &table.tallies[at];
    let has_values = bins.iter().any(|bin| *bin > 0);
    NumericCell {
        bins,
        nan: special(NAN),
        positive_infinite: special(POSITIVE_INFINITE),
        negative_infinite: special(NEGATIVE_INFINITE),
        null: special(NULL),
        below: sum_of(&intervals[..column.below]),
        above: sum_of(intervals.get(column.above..).unwrap_or_default()),
        range: has_values.then(|| (tally.low[lane].exact(), tally.high[lane].exact())),
        centre: group.centre[lane],
        sum: tally.sum[lane],
        squares: tally.squares[lane],
    }
}

/// Reads the counters of a feature of strings.
pub(super) fn categorical<N: Count>(table: &StringTable<N>) -> CategoricalCell {
    let (categories, specials) = table.parts();
    let newcomers = table.newcomers.as_deref();
    CategoricalCell {
        categories: categories.iter().map(|count| (*count).into()).collect(),
        other: specials[OTHER].into(),
        new: specials[NEW].into(),
        null: specials[MISSING].into(),
        lengths: table.lengths,
        newcomers: newcomers.map(Newcomers::names).unwrap_or_default(),
        distinct_new: newcomers.map_or(0.0, Newcomers::distinct),
    }
}
