//! The law of PSI.

use crate::stats::{chi_squared, noncentral};

/// PSI/(s + ω) ~ noncentral χ²(B − 1, τ/(s + ω)).
///
/// Without drift, PSI/s is central chi-squared (Yurdakul & Naranjo 2020, Journal of Risk Model Validation 14(4), 89–100). A true
/// PSI of τ adds the noncentrality τ/s, by the same expansion. A reference whose shares wander adds ω to the variance that
/// samples have, as if rows had been drawn from shares that were drawn first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Law {
    /// B − 1. With a single bin it is 0, nothing can differ, and every p is 1.
    pub freedom: f64,
    /// s + ω; above 0.
    pub scale: f64,
}

impl Law {
    /// The mean of PSI when nothing has moved.
    pub fn expected(&self) -> f64 {
        self.freedom * self.scale
    }

    /// ln of the probability of a larger PSI where the true one is `tolerated`.
    pub fn ln_p(&self, psi: f64, tolerated: f64) -> f64 {
        if self.freedom == 0.0 {
            return 0.0;
        }
        let statistic = psi / self.scale;
        if tolerated > 0.0 {
            noncentral::ln_survival(statistic, self.freedom, tolerated / self.scale)
        } else {
            chi_squared::ln_survival(statistic, self.freedom)
        }
    }

    /// What PSI exceeds with probability e^`ln_alpha` where the true one is `tolerated`.
    pub fn threshold(&self, ln_alpha: f64, tolerated: f64) -> f64 {
        if self.freedom == 0.0 {
            return 0.0;
        }
        self.scale * noncentral::inverse_survival(ln_alpha, self.freedom, tolerated / self.scale)
    }
}
