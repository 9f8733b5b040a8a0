//! What callers that come again cost: rows of one caller are alike, so they say less than as many rows of as many callers.

use super::pool::Pool;
use thiserror::Error;

/// A second salted hash of the sticky key deals the callers of an arm among so many sub-cells.
pub const SUB_CELLS: usize = 8;

/// Why there is no design effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("callers fill {filled} of the {SUB_CELLS} sub-cells of an arm; its variation between callers cannot be told")]
pub struct TooFewCallers {
    pub filled: usize,
}

/// By how much the variance of an arm's shares exceeds that of independent rows; at least 1.
///
/// The mean of the design effects of all shares, each from the variation between sub-cells as random groups of callers: with
/// N rows, N_g of them in group g, and counts c_gi of bin i, G/(G − 1)·Σ_gi (c_gi − p_i·N_g)²/(N·p_i)/(B − 1). Source: the
/// first-order correction of Rao & Scott (1981), JASA 76(374), 221–230; the variance of a ratio from random groups, Wolter
/// (2007), Introduction to Variance Estimation, chapter 2.
pub fn design_effect<Counts: AsRef<[u64]>>(sub_cells: &[Counts], pool: &Pool) -> Result<f64, TooFewCallers> {
    let groups: Vec<Vec<u64>> = sub_cells.iter().map(|counts| pool.counts(counts.as_ref())).collect();
    let sizes: Vec<f64> = groups.iter().map(|group| group.iter().sum::<u64>() as f64).collect();
    let filled = sizes.iter().filter(|size| **size > 0.0).count();
    if filled < SUB_CELLS {
        return Err(TooFewCallers { filled });
    }
    let rows: f64 = sizes.iter().sum();
    let (mut sum, mut bins) = (0.0, 0);
    for bin in 0..groups[0].len() {
        let share = groups.iter().map(|group| group[bin]).sum::<u64>() as f64 / rows;
        if share > 0.0 {
            let squares = groups.iter().zip(&sizes).map(|(group, size)| (group[bin] as f64 - share * size).powi(2));
            sum += squares.sum::<f64>() / (rows * share);
            bins += 1;
        }
    }
    let count = groups.len() as f64;
    // A single bin has no variation, whoever calls.
    let effect = if bins < 2 { 1.0 } else { count / (count - 1.0) * sum / f64::from(bins - 1) };
    Ok(effect.max(1.0))
}
