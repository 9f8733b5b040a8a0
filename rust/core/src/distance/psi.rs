//! The population stability index: Σ(p − q)·ln(p/q).

use super::{Distance, Measured, Samples, Undefined};

/// Symmetric, in nats; KL of one side plus KL of the other. PSI/s is chi-squared with B − 1 degrees of freedom when nothing has
/// moved (Yurdakul & Naranjo 2020, Journal of Risk Model Validation 14(4), 89–100, theorem 3.3).
#[derive(Clone, Copy, Debug)]
pub struct Psi {
    /// Added to every count: 0 for none.
    pub smoothing: f64,
}

/// What one bin adds; never negative.
pub fn term(p: f64, q: f64) -> f64 {
    let difference = p - q;
    // Where a bin is empty in both samples the quotient has no value.
    if difference.abs() > 0.0 { difference * (p / q).ln() } else { 0.0 }
}

pub fn between(samples: &Samples<'_>, smoothing: f64) -> Result<f64, Undefined> {
    Ok(samples.smoothed(smoothing)?.shares().map(|(p, q)| term(p, q)).sum())
}

impl Distance for Psi {
    fn name(&self) -> &'static str {
        "psi"
    }

    fn between(&self, samples: &Samples<'_>) -> Result<Measured, Undefined> {
        let value = between(samples, self.smoothing)?;
        Ok(Measured::by_chi_squared(value, value / samples.scale(), samples))
    }
}
