//! The law of PSI.

use super::scale::{NODES, Node, Scale};
use crate::stats::{chi_squared, noncentral};

/// PSI/V ~ noncentral χ²(B − 1, τ/V), V the scale of chance.
///
/// Without drift, PSI/s is central chi-squared (Yurdakul & Naranjo 2020, Journal of Risk Model Validation 14(4), 89–100). A true
/// PSI of τ adds the noncentrality τ/s, by the same expansion. A reference whose shares wander adds ω to the variance that
/// samples have, as if rows had been drawn from shares that were drawn first. Where V was measured, every probability is the
/// mean over what V may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Law {
    /// B − 1, or less where callers come again. With a single bin it is 0, nothing can differ, and every p is 1.
    pub freedom: f64,
    pub scale: Scale,
}

impl Law {
    /// The mean of PSI when nothing has moved.
    pub fn expected(&self) -> f64 {
        self.freedom * self.scale.estimate()
    }

    /// ln of the probability of a larger PSI where the true one is `tolerated`.
    pub fn ln_p(&self, psi: f64, tolerated: f64) -> f64 {
        if self.freedom == 0.0 {
            return 0.0;
        }
        if self.scale.is_sure() {
            let scale = self.scale.estimate();
            return noncentral::ln_survival(psi / scale, self.freedom, tolerated / scale);
        }
        self.mixed(&self.scale.nodes(), psi, tolerated).0.min(0.0)
    }

    /// What PSI exceeds with probability e^`ln_alpha` where the true one is `tolerated`.
    pub fn threshold(&self, ln_alpha: f64, tolerated: f64) -> f64 {
        if self.freedom == 0.0 {
            return 0.0;
        }
        let scale = self.scale.estimate();
        if self.scale.is_sure() || ln_alpha >= 0.0 || ln_alpha == f64::NEG_INFINITY {
            return scale * noncentral::inverse_survival(ln_alpha, self.freedom, tolerated / scale);
        }
        let (nodes, sure) = (self.scale.nodes(), noncentral::near_inverse(ln_alpha, self.freedom, tolerated / scale));
        noncentral::solve(ln_alpha, scale * sure, |psi| self.mixed(&nodes, psi, tolerated))
    }

    /// The logarithm of the mean survival over the scales there may be, and the hazard.
    fn mixed(&self, nodes: &[Node], psi: f64, tolerated: f64) -> (f64, f64) {
        let tail_of = |node: &Node| {
            let (ln_survival, hazard) = if tolerated > 0.0 {
                noncentral::near_tail(psi / node.scale, self.freedom, tolerated / node.scale)
            } else {
                chi_squared::tail(psi / node.scale, self.freedom)
            };
            (node.ln_weight + ln_survival, hazard / node.scale)
        };
        let mut tails = [(f64::NEG_INFINITY, 0.0); NODES];
        tails.iter_mut().zip(nodes).for_each(|(tail, node)| *tail = tail_of(node));
        let largest = tails.iter().map(|(ln_weighed, _)| *ln_weighed).fold(f64::NEG_INFINITY, f64::max);
        if largest == f64::NEG_INFINITY {
            return (largest, 0.5 / self.scale.estimate());
        }
        let (mut sum, mut density) = (0.0, 0.0);
        for (ln_weighed, hazard) in tails {
            let part = (ln_weighed - largest).exp();
            sum += part;
            // A survival of nothing has no hazard worth a number.
            density += if part > 0.0 { part * hazard } else { 0.0 };
        }
        (largest + sum.ln(), density / sum)
    }
}
