//! Callers that come again, each with a value it likes best.

use super::Draw;

/// How unequal callers are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Ten rows each.
    Alike,
    /// Three rows in the median, now and then hundreds.
    LogNormal,
    /// At least three rows, and a tail so heavy (exponent 1.5) that its variance is infinite, cut at 30,000.
    Pareto,
}

/// Of each caller's rows, nine in ten have its own value.
const STICK: f64 = 0.9;

/// Rows of an arm by sub-cell and bin.
pub(crate) fn sub_cells(draw: &mut Draw, callers: usize, kind: Kind, shares: &[f64]) -> Vec<Vec<u64>> {
    let mut cells = vec![vec![0; shares.len()]; 8];
    let mut others = [0; 8];
    for _ in 0..callers {
        let rows = match kind {
            Kind::Alike => 10,
            Kind::LogNormal => (1.0 + 1.5 * draw.normal()).exp().ceil() as u64,
            Kind::Pareto => 3 * draw.uniform().powf(-1.0 / 1.5).min(10_000.0) as u64,
        };
        let cell = draw.below(8);
        let own = draw.binomial(rows, STICK);
        // Bins are equally likely to be a caller's own.
        cells[cell][draw.below(shares.len())] += own;
        others[cell] += rows - own;
    }
    for (cell, rows) in cells.iter_mut().zip(others) {
        let more = draw.multinomial(rows, shares);
        cell.iter_mut().zip(more).for_each(|(count, more)| *count += more);
    }
    cells
}
