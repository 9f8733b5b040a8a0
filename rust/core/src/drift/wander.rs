//! How far a feature's shares wander between time chunks of the reference, beyond chance.

use super::pool::{Pool, Sample, is_sufficient, occupied};
use crate::distance::{HALF, Samples, Support, psi};
use serde::Serialize;

/// With fewer the estimate would be worth less than none.
pub const FEWEST_CHUNKS: usize = 10;

/// The wander ω, in the unit of s = 1/n + 1/m, and what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Wander {
    /// Not negative; 0 where it could not be measured.
    pub omega: f64,
    /// Chunks that were large enough to be compared.
    pub chunks: usize,
    /// Whether there were [`FEWEST_CHUNKS`].
    pub is_measured: bool,
}

impl Wander {
    /// Of a reference without a time column.
    pub const UNKNOWN: Self = Self { omega: 0.0, chunks: 0, is_measured: false };
}

/// ω = max(0, the mean over chunks of PSI/(B − 1) − s), each chunk against all the others.
///
/// Leaving the chunk out of what it is compared with keeps the mean from being too low. Bins are pooled for each chunk as
/// they are for a window, and chunks too small to be judged are left out.
///
/// # Panics
///
/// If chunks have different numbers of bins; a profile is read with equal ones.
pub fn wander<Chunk: AsRef<[u64]>>(chunks: &[Chunk]) -> Wander {
    let mut all = vec![0_u64; chunks.first().map_or(0, |chunk| chunk.as_ref().len())];
    for chunk in chunks {
        assert_eq!(chunk.as_ref().len(), all.len(), "chunks of one reference have its bins");
        all.iter_mut().zip(chunk.as_ref()).for_each(|(sum, count)| *sum += count);
    }
    let excesses: Vec<f64> = chunks.iter().filter_map(|chunk| excess(&all, chunk.as_ref())).collect();
    let chunks = excesses.len();
    if chunks < FEWEST_CHUNKS {
        return Wander { chunks, ..Wander::UNKNOWN };
    }
    let mean = excesses.iter().sum::<f64>() / chunks as f64;
    Wander { omega: mean.max(0.0), chunks, is_measured: true }
}

/// PSI/(B − 1) − s of one chunk against the others; `None` where there are too few rows for it.
fn excess(all: &[u64], chunk: &[u64]) -> Option<f64> {
    let others: Vec<u64> = all.iter().zip(chunk).map(|(all, own)| all - own).collect();
    let independent = |bins| Sample { bins, design_effect: 1.0 };
    let pool = Pool::of(&independent(&others), &independent(chunk));
    let rows = f64::min(independent(&others).rows(), independent(chunk).rows());
    let raw = occupied(&others, chunk);
    let (others, own) = (pool.counts(&others), pool.counts(chunk));
    let deciding = occupied(&others, &own);
    if !is_sufficient(rows, deciding, raw) {
        return None;
    }
    let samples = Samples::of(&others, &own, Support::Unordered).ok()?;
    let psi = psi::between(&samples, HALF).expect("smoothed shares have logarithms");
    // A feature that never varies does not wander.
    Some(if deciding < 2 { 0.0 } else { psi / (deciding - 1) as f64 - samples.scale() })
}
