//! The tail of the noncentral chi-squared by its saddlepoint: a closed formula, good where sums would be long.

use super::normal;

/// Nearer to the mean than this many standard deviations the formula is 0/0 and its limit is taken.
const AT_THE_MEAN: f64 = 1e-3;

/// The logarithm of the survival at `x` > 0, and the hazard there.
///
/// Lugannani & Rice (1980), Advances in Applied Probability 12, 475–490, in the form of Barndorff-Nielsen (1986),
/// Biometrika 73, 307–322: Φ̄(r + ln(v/r)/r), where r²/2 is the exponent at the saddlepoint t and v = t·√K″(t). The cumulant
/// function is K(t) = −(k/2)·ln(1 − 2t) + λt/(1 − 2t), for which u = 1/(1 − 2t) solves λu² + ku = x. Its relative error falls
/// with k + λ: some percent at k = 1, λ = 0, below 10⁻⁴ from λ = 10⁴ on.
pub(super) fn tail(x: f64, freedom: f64, noncentrality: f64) -> (f64, f64) {
    let Point { u, t, exponent } = Point::of(x, freedom, noncentrality);
    let curvature = u * u * (2.0 * freedom + 4.0 * noncentrality * u);
    let r = (2.0 * exponent).sqrt().copysign(t);
    let shift = if r.abs() < AT_THE_MEAN {
        (8.0 * freedom + 24.0 * noncentrality) / (6.0 * (2.0 * freedom + 4.0 * noncentrality).powf(1.5))
    } else {
        (t * curvature.sqrt() / r).ln() / r
    };
    let ln_survival = normal::ln_survival(r + shift);
    let ln_density = -exponent - 0.5 * (std::f64::consts::TAU * curvature).ln();
    (ln_survival, (ln_density - ln_survival).exp())
}

/// r²/2: what the logarithm of the survival is, but for terms of the order of its own logarithm.
pub(super) fn exponent(x: f64, freedom: f64, noncentrality: f64) -> f64 {
    Point::of(x, freedom, noncentrality).exponent
}

/// The saddlepoint of `x`.
struct Point {
    u: f64,
    t: f64,
    exponent: f64,
}

impl Point {
    fn of(x: f64, freedom: f64, noncentrality: f64) -> Self {
        let u = 2.0 * x / (freedom + (freedom * freedom + 4.0 * noncentrality * x).sqrt());
        let t = (u - 1.0) / (2.0 * u);
        let exponent = (t * (x - noncentrality * u) - 0.5 * freedom * u.ln()).max(0.0);
        Self { u, t, exponent }
    }
}
