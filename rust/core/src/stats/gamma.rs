//! The gamma function, what lies between it and Stirling's formula, and its incomplete form, all in logarithms.

use std::sync::LazyLock;

/// ½·ln 2π.
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;
/// From here on five terms of Stirling's series are exact to the last bit but one.
const STIRLING_FROM: f64 = 16.0;
/// Where a series or a fraction has stopped to change.
const SETTLED: f64 = 1e-16;
/// So far above a + 1 the series is still exact enough.
const SERIES_DEVIATIONS: f64 = 2.5;
/// Both converge in a few times √a steps near x = a and faster elsewhere: enough for a of 10¹⁰.
const MOST_STEPS: u32 = 1_000_000;

/// ln Γ(x) for x > 0, within a few units of the last place of the larger of 1 and the result.
///
/// Stirling's series (Abramowitz & Stegun, Handbook of Mathematical Functions, 6.1.41) from 16 on; below, Γ(x) = Γ(x + k) /
/// (x·(x + 1)⋯(x + k − 1)).
pub fn ln_gamma(x: f64) -> f64 {
    let (mut shifted, mut product) = (x, 1.0);
    while shifted < STIRLING_FROM {
        product *= shifted;
        shifted += 1.0;
    }
    (shifted - 0.5) * shifted.ln() - shifted + HALF_LN_TAU + stirling_series(shifted) - f64::ln(product)
}

/// ln Γ(x + 1) less Stirling's formula (x + ½)·ln x − x + ½·ln 2π, for x > 0: small, so that nothing large cancels later.
pub(super) fn stirling_error(x: f64) -> f64 {
    if x >= STIRLING_FROM {
        return stirling_series(x);
    }
    let halves = 2.0 * x;
    if halves.fract() == 0.0 {
        // Degrees of freedom and counts are whole, so these few are asked for again and again.
        return STIRLING_ERRORS[halves as usize];
    }
    stirling_error_by_gamma(x)
}

/// What Stirling's formula lacks at every half below [`STIRLING_FROM`]; the first is never asked for.
static STIRLING_ERRORS: LazyLock<[f64; 2 * STIRLING_FROM as usize]> =
    LazyLock::new(|| std::array::from_fn(|halves| stirling_error_by_gamma(halves as f64 / 2.0)));

fn stirling_error_by_gamma(x: f64) -> f64 {
    ln_gamma(x + 1.0) - (x + 0.5) * x.ln() + x - HALF_LN_TAU
}

fn stirling_series(x: f64) -> f64 {
    let square = 1.0 / (x * x);
    let terms = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1_260.0, -1.0 / 1_680.0, 1.0 / 1_188.0];
    terms.iter().rev().fold(0.0, |sum, term| sum * square + term) / x
}

/// x·ln(x/μ) + μ − x without the cancellation near x = μ, for x ≥ 0 and μ > 0.
///
/// Loader (2000), Fast and accurate computation of binomial probabilities.
#[expect(clippy::float_cmp, reason = "the sum is complete when a further term changes nothing")]
pub(super) fn deviance(x: f64, mean: f64) -> f64 {
    if x == 0.0 {
        return mean;
    }
    let difference = x - mean;
    if difference.abs() >= 0.1 * (x + mean) {
        return x * (x / mean).ln() - difference;
    }
    let part = difference / (x + mean);
    let square = part * part;
    let (mut sum, mut power, mut odd) = (difference * part, 2.0 * x * part * square, 3.0);
    loop {
        let more = sum + power / odd;
        if more == sum {
            return sum;
        }
        sum = more;
        power *= square;
        odd += 2.0;
    }
}

/// ln of μˣ·e^−μ / Γ(x + 1): a Poisson probability, for any real x ≥ 0 (Loader 2000).
pub(super) fn ln_poisson(x: f64, mean: f64) -> f64 {
    if x == 0.0 {
        return -mean;
    }
    -stirling_error(x) - deviance(x, mean) - HALF_LN_TAU - 0.5 * x.ln()
}

/// The upper incomplete gamma function and the step to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upper {
    /// ln Q(a, x).
    pub(super) ln_tail: f64,
    /// ln of Q(a + 1, x) − Q(a, x) = xᵃ·e^−x / Γ(a + 1).
    pub(super) ln_step: f64,
}

/// ln Q(a, x) = ln(Γ(a, x)/Γ(a)) for a > 0 and x ≥ 0; Q within 10⁻¹² of its size as far as doubles go, also in logarithms beyond.
///
/// Up to two and a half standard deviations above a + 1 it is one less the series of P (A & S 6.5.29), where P is not near one:
/// of a Q of some 10⁻³ that costs three of sixteen digits, and the series is several times as fast there. Above, it is Legendre's
/// continued fraction (A & S 6.5.31) by its convergents.
pub(super) fn upper(a: f64, x: f64) -> Upper {
    if x <= 0.0 {
        return Upper { ln_tail: 0.0, ln_step: f64::NEG_INFINITY };
    }
    if x == f64::INFINITY {
        return Upper { ln_tail: f64::NEG_INFINITY, ln_step: f64::NEG_INFINITY };
    }
    let ln_step = ln_poisson(a, x);
    let ln_tail = if x < a + 1.0 + SERIES_DEVIATIONS * a.sqrt() {
        (-(ln_step.exp() * lower_series(a, x))).ln_1p()
    } else {
        ln_step + (a * fraction(a, x)).ln()
    };
    Upper { ln_tail, ln_step }
}

/// 1 + x/(a + 1) + x²/((a + 1)(a + 2)) + …
fn lower_series(a: f64, x: f64) -> f64 {
    let (mut sum, mut term, mut below) = (1.0, 1.0, a);
    for _ in 0..MOST_STEPS {
        below += 1.0;
        term *= x / below;
        sum += term;
        if term < SETTLED * sum {
            break;
        }
    }
    sum
}

/// 1/(x + 1 − a − 1·(1 − a)/(x + 3 − a − 2·(2 − a)/(x + 5 − a − …))).
///
/// Its convergents are quotients of two sums that follow one recurrence (Wallis; A & S 3.10.1), so that nothing is divided
/// before they have settled. All denominators are positive for x > a.
fn fraction(a: f64, x: f64) -> f64 {
    /// Sums grow by x and more a step; here they are brought back, long before they leave the range of doubles.
    const LARGE: f64 = 1e100;
    if x > LARGE {
        return x.recip();
    }
    let mut below = x + 1.0 - a;
    let (mut above_before, mut above_sum) = (0.0, 1.0);
    let (mut below_before, mut below_sum) = (1.0, below);
    for step in 1..MOST_STEPS {
        let step = f64::from(step);
        let factor = -step * (step - a);
        below += 2.0;
        let next = (below * above_sum + factor * above_before, below * below_sum + factor * below_before);
        (above_before, below_before) = (above_sum, below_sum);
        (above_sum, below_sum) = next;
        // The last two convergents, each times both denominators.
        let (own, before) = (above_sum * below_before, above_before * below_sum);
        if (own - before).abs() < 4.0 * SETTLED * own.abs() {
            break;
        }
        if below_sum > LARGE {
            for sum in [&mut above_before, &mut above_sum, &mut below_before, &mut below_sum] {
                *sum /= LARGE;
            }
        }
    }
    above_sum / below_sum
}

#[cfg(test)]
mod tests {
    use super::{deviance, ln_gamma, stirling_error};
    use crate::stats::oracle;

    #[test]
    fn logarithms_of_gamma_are_those_of_mpmath() {
        for row in oracle::rows("ln_gamma") {
            let (x, expected) = (row[0], row[1]);
            let error = (ln_gamma(x) - expected).abs();
            assert!(error <= 4e-15 * expected.abs().max(1.0), "{x}: off by {error:e}");
        }
    }

    #[test]
    fn what_stirling_lacks_is_the_same_on_both_sides_of_where_its_series_begins() {
        for x in [0.5_f64, 3.0, 9.5, 15.999, 16.0, 40.0] {
            let direct = ln_gamma(x + 1.0) - ((x + 0.5) * x.ln() - x + super::HALF_LN_TAU);
            assert!((stirling_error(x) - direct).abs() < 2e-14, "{x}");
        }
    }

    #[test]
    fn a_deviance_is_nothing_at_its_mean_and_never_negative() {
        assert_eq!((deviance(7.0, 7.0), deviance(0.0, 3.0)), (0.0, 3.0));
        for x in [0.1, 1.0, 90.0, 99.999_999, 100.000_1, 109.0, 1e9] {
            assert!(deviance(x, 100.0) > 0.0, "{x}");
        }
        // With a half digit of difference the plain formula keeps only a few digits: 2⁻¹ · (10⁻⁶)²·100 is what remains.
        assert!((deviance(100.000_1, 100.0) / 5e-11 - 1.0).abs() < 1e-6);
    }
}
