//! The noncentral chi-squared law: what a statistic exceeds by chance when there is an effect of a known size.

use super::{chi_squared, gamma, memory, saddlepoint};

/// Up to here the law is summed; beyond, the saddlepoint alone is far inside what is asked and costs no more for more.
const SUMMED_TO: f64 = 1e5;
/// From here on the saddlepoint is good enough for means; below, sums are short.
const CLOSED_FROM: f64 = 50.0;
/// Below e^−600 terms and their parts would leave the range of doubles.
const SUMMED_ABOVE_LN: f64 = -600.0;
/// Where the saddlepoint's exponent is less, its logarithm is above −600: what is between them is below 10 for sums.
const NEAR_EXPONENT: f64 = 580.0;
/// So many standard deviations of a Poisson law leave e^−40 on one side.
const REACH: f64 = 9.0;
/// What the terms that are left out may weigh.
const NEGLIGIBLE: f64 = 1e-16;
/// Newton's error is squared at each step: one that corrects this little ends far below 10⁻⁹.
const SMALL_STEP: f64 = 1e-6;
const MOST_STEPS: u32 = 100;

/// The natural logarithm of the probability that noncentral chi-squared (`freedom` > 0, `noncentrality` λ ≥ 0) is above `x`.
///
/// Up to λ = 10⁵ the probability is within 10⁻⁶ of its size down to 10⁻³⁰ (in tests against mpmath: 10⁻¹⁰); beyond, and below
/// e^−600, the logarithm is within 1 % (in tests: 10⁻³).
pub fn ln_survival(x: f64, freedom: f64, noncentrality: f64) -> f64 {
    tail(x, freedom, noncentrality).0
}

/// What noncentral chi-squared exceeds with probability e^`ln_alpha`: the inverse of [`ln_survival`], within 10⁻⁹ of its size.
///
/// Newton's method on √(−2·ln survival) over √x, which is nearly a straight line; it begins at the mean, on the cheap
/// saddlepoint, and ends on the law itself. `ln_alpha` of 0 gives 0, of −∞ infinity.
pub fn inverse_survival(ln_alpha: f64, freedom: f64, noncentrality: f64) -> f64 {
    if ln_alpha >= 0.0 {
        return 0.0;
    }
    if ln_alpha == f64::NEG_INFINITY {
        return f64::INFINITY;
    }
    memory::recall([ln_alpha, freedom, noncentrality], || {
        let near = near_inverse(ln_alpha, freedom, noncentrality);
        solve(ln_alpha, near, |x| tail(x, freedom, noncentrality))
    })
}

/// The same by the saddlepoint alone: a place to begin.
pub(crate) fn near_inverse(ln_alpha: f64, freedom: f64, noncentrality: f64) -> f64 {
    solve(ln_alpha, freedom + noncentrality, |x| saddlepoint::tail(x, freedom, noncentrality))
}

/// Where a survival is e^`ln_alpha`, by Newton's method from `start` > 0; `tail` gives its logarithm and the hazard.
pub(crate) fn solve(ln_alpha: f64, start: f64, tail: impl Fn(f64) -> (f64, f64)) -> f64 {
    let wanted = (-2.0 * ln_alpha).sqrt();
    let mut root = start.sqrt();
    for _ in 0..MOST_STEPS {
        let (ln_survival, hazard) = tail(root * root);
        let reached = (-2.0 * ln_survival).sqrt();
        let step = (wanted - reached) * reached / (2.0 * root * hazard);
        // Far left of the mean the survival is one to the last bit: half way to zero is then as good as any step.
        let next = if step.is_finite() { (root + step).clamp(root / 2.0, root * 8.0) } else { root * 2.0 };
        let moved = (next - root).abs();
        root = next;
        if moved <= SMALL_STEP * root {
            break;
        }
    }
    root * root
}

/// The logarithm of the survival, within 10⁻³ of the probability's size, and the hazard: for means over many.
pub(crate) fn near_tail(x: f64, freedom: f64, noncentrality: f64) -> (f64, f64) {
    if x > 0.0 && noncentrality > CLOSED_FROM {
        saddlepoint::tail(x, freedom, noncentrality)
    } else {
        tail(x, freedom, noncentrality)
    }
}

/// The logarithm of the survival, and the hazard.
fn tail(x: f64, freedom: f64, noncentrality: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 0.0);
    }
    if noncentrality <= 0.0 {
        return chi_squared::tail(x, freedom);
    }
    if x == f64::INFINITY {
        return (f64::NEG_INFINITY, 0.5);
    }
    // Far from there the exponent alone says that the sum is right; the saddlepoint costs as much as a short sum.
    let is_near = saddlepoint::exponent(x, freedom, noncentrality) < NEAR_EXPONENT;
    if noncentrality <= SUMMED_TO && is_near {
        return sum(x, freedom, noncentrality);
    }
    let closed = saddlepoint::tail(x, freedom, noncentrality);
    if noncentrality > SUMMED_TO || closed.0 < SUMMED_ABOVE_LN { closed } else { sum(x, freedom, noncentrality) }
}

/// Σⱼ Poisson(j; λ/2)·Q(k/2 + j, x/2), every term positive (Abramowitz & Stegun, Handbook of Mathematical Functions, 26.4.25).
///
/// Q grows with j by a positive step, so the sum runs upward. It begins [`REACH`] deviations below the larger of λ/2 and the
/// mode of the terms given x itself, √(ν² + λx)/2 − ν/2 with ν = k/2 − 1: given a value above x, j is stochastically
/// larger than under either. It ends where a geometric series bounds the rest, the terms being log-concave in j.
fn sum(x: f64, freedom: f64, noncentrality: f64) -> (f64, f64) {
    let (half, y) = (noncentrality / 2.0, x / 2.0);
    let order = freedom / 2.0 - 1.0;
    let mode = (f64::hypot(order, (noncentrality * x).sqrt()) - order) / 2.0;
    let centre = f64::max(mode, half);
    let mut j = (centre - REACH * centre.sqrt()).max(0.0).floor();
    let mut a = freedom / 2.0 + j;
    let gamma::Upper { ln_tail, ln_step } = gamma::upper(a, y);
    let ln_first = gamma::ln_poisson(j, half) + ln_tail;
    // All three in units of the first term.
    let (mut weight, mut tail, mut step) = (1.0, 1.0, (ln_step - ln_tail).exp());
    let (mut total, mut density) = (0.0, 0.0);
    loop {
        let term = weight * tail;
        total += term;
        density += weight * step * a;
        tail += step;
        a += 1.0;
        j += 1.0;
        step *= y / a;
        weight *= half / j;
        let next = weight * tail;
        if next * term <= (term - next) * NEGLIGIBLE * total {
            return ((ln_first + total.ln()).min(0.0), density / (total * x));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{inverse_survival, ln_survival};
    use crate::stats::{chi_squared, oracle};
    use proptest::prelude::*;

    #[test]
    fn survivals_are_those_of_mpmath() {
        let mut farthest = 0.0_f64;
        for row in oracle::rows("noncentral") {
            let [freedom, noncentrality, x, expected] = [row[0], row[1], row[2], row[3]];
            let found = ln_survival(x, freedom, noncentrality);
            if noncentrality <= 1e5 {
                let relative = (found - expected).exp_m1().abs();
                assert!(relative <= 1e-10, "freedom {freedom}, lambda {noncentrality}, x {x}: off by {relative:e}");
            } else {
                let relative = ((found - expected) / expected).abs();
                assert!(relative <= 1e-3, "freedom {freedom}, lambda {noncentrality}, x {x}: off by {relative:e}");
                farthest = farthest.max(noncentrality);
            }
        }
        assert!(farthest >= 1e6);
    }

    #[test]
    fn without_an_effect_it_is_the_central_law() {
        for x in [0.5, 9.0, 80.0, 900.0] {
            assert_eq!(ln_survival(x, 9.0, 0.0).to_bits(), chi_squared::ln_survival(x, 9.0).to_bits());
        }
    }

    #[test]
    fn where_the_sum_ends_the_closed_formula_goes_on() {
        let (inside, outside) = (ln_survival(101_500.0, 19.0, 1e5), ln_survival(101_500.0, 19.0, 1e5 + 1e-6));
        assert!((inside - outside).abs() < 1e-4, "{inside} then {outside}");
        let (nearer, farther) = (ln_survival(2_250.0, 19.0, 100.0), ln_survival(2_260.0, 19.0, 100.0));
        assert!(nearer > farther && (nearer - farther) < 8.0, "{nearer} then {farther}");
    }

    #[test]
    fn the_ends_are_certain_and_impossible() {
        assert_eq!(
            (inverse_survival(0.0, 9.0, 5.0), inverse_survival(f64::NEG_INFINITY, 9.0, 5.0)),
            (0.0, f64::INFINITY)
        );
        assert_eq!((ln_survival(0.0, 9.0, 5.0), ln_survival(f64::INFINITY, 9.0, 5.0)), (0.0, f64::NEG_INFINITY));
    }

    proptest! {
        #[test]
        fn a_threshold_is_exceeded_with_its_own_probability(
            freedom in 1..80_u32, ln_noncentrality in -7.0..18.0_f64, ln_alpha in -28.0..-1e-3_f64, is_central: bool,
        ) {
            let noncentrality = if is_central { 0.0 } else { ln_noncentrality.exp() };
            let threshold = inverse_survival(ln_alpha, freedom.into(), noncentrality);
            let reached = ln_survival(threshold, freedom.into(), noncentrality);
            prop_assert!((reached - ln_alpha).abs() <= 1e-8 * ln_alpha.abs().max(1.0), "{threshold}: {reached} for {ln_alpha}");
        }

        #[test]
        fn a_larger_effect_makes_a_statistic_likelier(
            freedom in 1..80_u32, noncentrality in 0.0..5_000.0_f64, more in 0.01..100.0_f64, x in 0.1..8_000.0_f64,
        ) {
            let (small, large) =
                (ln_survival(x, freedom.into(), noncentrality), ln_survival(x, freedom.into(), noncentrality + more));
            prop_assert!(small <= large + 1e-9 && large <= 0.0 && !small.is_nan(), "{small} then {large}");
        }
    }
}
