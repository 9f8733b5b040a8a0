//! How far apart two samples are, from counts in the same bins.
//!
//! One file a distance; [`TABLE`] has them all. What a distance needs stands in [`Samples`]; where it has no value it refuses
//! with [`Undefined`], and never answers with NaN or infinity. No distance depends on bins that are
//! empty in both samples.
//!
//! Most distances follow one law when nothing has moved: with s = 1/n + 1/m, each of PSI/s, 2·KL/s, 8·JS/s, 8·H²/s, X² and G
//! is chi-squared with one degree of freedom less than there are bins, in large samples. `docs/statistics.md` has sources.

pub mod chi_squared;
pub mod g;
pub mod hellinger;
pub mod jensen_shannon;
pub mod kolmogorov_smirnov;
pub mod kullback_leibler;
pub mod maximum;
pub mod psi;
mod samples;
pub mod total_variation;
pub mod wasserstein;

pub use samples::{Samples, Smoothed, Support, Undefined};

use crate::stats;
use serde::Serialize;

/// The count that a bin is given beside its own where logarithms need one: Jeffreys' prior, for which PSI keeps to its law
/// best in small samples.
pub const HALF: f64 = 0.5;

/// A way to say how far apart two samples are.
pub trait Distance: Sync {
    /// Its name in reports and metrics.
    fn name(&self) -> &'static str;

    /// Its value, and what the law says of it where there is one.
    fn between(&self, samples: &Samples<'_>) -> Result<Measured, Undefined>;
}

/// Every distance, the deciding one first.
pub static TABLE: [&dyn Distance; 10] = [
    &psi::Psi { smoothing: HALF },
    &kullback_leibler::KullbackLeibler { smoothing: HALF, unit: Unit::Nats },
    &jensen_shannon::JensenShannon { unit: Unit::Bits },
    &hellinger::Hellinger,
    &kolmogorov_smirnov::KolmogorovSmirnov,
    &wasserstein::Wasserstein,
    &chi_squared::ChiSquared,
    &g::G,
    &maximum::Maximum,
    &total_variation::TotalVariation,
];

/// What logarithms are taken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Nats,
    Bits,
}

impl Unit {
    fn of(self, nats: f64) -> f64 {
        match self {
            Self::Nats => nats,
            Self::Bits => nats / std::f64::consts::LN_2,
        }
    }
}

/// A distance and how likely it is to be that large when nothing has moved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measured {
    pub value: f64,
    /// `None` where no law is known. What is below 10⁻³⁰⁸ reads 0.
    pub p: Option<f64>,
    /// The true p is smaller, if anything.
    pub is_conservative: bool,
}

impl Measured {
    fn without_law(value: f64) -> Self {
        Self { value, p: None, is_conservative: false }
    }

    /// `scaled` follows chi-squared; a single bin that is not empty cannot differ.
    fn by_chi_squared(value: f64, scaled: f64, samples: &Samples<'_>) -> Self {
        let freedom = samples.occupied().saturating_sub(1);
        let p = if freedom == 0 { 1.0 } else { stats::chi_squared::ln_survival(scaled, freedom as f64).exp() };
        Self { value, p: Some(p), is_conservative: false }
    }
}

#[cfg(test)]
mod tests;
