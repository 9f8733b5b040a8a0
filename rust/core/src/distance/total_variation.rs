//! The total variation: the share of rows that would have to change bins, ½·Σ|p − q|.

use super::{Distance, Measured, Samples, Undefined};

/// Between 0 and 1; no law that holds for all shares, so no p.
#[derive(Clone, Copy, Debug)]
pub struct TotalVariation;

pub fn between(samples: &Samples<'_>) -> f64 {
    samples.shares().map(|(p, q)| (p - q).abs()).sum::<f64>() / 2.0
}

impl Distance for TotalVariation {
    fn name(&self) -> &'static str {
        "total_variation"
    }

    fn between(&self, samples: &Samples<'_>) -> Result<Measured, Undefined> {
        Ok(Measured::without_law(between(samples)))
    }
}
