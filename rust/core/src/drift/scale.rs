//! The scale of chance, V: known from the sizes of samples, or measured and therefore uncertain.

/// Nodes of the mean over what was measured, one standard deviation of its logarithm apart. The trapezoidal rule on a smooth peak
/// is then exact to 10⁻³ and better; small values, which make chance large, decide far tails and reach farther.
pub(super) const NODES: usize = 12;
const FIRST_NODE: f64 = -8.0;

/// V = sure + max(0, measured/w − noise), where w ~ χ²(freedom)/freedom says how far what was measured may be off.
///
/// A mean of squares with so many degrees of freedom is known up to that factor; that V is not below what is sure is known too
/// (a fiducial law; for sure = noise = 0 the mean over it turns chi-squared into F).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    pub sure: f64,
    pub measured: f64,
    pub noise: f64,
    pub freedom: f64,
}

/// One scale that there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) scale: f64,
    pub(super) ln_weight: f64,
}

impl Scale {
    /// Of independent rows and shares that do not wander: s = 1/n + 1/m.
    pub fn sure(s: f64) -> Self {
        Self { sure: s, measured: 0.0, noise: 0.0, freedom: f64::INFINITY }
    }

    pub fn is_sure(&self) -> bool {
        self.freedom == f64::INFINITY || self.measured <= 0.0
    }

    pub fn estimate(&self) -> f64 {
        self.at(1.0)
    }

    fn at(&self, factor: f64) -> f64 {
        self.sure + (self.measured / factor - self.noise).max(0.0)
    }

    pub(super) fn nodes(&self) -> [Node; NODES] {
        let half = self.freedom / 2.0;
        let deviation = half.sqrt().recip();
        let mut nodes = [0; NODES].map(|_| Node { scale: 0.0, ln_weight: 0.0 });
        let mut sum = 0.0;
        for (at, node) in nodes.iter_mut().enumerate() {
            let ln_factor = (FIRST_NODE + at as f64) * deviation;
            let factor = ln_factor.exp();
            // The density of ln w, in units of its peak at w = 1.
            node.ln_weight = half * (ln_factor - factor + 1.0);
            node.scale = self.at(factor);
            sum += node.ln_weight.exp();
        }
        let ln_sum = f64::ln(sum);
        for node in &mut nodes {
            node.ln_weight -= ln_sum;
        }
        nodes
    }
}
