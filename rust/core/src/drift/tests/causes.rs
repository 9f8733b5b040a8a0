//! What has likely happened.

use super::super::cause::{Cause, Feature, Summary, of_values, outside_bins};
use super::*;
use proptest::prelude::*;

fn summary(mean: f64, sd: f64) -> Summary {
    Summary { mean, sd, min: mean - 3.0 * sd, max: mean + 3.0 * sd }
}

fn feature(name: &str, reference: (f64, f64), current: (f64, f64)) -> Feature<'_> {
    Feature { name, reference: summary(reference.0, reference.1), current: summary(current.0, current.1) }
}

#[test]
fn minutes_for_hours_and_fahrenheit_for_celsius_are_named() {
    let named = |reference, current| of_values(&feature("a", reference, current), &[]);
    assert_eq!(named((2.5, 1.2), (148.0, 73.0)), Some(Cause::UnitChange { factor: 60.0, offset: 0.0 }));
    assert_eq!(named((150.0, 72.0), (2.5, 1.2)), Some(Cause::UnitChange { factor: 1.0 / 60.0, offset: 0.0 }));
    assert_eq!(named((15.0, 8.0), (59.2, 14.2)), Some(Cause::UnitChange { factor: 1.8, offset: 32.0 }));
    assert_eq!(named((2.5, 1.2), (148.0, 1.2)), None, "the mean alone is a shift");
    assert_eq!(named((2.5, 1.2), (3.5, 1.3)), None);
}

#[test]
fn swapped_columns_name_each_other() {
    let [a, b] = [feature("a", (10.0, 2.0), (55.0, 20.0)), feature("b", (54.0, 20.0), (10.1, 2.1))];
    assert_eq!(of_values(&a, &[a, b]), Some(Cause::Swapped { with: "b".to_owned() }));
    assert_eq!(of_values(&b, &[a, b]), Some(Cause::Swapped { with: "a".to_owned() }));
    assert_eq!(of_values(&a, &[a]), None);
}

#[test]
fn a_stuck_value_is_named_and_a_constant_reference_is_none() {
    let stuck =
        Feature { current: Summary { mean: 7.0, sd: 0.0, min: 7.0, max: 7.0 }, ..feature("a", (5.0, 1.0), (0.0, 1.0)) };
    assert_eq!(of_values(&stuck, &[]), Some(Cause::StuckValue { value: 7.0 }));
    assert_eq!(of_values(&feature("a", (5.0, 0.0), (7.0, 1.0)), &[]), None);
    assert_eq!(of_values(&feature("a", (f64::NAN, 1.0), (7.0, 1.0)), &[]), None);
}

#[test]
fn a_burst_of_missing_values_and_a_new_category_are_named() {
    let (reference, current) = ([40_000, 40_000], [2_000, 2_000]);
    let mut asked = question(&reference, &current);
    asked.current.new = 200;
    assert_eq!(outside_bins(&judged(&asked)), Some(Cause::NewCategory { share: 200.0 / 4_200.0 }));
    asked.current.missing = 800;
    assert_eq!(outside_bins(&judged(&asked)), Some(Cause::MissingBurst { reference: 0.0, current: 0.16 }));
    assert_eq!(outside_bins(&judged(&question(&reference, &current))), None);
}

/// Shifts of up to three deviations, deviations from a third to three times as large.
#[test]
fn random_shifts_have_a_cause_in_less_than_one_of_a_hundred() {
    let mut named = 0;
    let mut state = 7_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / 2_f64.powi(53)
    };
    for _ in 0..100_000 {
        let mean = 20.0 * uniform() - 10.0;
        let (shift, scale) = (6.0 * uniform() - 3.0, 9_f64.powf(uniform() - 0.5));
        named += i32::from(of_values(&feature("a", (mean, 1.0), (mean + shift, scale)), &[]).is_some());
    }
    assert!(named <= 1_000, "{named} of 100,000");
}

proptest! {
    #[test]
    fn any_summary_is_taken(values in proptest::collection::vec(proptest::num::f64::ANY, 8)) {
        let of = |at: usize| Summary { mean: values[at], sd: values[at + 1], min: values[at + 2], max: values[at + 3] };
        let one = Feature { name: "a", reference: of(0), current: of(4) };
        of_values(&one, &[one, Feature { name: "b", reference: of(4), current: of(0) }]);
    }
}
