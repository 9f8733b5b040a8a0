//! Hellinger's distance: ‖√p − √q‖/√2.

use super::{Distance, Measured, Samples, Undefined};

/// Between 0 and 1. 8·H²/s follows the law of PSI/s.
#[derive(Clone, Copy, Debug)]
pub struct Hellinger;

/// H²; as a sum of squares, which does not cancel as 1 − Σ√(pq) does.
pub fn squared(samples: &Samples<'_>) -> f64 {
    samples.shares().map(|(p, q)| (p.sqrt() - q.sqrt()).powi(2)).sum::<f64>() / 2.0
}

impl Distance for Hellinger {
    fn name(&self) -> &'static str {
        "hellinger"
    }

    fn between(&self, samples: &Samples<'_>) -> Result<Measured, Undefined> {
        let squared = squared(samples);
        Ok(Measured::by_chi_squared(squared.sqrt(), 8.0 * squared / samples.scale(), samples))
    }
}
