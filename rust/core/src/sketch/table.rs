//! The counters of one numeric tensor.

use super::layout::{LANES, Layout};
use super::number::Number;

/// A counter: `u32` while a window is open, `u64` afterwards. It saturates and never wraps.
pub trait Count: Copy + Default + Eq + std::fmt::Debug + Into<u64> + Send + 'static {
    /// The largest number that it holds, if that is less.
    fn saturating_from(count: u64) -> Self;
}

impl Count for u32 {
    fn saturating_from(count: u64) -> Self {
        count.try_into().unwrap_or(u32::MAX)
    }
}

impl Count for u64 {
    fn saturating_from(count: u64) -> Self {
        count
    }
}

/// What is counted of a tensor whose edges lie as [`Layout`] says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table<T, N> {
    pub(super) slots: Vec<N>,
    pub(super) tallies: Vec<Tally<T>>,
}

/// What a group keeps beside its counters, of finite values that are not null.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tally<T> {
    pub(super) low: [T; LANES],
    pub(super) high: [T; LANES],
    /// Σ(x − centre).
    pub(super) sum: [f64; LANES],
    /// Σ(x − centre)².
    pub(super) squares: [f64; LANES],
}

impl<T: Number> Tally<T> {
    pub(super) const EMPTY: Self =
        Self { low: [T::HIGHEST; LANES], high: [T::LOWEST; LANES], sum: [0.0; LANES], squares: [0.0; LANES] };

    fn merge(&mut self, other: &Self) {
        for lane in 0..LANES {
            self.take(lane, other.low[lane], other.high[lane], other.sum[lane], other.squares[lane]);
        }
    }

    /// Takes in one value of every lane, all of which have a bin.
    #[inline(always)]
    pub(super) fn take_all(&mut self, values: &[T; LANES], centre: &[f64; LANES]) {
        for lane in 0..LANES {
            self.low[lane] = if values[lane] < self.low[lane] { values[lane] } else { self.low[lane] };
        }
        for lane in 0..LANES {
            self.high[lane] = if values[lane] > self.high[lane] { values[lane] } else { self.high[lane] };
        }
        for lane in 0..LANES {
            let deviation = values[lane].wide() - centre[lane];
            self.sum[lane] += deviation;
            self.squares[lane] += deviation * deviation;
        }
    }

    /// Takes in what was found about values of one lane.
    #[inline(always)]
    pub(super) fn take(&mut self, lane: usize, low: T, high: T, sum: f64, squares: f64) {
        self.low[lane] = if low < self.low[lane] { low } else { self.low[lane] };
        self.high[lane] = if high > self.high[lane] { high } else { self.high[lane] };
        self.sum[lane] += sum;
        self.squares[lane] += squares;
    }
}

impl<T: Number, N: Count> Table<T, N> {
    pub(super) fn new(layout: &Layout<T>) -> Self {
        Self { slots: vec![N::default(); layout.slots], tallies: vec![Tally::EMPTY; layout.groups.len()] }
    }

    pub(super) fn size_bytes(&self) -> usize {
        size_of_val(&*self.slots) + size_of_val(&*self.tallies)
    }

    pub(super) fn clear(&mut self) {
        self.slots.fill(N::default());
        self.tallies.fill(Tally::EMPTY);
    }

    pub(super) fn lies_like<M: Count>(&self, other: &Table<T, M>) -> bool {
        self.slots.len() == other.slots.len() && self.tallies.len() == other.tallies.len()
    }

    /// Adds counts of the same layout.
    pub(super) fn merge<M: Count>(&mut self, other: &Table<T, M>) {
        assert!(self.lies_like(other), "counts of one plan lie alike");
        for (ours, theirs) in self.slots.iter_mut().zip(&other.slots) {
            *ours = N::saturating_from((*ours).into().saturating_add((*theirs).into()));
        }
        for (ours, theirs) in self.tallies.iter_mut().zip(&other.tallies) {
            ours.merge(theirs);
        }
    }
}
