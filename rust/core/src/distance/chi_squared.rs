//! Pearson's chi-squared of two samples, whose reference is a sample as well and no truth.

use super::{Distance, Measured, Samples, Undefined};

/// Σ(a·√(m/n) − b·√(n/m))²/(a + b) over counts a of n and b of m: scipy's `chi2_contingency` without Yates's correction.
#[derive(Clone, Copy, Debug)]
pub struct ChiSquared;

pub fn between(samples: &Samples<'_>) -> f64 {
    let ratio = (samples.m() as f64 / samples.n() as f64).sqrt();
    let occupied = samples.counts().filter(|(ours, theirs)| ours + theirs > 0.0);
    occupied.map(|(ours, theirs)| (ours * ratio - theirs / ratio).powi(2) / (ours + theirs)).sum()
}

impl Distance for ChiSquared {
    fn name(&self) -> &'static str {
        "chi_squared"
    }

    fn between(&self, samples: &Samples<'_>) -> Result<Measured, Undefined> {
        let value = between(samples);
        Ok(Measured::by_chi_squared(value, value, samples))
    }
}
