//! What callers that come again cost: rows of one caller are alike, so they say less than as many rows of as many callers.

use super::pool::Pool;
use serde::Serialize;
use thiserror::Error;

/// A second salted hash of the sticky key deals the callers of an arm among so many sub-cells.
pub const SUB_CELLS: usize = 8;

/// So many callers of equal size must carry an arm's rows, or a few of them decide what its variation looks like.
const FEWEST_CALLERS: f64 = 32.0;

/// Why there is no design effect.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error(
    "{filled} of the {SUB_CELLS} sub-cells of an arm have rows, which are those of about {callers:.0} callers of equal size; \
     its variation between callers cannot be told from fewer than {FEWEST_CALLERS}"
)]
pub struct TooFewCallers {
    pub filled: usize,
    pub callers: f64,
}

/// What callers do to the comparison of two arms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DesignEffect {
    /// By how much the variance of the reference's shares exceeds that of independent rows; at least 1.
    pub reference: f64,
    /// The same of the current sample.
    pub current: f64,
    /// How many bins vary by themselves: B − 1 at most, less where some vary more than others.
    pub freedom: f64,
    /// Degrees of freedom that the variances themselves have, for each bin that varies.
    pub certainty: f64,
}

/// The design effects of both arms from the variation between their sub-cells, as random groups of callers.
///
/// With N rows of an arm, N_g of them in group g, and counts c_gi of bin i, the covariance of shares is
/// G/(G − 1)·Σ_g (c_gi − p_i·N_g)(c_gj − p_j·N_g)/N² (Wolter 2007, Introduction to Variance Estimation, chapter 2). The design
/// effect is the mean over bins of its diagonal over p_i/N; the freedom is Satterthwaite's, (tr A)²/tr A² for the sum A of both
/// arms' covariances over √(p_i·p_j): the second-order correction of Rao & Scott (1981), JASA 76(374), 221–230. How
/// many callers of equal size carry the rows is told by how unequal the sub-cells are: G·mean²/variance of N_g.
pub fn design_effect<Counts: AsRef<[u64]>>(
    reference: &[Counts],
    current: &[Counts],
    pool: &Pool,
) -> Result<DesignEffect, TooFewCallers> {
    let arms = [Arm::of(reference, pool)?, Arm::of(current, pool)?];
    let bins = arms[0].counts.len();
    let rows = arms[0].rows + arms[1].rows;
    let shares: Vec<f64> = (0..bins).map(|bin| (arms[0].counts[bin] + arms[1].counts[bin]) / rows).collect();
    let filled: Vec<usize> = (0..bins).filter(|bin| shares[*bin] > 0.0).collect();
    let most = filled.len().saturating_sub(1) as f64;
    let mut traces = [0.0; 2];
    let mut squares = 0.0;
    for &row in &filled {
        for &column in &filled {
            let parts = arms.each_ref().map(|arm| arm.covariance(row, column));
            squares += (parts[0] + parts[1]).powi(2) / (shares[row] * shares[column]);
            if row == column {
                traces[0] += parts[0] / shares[row];
                traces[1] += parts[1] / shares[row];
            }
        }
    }
    let trace = traces[0] + traces[1];
    let effect = |arm: usize| if most > 0.0 { (traces[arm] * arms[arm].rows / most).max(1.0) } else { 1.0 };
    let freedom = if squares > 0.0 { (trace * trace / squares).min(most) } else { most };
    let groups = (SUB_CELLS - 1) as f64;
    let certainty =
        if trace > 0.0 { groups * trace * trace / (traces[0].powi(2) + traces[1].powi(2)) } else { groups * 2.0 };
    Ok(DesignEffect { reference: effect(0), current: effect(1), freedom, certainty })
}

/// One arm's deciding counts and how its sub-cells deviate from them.
#[derive(Debug)]
struct Arm {
    rows: f64,
    counts: Vec<f64>,
    /// c_gi − p_i·N_g, by group and bin.
    deviations: Vec<Vec<f64>>,
}

impl Arm {
    fn of<Counts: AsRef<[u64]>>(sub_cells: &[Counts], pool: &Pool) -> Result<Self, TooFewCallers> {
        let groups: Vec<Vec<u64>> = sub_cells.iter().map(|counts| pool.counts(counts.as_ref())).collect();
        let sizes: Vec<f64> = groups.iter().map(|group| group.iter().sum::<u64>() as f64).collect();
        let filled = sizes.iter().filter(|size| **size > 0.0).count();
        let rows: f64 = sizes.iter().sum();
        let mean = rows / SUB_CELLS as f64;
        let variance = sizes.iter().map(|size| (size - mean).powi(2)).sum::<f64>() / (SUB_CELLS - 1) as f64;
        let callers = SUB_CELLS as f64 * mean * mean / variance;
        if filled < SUB_CELLS || callers < FEWEST_CALLERS {
            return Err(TooFewCallers { filled, callers: if rows > 0.0 { callers } else { 0.0 } });
        }
        let bins = groups[0].len();
        let counts: Vec<f64> = (0..bins).map(|bin| groups.iter().map(|group| group[bin]).sum::<u64>() as f64).collect();
        let deviate = |(group, size): (&Vec<u64>, &f64)| {
            group.iter().zip(&counts).map(|(own, all)| *own as f64 - all / rows * size).collect()
        };
        let deviations = groups.iter().zip(&sizes).map(deviate).collect();
        Ok(Self { rows, counts, deviations })
    }

    fn covariance(&self, row: usize, column: usize) -> f64 {
        let groups = self.deviations.len() as f64;
        let sum: f64 = self.deviations.iter().map(|group| group[row] * group[column]).sum();
        groups / (groups - 1.0) * sum / (self.rows * self.rows)
    }
}
