//! Which bins decide: those with enough rows each, and all others together as one.

/// A bin with less of the reference than this cannot carry an alarm of its own.
pub const ENTRY_SHARE: f64 = 0.01;
/// So many rows must be expected in a bin of the smaller sample, or PSI leaves its law.
pub const ENTRY_ROWS: f64 = 5.0;
/// So many rows a deciding bin, in the smaller sample, or nothing is decided.
pub const ROWS_PER_BIN: f64 = 5.0;

/// Deciding bins. Raw counts stay with whoever has them, to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Places of the bins that decide by themselves, ascending.
    entered: Vec<usize>,
    /// How many raw bins there are.
    raw: usize,
}

impl Pool {
    /// Bins enter with at least 1 % of the reference and five rows expected in the smaller sample, which has `rows` (after
    /// the design effect, so not always a whole number).
    pub fn of(reference: &[u64], rows: f64) -> Self {
        let total = reference.iter().sum::<u64>() as f64;
        let least = total * ENTRY_SHARE.max(ENTRY_ROWS / rows);
        // Half a part in a million: a share of exactly 1 % enters, however its quotient was rounded.
        let enters = |count: u64| count > 0 && count as f64 >= least * (1.0 - 5e-7);
        let entered = reference.iter().enumerate().filter(|(_, count)| enters(**count)).map(|(at, _)| at).collect();
        Self { entered, raw: reference.len() }
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

/// How many deciding bins are not empty in both samples: B_eff.
pub fn occupied(reference: &[u64], current: &[u64]) -> usize {
    reference.iter().zip(current).filter(|(reference, current)| **reference > 0 || **current > 0).count()
}

/// Whether `rows` in the smaller sample are enough to judge by: five for each bin that then decides.
///
/// Where several bins of the reference are filled, two must decide: one alone always has a share of 1.
pub fn is_sufficient(reference: &[u64], rows: f64) -> bool {
    let bins = Pool::of(reference, rows).counts(reference).iter().filter(|count| **count > 0).count();
    let is_constant = reference.iter().filter(|count| **count > 0).count() <= 1;
    (bins >= 2 || is_constant) && rows >= ROWS_PER_BIN * bins as f64 && rows > 0.0
}
