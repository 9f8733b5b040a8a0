//! The divergence of Jensen and Shannon: how far both samples are, in the mean, from the mixture of the two.

use super::{Distance, Measured, Samples, Undefined, Unit};

/// The distance, which is the root of the divergence and a metric (Endres & Schindelin 2003, IEEE Transactions on Information
/// Theory 49(7), 1858–1860): in bits between 0 and 1, in nats up to √ln 2. Libraries disagree on root and unit, hence both
/// are named. 8 times the divergence in nats over s follows the law of PSI/s.
#[derive(Clone, Copy, Debug)]
pub struct JensenShannon {
    pub unit: Unit,
}

/// ½·Σ p·ln(p/½(p + q)) + q·ln(q/½(p + q)), in nats.
pub fn divergence(samples: &Samples<'_>) -> f64 {
    let half = |share: f64, middle: f64| if share > 0.0 { share * (share / middle).ln() } else { 0.0 };
    let terms = samples.shares().map(|(p, q)| {
        let middle = f64::midpoint(p, q);
        half(p, middle) + half(q, middle)
    });
    (terms.sum::<f64>() / 2.0).max(0.0)
}

impl Distance for JensenShannon {
    fn name(&self) -> &'static str {
        "jensen_shannon"
    }

    fn between(&self, samples: &Samples<'_>) -> Result<Measured, Undefined> {
        let nats = divergence(samples);
        Ok(Measured::by_chi_squared(self.unit.of(nats).sqrt(), 8.0 * nats / samples.scale(), samples))
    }
}
