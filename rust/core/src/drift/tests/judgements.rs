//! One feature in one window.

use super::super::law::Law;
use super::super::pool::{Pool, Sample};
use super::super::scale::Scale;
use super::*;
use crate::distance::Undefined;
use crate::distance::psi;
use crate::distance::{HALF, Samples, Support};
use proptest::collection::vec;
use proptest::prelude::*;

#[test]
fn thresholds_are_those_of_the_table_at_any_sample_size() {
    // Ten bins; for each tolerated PSI the thresholds at alpha 1e-3 and 1e-6, by reference and window rows.
    let sizes = [(1e3, 100.0), (1e4, 100.0), (1e4, 1e3), (1e5, 1e3), (1e5, 1e4), (1e6, 1e6)];
    for (tolerated, row) in [
        (
            0.0,
            [
                (0.306_649, 0.492_920),
                (0.281_559, 0.452_590),
                (0.030_665, 0.049_292),
                (0.028_156, 0.045_259),
                (0.003_066, 0.004_929),
                (0.000_056, 0.000_090),
            ],
        ),
        (
            0.02,
            [
                (0.361_826, 0.574_498),
                (0.336_312, 0.533_209),
                (0.070_885, 0.101_908),
                (0.067_801, 0.096_884),
                (0.031_192, 0.037_606),
                (0.021_271, 0.021_963),
            ],
        ),
        (
            0.05,
            [
                (0.431_259, 0.668_682),
                (0.404_748, 0.625_552),
                (0.116_904, 0.156_706),
                (0.113_206, 0.150_717),
                (0.066_486, 0.075_753),
                (0.051_990, 0.053_068),
            ],
        ),
        (
            0.10,
            [
                (0.531_926, 0.798_946),
                (0.503_818, 0.753_115),
                (0.185_422, 0.235_262),
                (0.180_983, 0.228_123),
                (0.122_472, 0.134_962),
                (0.102_799, 0.104_313),
            ],
        ),
    ] {
        for ((n, m), (usual, rare)) in sizes.iter().zip(row) {
            let law = Law { freedom: 9.0, scale: Scale::sure(1.0 / n + 1.0 / m) };
            assert_near(law.threshold(1e-3_f64.ln(), tolerated), usual, 1.1e-6);
            assert_near(law.threshold(1e-6_f64.ln(), tolerated), rare, 1.1e-6);
        }
    }
}

#[test]
fn a_judgement_carries_the_whole_sum() {
    let (reference, current) = ([1_000, 1_500, 1_200, 1_300], [800, 1_400, 1_600, 1_200]);
    let found = judged(&question(&reference, &current));
    assert_near(found.psi, 0.034_892_618_104_280_95, 1e-12);
    assert_near(found.expected, 3.0 * 2.0 / 5_000.0, 1e-15);
    assert_near(found.threshold, 0.006_506_494_478_495_252, 1e-11);
    assert_eq!((found.n, found.m, found.bins, found.exceeds), (5_000, 5_000, 4, true));
    assert_eq!(found.moved.iter().map(|moved| moved.bin.unwrap()).collect::<Vec<_>>(), [2, 0, 3, 1]);
    assert_near(found.moved.iter().map(|moved| moved.term).sum(), found.psi, 1e-15);
    assert_eq!((found.moved[0].reference_share, found.moved[0].current_share), (0.24, 0.32));
    assert_near(found.sigma_shift, (found.psi - found.expected).sqrt(), 1e-15);
    assert_eq!((found.new, found.missing), (None, None));
    assert!(found.p_no_drift < 1e-17);
    assert_near(found.p_tolerated, found.p_no_drift, 0.0);
}

#[test]
fn what_is_tolerated_is_no_alarm() {
    let (reference, current) = ([20_000; 5], [2_200, 1_800, 2_100, 1_900, 2_000]);
    let strict = question(&reference, &current);
    let lenient = Question { tolerated: 0.02, ..strict };
    assert!(judged(&strict).exceeds && !judged(&lenient).exceeds);
    let found = judged(&lenient);
    assert!(found.p_no_drift < 1e-3 && found.p_tolerated > 0.5 && found.is_quiet());
}

#[test]
fn a_constant_feature_cannot_drift_but_for_what_is_new() {
    let found = judged(&question(&[0, 500, 0], &[0, 80, 0]));
    assert_eq!((found.psi, found.p_no_drift, found.threshold, found.bins, found.exceeds), (0.0, 1.0, 0.0, 1, false));
    let found = judged(&question(&[0, 500, 0], &[0, 40, 40]));
    assert!(found.exceeds && found.bins == 2 && found.moved[0].bin.is_none());
}

#[test]
fn too_few_rows_are_a_verdict_and_other_bins_a_refusal() {
    let reference = [500; 20];
    assert_eq!(judge(&question(&reference, &[4; 20])), Ok(Verdict::Insufficient { n: 10_000, m: 80 }));
    assert!(matches!(judge(&question(&reference, &[5; 20])), Ok(Verdict::Judged(_))));
    assert_eq!(judge(&question(&reference, &[0; 20])), Ok(Verdict::Insufficient { n: 10_000, m: 0 }));
    assert_eq!(judge(&question(&[], &[])), Ok(Verdict::Insufficient { n: 0, m: 0 }));
    assert_eq!(judge(&question(&reference, &[5; 19])), Err(Undefined::OtherBins { reference: 20, current: 19 }));
    assert!(matches!(judge(&question(&[u64::MAX, 1], &[9, 9])), Err(Undefined::TooMany { .. })));
}

fn independent(bins: &[u64]) -> Sample<'_> {
    Sample { bins, design_effect: 1.0 }
}

#[test]
fn rare_bins_decide_together() {
    // Shares of 50, 30, 19, 0.9 and 0.1 %: the last two are one bin.
    let reference = [50_000, 30_000, 19_000, 900, 100];
    let pool = Pool::by_reference(&independent(&reference), &independent(&[1_000]));
    assert_eq!(pool.counts(&reference), [50_000, 30_000, 19_000, 1_000]);
    assert_eq!((pool.raw_bin(2), pool.raw_bin(3)), (Some(2), None));
    // In 20 rows 19 % are not five, nor are they of so many that four are alike.
    let few = Pool::by_reference(&independent(&reference), &independent(&[20]));
    assert_eq!(few.counts(&reference), [50_000, 30_000, 20_000]);
    let clustered = Sample { bins: &[80], design_effect: 4.0 };
    assert_eq!(Pool::by_reference(&independent(&reference), &clustered), few);
    let (small, large) = ([99, 1], [9_900, 100]);
    let entered = |counts| Pool::of(&independent(counts), &independent(counts)).raw_bin(1).is_some();
    assert!(!entered(&small) && entered(&large), "1 % of a hundred are not five rows");
    let found = judged(&question(&reference, &[5_000, 3_000, 1_900, 10, 90]));
    assert_eq!(found.bins, 4);
    assert!(!found.exceeds, "together the rare ones have kept their share");
}

#[test]
fn a_large_window_that_left_every_bin_of_a_small_reference_has_drifted() {
    let found = judged(&question(&[100, 100, 100, 1], &[0, 0, 0, 10_000_000]));
    assert!(found.exceeds && found.bins == 4 && found.moved[0].bin.is_none());
}

#[test]
fn far_in_the_tail_only_large_samples_page() {
    let (reference, current) = ([400_000; 10], [20, 180, 100, 100, 100, 100, 100, 100, 100, 100]);
    let far = |tolerated, alpha| judged(&Question { tolerated, alpha, ..question(&reference, &current) });
    assert!(far(0.01, 1e-6).may_page && far(0.01, 1e-6).pages());
    assert!(!far(0.0, 1e-6).may_page, "without a tolerance no reference is large enough");
    assert!(far(0.0, 1e-4).may_page);
    let few = judged(&Question { tolerated: 0.01, alpha: 1e-6, ..question(&reference, &[99; 10]) });
    assert!(!few.may_page);
    let small = [1_500; 10];
    assert!(!judged(&Question { tolerated: 0.01, alpha: 1e-6, ..question(&small, &current) }).may_page);
}

#[test]
fn new_categories_and_missing_values_are_tested_beside() {
    let (reference, current) = ([50_000, 29_980], [3_100, 1_890]);
    let mut asked = question(&reference, &current);
    (asked.reference.missing, asked.current.new, asked.current.missing) = (20, 7, 3);
    let found = judged(&asked);
    let new = found.new.expect("seven rows");
    assert_eq!((new.reference, new.current), (0.0, 7.0 / 5_000.0));
    // mpmath: none of 80,000 and 7 of 5,000.
    assert_near(new.p.ln(), -19.836_448_164_449_077, 1e-8);
    let missing = found.missing.expect("23 rows");
    assert!(missing.p > 0.05 && missing.p < 0.5, "3 in 5,000 against 20 in 80,000: {}", missing.p);
    // Seven rows of one caller are hardly more than one.
    asked.design_effect = Some(DesignEffect { reference: 1.0, current: 7.0, freedom: 1.0, certainty: 14.0 });
    assert!(judged(&asked).new.expect("still").p > 1e-3);
}

#[test]
fn wander_and_design_effect_widen_what_chance_may_do() {
    let (reference, current) = ([8_000; 10], [850, 1_150, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 950, 1_050]);
    let plain = judged(&question(&reference, &current));
    let wander = Wander { omega: 2e-3, measured: 3e-3, noise: 1e-3, freedom: 200.0, chunks: 24, is_measured: true };
    let wandering = judged(&Question { wander, ..question(&reference, &current) });
    let effect = DesignEffect { reference: 1.0, current: 4.0, freedom: 5.0, certainty: 14.0 };
    let clustered = judged(&Question { design_effect: Some(effect), ..question(&reference, &current) });
    assert!(plain.exceeds && !wandering.exceeds && !clustered.exceeds);
    assert_eq!((plain.psi, plain.m), (wandering.psi, clustered.m));
    assert_near(wandering.expected, 9.0 * (1.0 / 80_000.0 + 1e-4 + 2e-3), 1e-15);
    assert_near(clustered.s, 1.0 / 80_000.0 + 4e-4, 1e-15);
    assert_near(clustered.expected, 9.0 * clustered.s, 1e-15);
}

#[test]
fn what_is_measured_precisely_is_as_good_as_known() {
    let known = Law { freedom: 9.0, scale: Scale::sure(2.5e-3) };
    let precise = Law { freedom: 9.0, scale: Scale { sure: 1e-3, measured: 2e-3, noise: 5e-4, freedom: 1e9 } };
    for tolerated in [0.0, 0.01, 0.2] {
        for psi in [0.001, 0.05, 0.3] {
            assert_near(known.ln_p(psi, tolerated), precise.ln_p(psi, tolerated), 2e-3);
        }
        let ratio = precise.threshold(-12.0, tolerated) / known.threshold(-12.0, tolerated);
        assert_near(ratio, 1.0, 1e-4);
    }
}

#[test]
fn a_scale_that_was_wholly_measured_makes_an_f_law() {
    // scipy 1.17.1: f.sf(x, 9, 60)
    let law = Law { freedom: 9.0, scale: Scale { sure: 0.0, measured: 1.0, noise: 0.0, freedom: 60.0 } };
    for (x, p) in
        [(0.5, 8.687_095e-1), (1.0, 4.500_980e-1), (2.0, 5.489_118e-2), (4.0, 4.824_566e-4), (8.0, 1.150_980e-7)]
    {
        assert_near(law.ln_p(9.0 * x, 0.0), f64::ln(p), 5e-3);
    }
}

#[test]
fn a_verdict_is_json() {
    let json = serde_json::to_value(judge(&question(&[5; 3], &[50; 3])).unwrap()).unwrap();
    assert_eq!(json["kind"], "judged");
    assert!(json["p_tolerated"].is_f64() && json["moved"][0]["bin"].is_u64() && json["new"].is_null());
    let json = serde_json::to_value(judge(&question(&[5; 3], &[1; 3])).unwrap()).unwrap();
    assert_eq!(json, serde_json::json!({"kind": "insufficient", "n": 15, "m": 3}));
}

fn bins() -> impl Strategy<Value = (Vec<u64>, Vec<u64>)> {
    let count = prop_oneof![Just(0_u64), 0..30_u64, 0..100_000_u64, 0..1_000_000_000_u64];
    (1..25_usize).prop_flat_map(move |bins| (vec(count.clone(), bins), vec(count.clone(), bins)))
}

proptest! {
    #[test]
    fn every_number_of_a_judgement_is_one(
        (reference, current) in bins(), outside in vec(0..1_000_u64, 4), tolerated in 0.0..0.3_f64, ln_alpha in -25.0..0.0_f64,
        (omega, freedom) in (0.0..0.1_f64, 9.0..500.0_f64), effects in (1.0..50.0_f64, 1.0..50.0_f64), kind in 0..6_u32,
    ) {
        let (reference_effect, current_effect) = effects;
        let effect = DesignEffect { reference: reference_effect, current: current_effect, freedom: 4.5, certainty: 12.0 };
        let asked = Question {
            reference: Counts { bins: &reference, new: outside[0], missing: outside[1] },
            current: Counts { bins: &current, new: outside[2], missing: outside[3] },
            wander: Wander { omega, measured: omega + 1e-3, noise: 1e-3, freedom, chunks: 12, is_measured: kind % 3 == 1 },
            design_effect: (kind % 3 == 2).then_some(effect),
            tolerated: if kind < 3 { 0.0 } else { tolerated },
            alpha: ln_alpha.exp(),
        };
        if let Verdict::Judged(found) = judge(&asked).unwrap() {
            let p = [Some(found.p_no_drift), Some(found.p_tolerated), found.new.map(|it| it.p), found.missing.map(|it| it.p)];
            prop_assert!(p.iter().flatten().all(|p| (0.0..=1.0).contains(p)), "{found:?}");
            prop_assert!(found.p_no_drift <= found.p_tolerated + 1e-9);
            let numbers = [found.psi, found.expected, found.threshold, found.s, found.sigma_shift];
            prop_assert!(numbers.iter().all(|number| number.is_finite() && *number >= 0.0), "{found:?}");
            // The threshold and the p-value are one decision.
            let is_close = (found.psi / found.threshold - 1.0).abs() < 1e-6;
            prop_assert!(is_close || found.bins == 1 || found.exceeds == (found.p_tolerated < found.alpha), "{found:?}");
        }
    }

    #[test]
    fn pooling_keeps_every_row((reference, current) in bins()) {
        let pool = Pool::of(&independent(&reference), &independent(&current));
        prop_assert_eq!(pool.counts(&reference).iter().sum::<u64>(), reference.iter().sum::<u64>());
        prop_assert_eq!(pool.counts(&current).iter().sum::<u64>(), current.iter().sum::<u64>());
    }

    #[test]
    fn replayed_rows_have_a_psi_of_exactly_nothing(reference in vec(0..1_000_000_u64, 1..40)) {
        if let Verdict::Judged(found) = judge(&question(&reference, &reference)).unwrap() {
            prop_assert_eq!((found.psi, found.exceeds), (0.0, false));
        }
    }

    #[test]
    fn with_large_bins_the_deciding_psi_is_the_shown_one(reference in vec(500..1_000_u64, 2..20), seed in vec(500..1_000_u64, 20)) {
        let current = &seed[..reference.len()];
        let shown = psi::between(&Samples::of(&reference, current, Support::Unordered).unwrap(), HALF).unwrap();
        prop_assert!((judged(&question(&reference, current)).psi - shown).abs() < 1e-12);
    }
}
