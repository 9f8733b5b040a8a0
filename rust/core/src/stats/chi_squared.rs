//! The chi-squared law: what the sum of squares of independent standard normals exceeds by chance.

use super::gamma::{Upper, upper};

/// The natural logarithm of the probability that chi-squared with so many degrees of freedom (> 0) is above `x`.
///
/// The probability itself is within 10⁻⁹ of its size, down to 10⁻³⁰⁰ (in tests against mpmath: within 10⁻¹²); a logarithm,
/// because pages are decided at 10⁻⁷ and less, and because people compare what is smaller than a double can hold.
/// Source: Q(freedom/2, x/2), Abramowitz & Stegun, Handbook of Mathematical Functions, 26.4.19.
pub fn ln_survival(x: f64, freedom: f64) -> f64 {
    upper(freedom / 2.0, x / 2.0).ln_tail
}

/// The logarithm of the survival and the hazard, its slope downward: density over survival.
pub(crate) fn tail(x: f64, freedom: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 0.0);
    }
    let Upper { ln_tail, ln_step } = upper(freedom / 2.0, x / 2.0);
    (ln_tail, (ln_step - ln_tail).exp() * freedom / (2.0 * x))
}

#[cfg(test)]
mod tests {
    use super::ln_survival;
    use crate::stats::oracle;
    use proptest::prelude::*;

    #[test]
    fn survivals_are_those_of_mpmath_down_to_1e_300() {
        let mut smallest = 0.0_f64;
        for row in oracle::rows("chi_squared") {
            let [freedom, x, expected] = [row[0], row[1], row[2]];
            let relative = (ln_survival(x, freedom) - expected).exp_m1().abs();
            assert!(relative <= 1e-11, "freedom {freedom}, x {x}: off by {relative:e}");
            smallest = smallest.min(expected);
        }
        assert!(smallest < -680.0, "the grid reaches 1e-300");
    }

    #[test]
    fn the_ends_are_certain_and_impossible() {
        assert_eq!((ln_survival(0.0, 9.0), ln_survival(f64::INFINITY, 9.0)), (0.0, f64::NEG_INFINITY));
        assert!(ln_survival(1e12, 19.0) < -4e11);
    }

    proptest! {
        #[test]
        fn a_larger_statistic_is_never_likelier(freedom in 1..200_u32, x in 0.0..2_000.0_f64, more in 0.0..50.0_f64) {
            let (near, far) = (ln_survival(x, freedom.into()), ln_survival(x + more, freedom.into()));
            prop_assert!(far <= near + 1e-12 && near <= 0.0, "{near} then {far}");
        }
    }
}
