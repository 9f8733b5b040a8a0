//! Which bins decide: those with enough rows each, and all others together as one.

/// A bin with less of the reference than this cannot carry an alarm of its own.
pub const ENTRY_SHARE: f64 = 0.01;
/// So many rows must be expected in a bin of the smaller sample, or PSI leaves its law.
pub const ENTRY_ROWS: f64 = 5.0;
/// So many rows a deciding bin, in the smaller sample, or nothing is decided.
pub const ROWS_PER_BIN: f64 = 5.0;

/// Rows in each bin, and by how much the variance of their shares exceeds that of independent rows: 1 where they are.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    pub bins: &'a [u64],
    pub design_effect: f64,
}

impl Sample<'_> {
    /// As many independent rows as say the same.
    pub fn rows(&self) -> f64 {
        self.bins.iter().sum::<u64>() as f64 / self.design_effect
    }

    fn effective(&self, bin: usize) -> f64 {
        self.bins[bin] as f64 / self.design_effect
    }
}

/// Deciding bins. Raw counts stay with whoever has them, to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Places of the bins that decide by themselves, ascending.
    entered: Vec<usize>,
    /// How many raw bins there are.
    raw: usize,
}

impl Pool {
    /// Bins enter with at least 1 % of the reference and five rows expected in the smaller sample, if nothing has moved.
    ///
    /// What is expected then is the share in both samples together: under no drift it is independent of how they differ, while
    /// bins that enter because a small reference has many of their rows by chance would look as if they had shrunk. Where a
    /// large window has left all bins of a small reference, the reference alone says which bins decide.
    pub fn of(reference: &Sample<'_>, current: &Sample<'_>) -> Self {
        let together = |bin: usize| reference.effective(bin) + current.effective(bin);
        let pool = Self::entering(reference, current, together, reference.rows() + current.rows());
        if pool.entered.is_empty() { Self::by_reference(reference, current) } else { pool }
    }

    /// As [`Pool::of`], before anything is known of the current sample but its size.
    pub fn by_reference(reference: &Sample<'_>, current: &Sample<'_>) -> Self {
        Self::entering(reference, current, |bin| reference.effective(bin), reference.rows())
    }

    fn entering(reference: &Sample<'_>, current: &Sample<'_>, rows_of: impl Fn(usize) -> f64, all: f64) -> Self {
        let smaller = f64::min(reference.rows(), current.rows());
        let enters = |bin: &usize| {
            reaches(reference.effective(*bin), ENTRY_SHARE * reference.rows())
                && reaches(rows_of(*bin) * smaller, ENTRY_ROWS * all)
        };
        Self { entered: (0..reference.bins.len()).filter(enters).collect(), raw: reference.bins.len() }
    }

    /// Each deciding bin's count, and last that of all others together where any bin was pooled.
    pub fn counts(&self, raw: &[u64]) -> Vec<u64> {
        debug_assert_eq!(raw.len(), self.raw);
        let mut counts: Vec<u64> = self.entered.iter().map(|at| raw[*at]).collect();
        if counts.len() < self.raw {
            counts.push(raw.iter().sum::<u64>() - counts.iter().sum::<u64>());
        }
        counts
    }

    /// Where a deciding bin stands among the raw ones; `None` is all others together.
    pub fn raw_bin(&self, bin: usize) -> Option<usize> {
        self.entered.get(bin).copied()
    }
}

/// A share of exactly 1 %, or exactly five rows, enter, however their quotients were rounded.
pub(super) fn reaches(value: f64, least: f64) -> bool {
    value >= least * (1.0 - 1e-12)
}

/// How many bins are not empty in both samples; of the deciding ones it is B_eff.
pub fn occupied(reference: &[u64], current: &[u64]) -> usize {
    reference.iter().zip(current).filter(|(reference, current)| **reference > 0 || **current > 0).count()
}

/// Whether `rows` in the smaller sample are enough to judge by: five for each of the `deciding` bins.
///
/// Where several of the raw bins are filled two must decide, because one alone always has a share of 1.
pub fn is_sufficient(rows: f64, deciding: usize, raw: usize) -> bool {
    (deciding >= 2 || raw <= 1) && rows > 0.0 && rows >= ROWS_PER_BIN * deciding as f64
}
