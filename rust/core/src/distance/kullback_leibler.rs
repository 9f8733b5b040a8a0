//! The divergence of Kullback and Leibler: Σp·ln(p/q).

use super::{Distance, Measured, Samples, Undefined, Unit};

/// Of the reference from the current sample: what coding current rows by the reference's shares wastes is the other direction,
/// with the samples changed over. 2·KL/s in nats follows the law of PSI/s.
#[derive(Clone, Copy, Debug)]
pub struct KullbackLeibler {
    /// Added to every count: 0 for none.
    pub smoothing: f64,
    pub unit: Unit,
}

/// In nats.
pub fn between(samples: &Samples<'_>, smoothing: f64) -> Result<f64, Undefined> {
    let terms =
        samples.smoothed(smoothing)?.shares().map(|(p, q)| if (p - q).abs() > 0.0 { p * (p / q).ln() } else { 0.0 });
    // Terms have both signs: equal shares in other rows may leave the last bit below zero.
    Ok(terms.sum::<f64>().max(0.0))
}

impl Distance for KullbackLeibler {
    fn name(&self) -> &'static str {
        "kullback_leibler"
    }

    fn between(&self, samples: &Samples<'_>) -> Result<Measured, Undefined> {
        let nats = between(samples, self.smoothing)?;
        Ok(Measured::by_chi_squared(self.unit.of(nats), 2.0 * nats / samples.scale(), samples))
    }
}
