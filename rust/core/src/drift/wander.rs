//! How far a feature's shares wander between time chunks of the reference, beyond chance.

use super::pool::{Pool, Sample, is_sufficient, occupied};
use super::scale::Scale;
use crate::distance::{HALF, Samples, Support, psi};
use serde::Serialize;

/// With fewer the estimate would be worth less than none.
pub const FEWEST_CHUNKS: usize = 10;

/// The wander ω, in the unit of s = 1/n + 1/m, and what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Wander {
    /// max(0, measured − noise); 0 where it could not be measured.
    pub omega: f64,
    /// The mean over chunks of PSI/(B − 1).
    pub measured: f64,
    /// The mean over chunks of s, which chance alone gives.
    pub noise: f64,
    /// Degrees of freedom of what was measured.
    pub freedom: f64,
    /// Chunks that were large enough to be compared.
    pub chunks: usize,
    /// Whether there were [`FEWEST_CHUNKS`].
    pub is_measured: bool,
}

impl Wander {
    /// Of a reference without a time column.
    pub const UNKNOWN: Self =
        Self { omega: 0.0, measured: 0.0, noise: 0.0, freedom: 0.0, chunks: 0, is_measured: false };

    /// The scale of chance that it makes of s.
    pub fn widen(&self, s: f64) -> Scale {
        if self.is_measured && self.freedom > 0.0 {
            Scale { sure: s, measured: self.measured, noise: self.noise, freedom: self.freedom }
        } else {
            Scale::sure(s)
        }
    }
}

/// ω = max(0, the mean over chunks of PSI/(B − 1) − s), each chunk against all the others.
///
/// Leaving the chunk out of what it is compared with keeps the mean from being too low. Bins are pooled for each chunk as
/// they are for a window, and chunks too small to be judged are left out. The mean of K such terms with B − 1 degrees of freedom
/// each has K·(B − 1), harmonic where B differs.
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
    let compared: Vec<Compared> = chunks.iter().filter_map(|chunk| compare(&all, chunk.as_ref())).collect();
    let count = compared.len() as f64;
    if compared.len() < FEWEST_CHUNKS {
        return Wander { chunks: compared.len(), ..Wander::UNKNOWN };
    }
    let mean = |of: fn(&Compared) -> f64| compared.iter().map(of).sum::<f64>() / count;
    let (measured, noise) = (mean(|it| it.per_freedom), mean(|it| it.s));
    let freedom = count / mean(|it| it.freedom.recip());
    let omega = (measured - noise).max(0.0);
    Wander { omega, measured, noise, freedom, chunks: compared.len(), is_measured: true }
}

/// One chunk against the others.
#[derive(Clone, Copy, Debug)]
struct Compared {
    per_freedom: f64,
    s: f64,
    freedom: f64,
}

/// `None` where there are too few rows to judge the chunk by.
fn compare(all: &[u64], chunk: &[u64]) -> Option<Compared> {
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
    let (s, freedom) = (samples.scale(), deciding.saturating_sub(1) as f64);
    if freedom == 0.0 {
        // A feature that never varies does not wander.
        return Some(Compared { per_freedom: s, s, freedom: 1.0 });
    }
    let psi = psi::between(&samples, HALF).expect("smoothed shares have logarithms");
    Some(Compared { per_freedom: psi / freedom, s, freedom })
}
