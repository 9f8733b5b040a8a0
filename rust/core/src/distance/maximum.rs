//! The largest difference of shares: L∞.

use super::{Distance, Measured, Samples, Undefined};

/// Between 0 and 1; no law that holds for all shares, so no p.
#[derive(Clone, Copy, Debug)]
pub struct Maximum;

pub fn between(samples: &Samples<'_>) -> f64 {
    samples.shares().map(|(p, q)| (p - q).abs()).fold(0.0, f64::max)
}

impl Distance for Maximum {
    fn name(&self) -> &'static str {
        "maximum"
    }

    fn between(&self, samples: &Samples<'_>) -> Result<Measured, Undefined> {
        Ok(Measured::without_law(between(samples)))
    }
}
