//! Kolmogorov's law: how far two empirical distributions of one truth lie apart.

use std::f64::consts::PI;

/// Below, the first series needs many terms and the second one or two.
const CROSSING: f64 = 1.0;

/// The natural logarithm of the probability that √N·D is above `x` in large samples, where N = nm/(n + m).
///
/// 2·Σ(−1)ᵏ⁻¹·e^(−2k²x²) (Kolmogorov 1933), below 1 one less √2π/x·Σe^(−(2k−1)²π²/8x²), the same by Jacobi's identity. Both are
/// summed to the last bit; that the law is one of large samples is not counted. From bins D is never larger than from the
/// values themselves, so the probability is too large if anything: conservative.
pub fn ln_survival(x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let square = x * x;
    if x < CROSSING {
        let terms = [1.0, 3.0, 5.0, 7.0].map(|odd: f64| (-odd * odd * PI * PI / (8.0 * square)).exp());
        return (-(2.0 * PI).sqrt() / x * terms.iter().sum::<f64>()).ln_1p();
    }
    // In units of the first term, which alone is left far out.
    let terms = [2.0, 3.0, 4.0, 5.0].map(|k: f64| (-2.0 * (k * k - 1.0) * square).exp());
    std::f64::consts::LN_2 - 2.0 * square + (terms[1] - terms[0] - terms[2] + terms[3]).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::ln_survival;
    use crate::stats::oracle;

    #[test]
    fn survivals_are_those_of_mpmath() {
        for row in oracle::rows("kolmogorov") {
            let relative = (ln_survival(row[0]) - row[1]).exp_m1().abs();
            assert!(relative <= 1e-12, "{}: off by {relative:e}", row[0]);
        }
    }

    #[test]
    fn the_two_series_meet() {
        let (left, right) = (ln_survival(1.0 - 1e-12), ln_survival(1.0));
        assert!(left > right && left - right < 1e-11, "{left} then {right}");
    }

    #[test]
    fn critical_values_are_those_of_the_tables() {
        for (x, alpha) in [(1.358_098_6, 0.05_f64), (1.627_623_6, 0.01), (1.949_474_6, 0.001)] {
            assert!((ln_survival(x) - alpha.ln()).abs() < 1e-6, "{x}");
        }
        assert_eq!((ln_survival(0.0), ln_survival(f64::INFINITY)), (0.0, f64::NEG_INFINITY));
    }
}
