//! Intervals that hold the truth in 95 % of all repetitions.

use super::moments::Moments;

/// The standard normal's quantile at 0.975: every interval here leaves 2.5 % on either side.
const Z: f64 = 1.959_963_984_540_054;

/// Both ends of an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// The interval of a share from `hits` among `trials`, within [0, 1]; `None` without a trial.
///
/// Wilson's score interval (Wilson 1927, JASA 22(158), 209–212): the shares p that a score test does not reject, whose
/// ends are (p̂ + z²/2n ± z·√(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n). Unlike p̂ ± z·√(p̂(1−p̂)/n) it stays inside [0, 1] and
/// keeps its width when no trial hits, or all do.
pub fn of_share(hits: u64, trials: u64) -> Option<Interval> {
    if trials == 0 {
        return None;
    }
    let n = trials as f64;
    let share = hits.min(trials) as f64 / n;
    let square = Z * Z / n;
    let centre = share + square / 2.0;
    let reach = Z * (share * (1.0 - share) / n + square / (4.0 * n)).sqrt();
    // At the ends the formula is exact on paper only.
    let low = if hits == 0 { 0.0 } else { ((centre - reach) / (1.0 + square)).clamp(0.0, share) };
    let high = if hits >= trials { 1.0 } else { ((centre + reach) / (1.0 + square)).clamp(share, 1.0) };
    Some(Interval { low, high })
}

/// The interval of the mean from which values were drawn: x̄ ± t·s/√n with Student's t at n − 1 degrees of freedom
/// (Student 1908, Biometrika 6(1), 1–25).
///
/// It is exact for normal values and good for others once they are many. `None` with fewer than two values, or where it
/// is wider than numbers go.
pub fn of_mean(moments: &Moments) -> Option<Interval> {
    let (mean, variance) = (moments.mean()?, moments.variance()?);
    let reach = student(moments.count() - 1) * (variance / moments.count() as f64).sqrt();
    let interval = Interval { low: mean - reach, high: mean + reach };
    (interval.low.is_finite() && interval.high.is_finite()).then_some(interval)
}

/// Student's t at 0.975, within 3·10⁻⁶ of the true quantile.
///
/// The first ten from tables; then the expansion of Fisher and Cornish in powers of one over the degrees of freedom
/// (Abramowitz & Stegun, Handbook of Mathematical Functions, 26.7.5).
fn student(freedom: u64) -> f64 {
    const FIRST: [f64; 10] = [
        12.706_204_736_174_694,
        4.302_652_729_749_462,
        3.182_446_305_283_708,
        2.776_445_105_197_793,
        2.570_581_835_636_315,
        2.446_911_851_144_979,
        2.364_624_251_592_784,
        2.306_004_135_204_166,
        2.262_157_162_798_205,
        2.228_138_851_986_274,
    ];
    if let Some(known) = freedom.checked_sub(1).and_then(|at| FIRST.get(at as usize)) {
        return *known;
    }
    let z = |power| Z.powi(power);
    let terms = [
        Z,
        (z(3) + Z) / 4.0,
        (5.0 * z(5) + 16.0 * z(3) + 3.0 * Z) / 96.0,
        (3.0 * z(7) + 19.0 * z(5) + 17.0 * z(3) - 15.0 * Z) / 384.0,
        (79.0 * z(9) + 776.0 * z(7) + 1_482.0 * z(5) - 1_920.0 * z(3) - 945.0 * Z) / 92_160.0,
    ];
    terms.iter().rev().fold(0.0, |sum, term| sum / freedom as f64 + term)
}

#[cfg(test)]
mod tests {
    use super::{Interval, of_mean, of_share, student};
    use crate::stats::Moments;
    use proptest::prelude::*;

    fn near(left: f64, right: f64, within: f64) -> bool {
        (left - right).abs() <= within
    }

    fn mean_of(values: impl IntoIterator<Item = f64>) -> Option<Interval> {
        let mut moments = Moments::default();
        values.into_iter().for_each(|value| moments.push(value));
        of_mean(&moments)
    }

    #[test]
    fn shares_are_those_of_scipy() {
        // scipy 1.17.1: binomtest(hits, trials).proportion_ci(0.95, method="wilson")
        for (hits, trials, low, high) in [
            (0, 1, 0.0, 0.793_450_685_622_762_8),
            (1, 1, 0.206_549_314_377_237_45, 1.0),
            (0, 10, 0.0, 0.277_532_799_862_889_26),
            (3, 10, 0.107_791_267_406_301_04, 0.603_221_852_538_854_6),
            (5, 1_000, 0.002_137_535_527_324_460_4, 0.011_650_955_373_375_113),
            (500, 1_000, 0.469_069_600_368_104_2, 0.530_930_399_631_895_8),
            (999, 1_000, 0.994_357_441_402_042_1, 0.999_823_453_629_373_9),
            (1_000, 1_000, 0.996_173_241_514_444_9, 1.0),
            (12, 34_567, 0.000_198_603_608_759_773_25, 0.000_606_741_521_582_445_3),
        ] {
            let interval = of_share(hits, trials).expect("there are trials");
            assert!(
                near(interval.low, low, 1e-14) && near(interval.high, high, 1e-14),
                "{hits}/{trials}: {interval:?}"
            );
        }
        assert_eq!(of_share(0, 0), None);
    }

    #[test]
    fn quantiles_of_student_are_those_of_scipy() {
        // scipy 1.17.1: t.ppf(0.975, freedom)
        for (freedom, quantile) in [
            (1, 12.706_204_736_174_694),
            (4, 2.776_445_105_197_793_4),
            (10, 2.228_138_851_986_274),
            (11, 2.200_985_160_091_639),
            (15, 2.131_449_545_559_776),
            (30, 2.042_272_456_301_237_8),
            (120, 1.979_930_405_082_440_2),
            (1_000, 1.962_339_080_826_408_3),
            (1_000_000, 1.959_966_356_814_107),
        ] {
            assert!(near(student(freedom), quantile, 3e-6 * quantile), "{freedom}: {}", student(freedom));
        }
        assert!(near(student(u64::MAX), 1.959_963_984_540_054, 1e-12));
    }

    #[test]
    fn means_are_those_of_scipy() {
        // scipy 1.17.1: t.interval(0.95, n - 1, loc=mean, scale=sem(values))
        let interval = mean_of([0.1, 0.2, 0.4, 0.8]).expect("four values");
        assert!(near(interval.low, -0.117_594_304_823_029_35, 1e-12));
        assert!(near(interval.high, 0.867_594_304_823_029_3, 1e-12));
        let interval = mean_of([0.9_f64, 1.1, 1.3, 0.8, 1.0].map(f64::ln)).expect("five values");
        assert!(near(interval.low, -0.225_331_231_900_327_94, 1e-12));
        assert!(near(interval.high, 0.236_999_382_820_239_87, 1e-12));
        let interval = mean_of((0..500).map(|at| f64::from(at).sin())).expect("many values");
        assert!(near(interval.low, -0.058_245_207_472_803_14, 1e-12));
        assert!(near(interval.high, 0.066_077_477_012_594_57, 1e-12));
        assert_eq!(mean_of([]), None);
        assert_eq!(mean_of([1.0]), None);
        assert_eq!(mean_of([0.0, f64::MAX]), None);
        assert_eq!(mean_of([2.0, 2.0]), Some(Interval { low: 2.0, high: 2.0 }));
    }

    #[test]
    fn quantiles_of_student_fall_without_a_step() {
        assert!((1..2_000).all(|freedom| student(freedom) > student(freedom + 1)));
    }

    proptest! {
        #[test]
        fn an_interval_of_a_share_holds_the_share_inside_0_and_1(trials in 1..1_000_000_u64, part in 0.0..=1.0_f64) {
            let hits = (part * trials as f64).round() as u64;
            let Interval { low, high } = of_share(hits, trials).expect("there are trials");
            let share = hits as f64 / trials as f64;
            prop_assert!(0.0 <= low && low <= share && share <= high && high <= 1.0 && low < high);
        }

        #[test]
        fn more_trials_of_the_same_share_say_more(trials in 1..10_000_u64, part in 0.0..=1.0_f64, more in 2..50_u64) {
            let hits = (part * trials as f64).round() as u64;
            let few = of_share(hits, trials).expect("there are trials");
            let many = of_share(hits * more, trials * more).expect("there are trials");
            prop_assert!(many.high - many.low < few.high - few.low);
        }

        #[test]
        fn misses_have_the_mirrored_interval_of_hits(trials in 1..1_000_000_u64, part in 0.0..=1.0_f64) {
            let hits = (part * trials as f64).round() as u64;
            let (of_hits, of_misses) = (of_share(hits, trials), of_share(trials - hits, trials));
            let (of_hits, of_misses) = (of_hits.expect("there are trials"), of_misses.expect("there are trials"));
            prop_assert!(near(of_hits.low, 1.0 - of_misses.high, 1e-12) && near(of_hits.high, 1.0 - of_misses.low, 1e-12));
        }

        #[test]
        fn an_interval_of_a_mean_lies_around_it(values in proptest::collection::vec(-1e9..1e9_f64, 2..50)) {
            let mut moments = Moments::default();
            for value in &values {
                moments.push(*value);
            }
            let mean = moments.mean().expect("values");
            let Interval { low, high } = of_mean(&moments).expect("finite values");
            prop_assert!(low <= mean && mean <= high && near(high - mean, mean - low, 1e-6 * (high - low)));
        }
    }
}
