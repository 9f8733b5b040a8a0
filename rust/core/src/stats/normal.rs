//! The tail of the standard normal law.

use super::gamma::upper;

/// ln of the probability that a standard normal is above `z`.
///
/// Φ̄(z) = Q(½, z²/2)/2 for z ≥ 0 (Abramowitz & Stegun, Handbook of Mathematical Functions, 26.4.20 with one degree of freedom).
pub(super) fn ln_survival(z: f64) -> f64 {
    let ln_side = upper(0.5, z * z / 2.0).ln_tail - std::f64::consts::LN_2;
    if z >= 0.0 { ln_side } else { (-ln_side.exp()).ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::ln_survival;

    #[test]
    fn tails_are_those_of_scipy() {
        // scipy 1.17.1: norm.logsf(z)
        for (z, expected) in [
            (-3.0, -0.001_350_809_964_748_202_4),
            (0.0, -std::f64::consts::LN_2),
            (1.0, -1.841_021_645_009_263_6),
            (5.0, -15.064_998_393_988_727),
            (40.0, -804.608_442_013_753_8),
        ] {
            assert!((ln_survival(z) - expected).abs() <= 1e-12 * f64::max(1.0, -expected), "{z}: {}", ln_survival(z));
        }
    }
}
