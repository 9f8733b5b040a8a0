//! The distance of Kolmogorov and Smirnov: the largest difference of the two distribution functions at an edge.

use super::{Distance, Measured, Samples, Support, Undefined};
use crate::stats::kolmogorov;

/// Between 0 and 1. From bins D is at most what the values themselves would give, and at least that less the largest share of a
/// bin; its p is therefore too large, if anything.
#[derive(Clone, Copy, Debug)]
pub struct KolmogorovSmirnov;

pub fn between(samples: &Samples<'_>) -> Result<f64, Undefined> {
    if samples.support() == Support::Unordered {
        return Err(Undefined::Unordered { distance: KolmogorovSmirnov.name() });
    }
    // Whole counts below 2⁵³ add up exactly: equal shares in other rows differ by the last bit of a quotient alone.
    let (n, m) = (samples.n() as f64, samples.m() as f64);
    let (mut reference, mut current, mut largest) = (0.0, 0.0, 0.0_f64);
    for (ours, theirs) in samples.counts() {
        reference += ours;
        current += theirs;
        largest = largest.max((reference / n - current / m).abs());
    }
    Ok(largest)
}

impl Distance for KolmogorovSmirnov {
    fn name(&self) -> &'static str {
        "kolmogorov_smirnov"
    }

    fn between(&self, samples: &Samples<'_>) -> Result<Measured, Undefined> {
        let value = between(samples)?;
        let p = kolmogorov::ln_survival(value / samples.scale().sqrt()).exp();
        Ok(Measured { value, p: Some(p), is_conservative: true })
    }
}
