//! The log-likelihood ratio of two samples: 2·Σ count·ln(count/expected).

use super::{Distance, Measured, Samples, Undefined};

/// Expected is what each sample would have of a bin if both had the same shares; an empty bin adds nothing. scipy's
/// `chi2_contingency(lambda_="log-likelihood")` without Yates's correction.
#[derive(Clone, Copy, Debug)]
pub struct G;

pub fn between(samples: &Samples<'_>) -> f64 {
    let (n, m) = (samples.n() as f64, samples.m() as f64);
    let side = |count: f64, expected: f64| if count > 0.0 { count * (count / expected).ln() } else { 0.0 };
    let terms = samples.counts().map(|(ours, theirs)| {
        let both = ours + theirs;
        side(ours, both * (n / (n + m))) + side(theirs, both * (m / (n + m)))
    });
    (2.0 * terms.sum::<f64>()).max(0.0)
}

impl Distance for G {
    fn name(&self) -> &'static str {
        "g"
    }

    fn between(&self, samples: &Samples<'_>) -> Result<Measured, Undefined> {
        let value = between(samples);
        Ok(Measured::by_chi_squared(value, value, samples))
    }
}
