//! Numbers of different types on one line.

use std::cmp::Ordering;

use proptest::prelude::*;

use crate::condition::Param::{self, Bool, Double, Int, Text, Uint};
use crate::condition::compare::{equal, order};

/// Around where a double cannot tell neighbours apart, and anywhere.
fn whole() -> impl Strategy<Value = i128> {
    let near = |centre: i128| (-3000..3000_i128).prop_map(move |offset| centre + offset);
    prop_oneof![
        near(0),
        near(1 << 53),
        near(-(1 << 53)),
        near(1 << 63),
        near(-(1 << 63)),
        near(1 << 64),
        any::<i64>().prop_map(i128::from)
    ]
}

/// The value in every type that can hold it, doubles rounded.
fn typed(value: i128) -> Vec<(Param<'static>, i128)> {
    let rounded = value as f64;
    let mut typed = vec![(Double(rounded), rounded as i128)];
    typed.extend(i64::try_from(value).map(|int| (Int(int), value)));
    typed.extend(u64::try_from(value).map(|uint| (Uint(uint), value)));
    typed
}

proptest! {
    #[test]
    fn whole_numbers_of_any_two_types_compare_as_they_would_without_types(left in whole(), right in whole()) {
        for (left, left_worth) in typed(left) {
            for (right, right_worth) in typed(right) {
                prop_assert_eq!(order(left, right), Some(left_worth.cmp(&right_worth)), "{:?} {:?}", left, right);
                prop_assert_eq!(equal(left, right), left_worth == right_worth);
            }
        }
    }

    #[test]
    fn a_double_lies_between_the_whole_numbers_around_it(value in any::<i32>(), fraction in 0.01..0.99_f64) {
        let double = Double(f64::from(value) + fraction);
        let (below, above) = (i64::from(value), i64::from(value) + 1);
        prop_assert_eq!(order(Int(below), double), Some(Ordering::Less));
        prop_assert_eq!(order(Int(above), double), Some(Ordering::Greater));
        prop_assert_eq!(order(double, Int(above)), Some(Ordering::Less));
        if let (Ok(below), Ok(above)) = (u64::try_from(below), u64::try_from(above)) {
            prop_assert_eq!(order(Uint(below), double), Some(Ordering::Less));
            prop_assert_eq!(order(double, Uint(above)), Some(Ordering::Less));
        }
    }
}

#[test]
fn nan_equals_nothing_and_has_no_order() {
    for other in [Double(f64::NAN), Double(0.0), Int(0), Uint(0)] {
        assert!(!equal(Double(f64::NAN), other));
        assert_eq!(order(Double(f64::NAN), other), None);
        assert_eq!(order(other, Double(f64::NAN)), None);
    }
}

#[test]
fn the_ends_of_the_integers_are_no_double_but_the_lowest_int() {
    let (int_end, uint_end) = (Double(9_223_372_036_854_775_808.0), Double(18_446_744_073_709_551_616.0));
    assert_eq!(order(Int(i64::MAX), int_end), Some(Ordering::Less));
    assert_eq!(order(Uint(u64::MAX), uint_end), Some(Ordering::Less));
    assert_eq!(order(Uint(1 << 63), int_end), Some(Ordering::Equal));
    assert_eq!(order(Int(i64::MIN), Double(-9_223_372_036_854_775_808.0)), Some(Ordering::Equal));
}

#[test]
fn infinities_are_beyond_every_int_and_zero_has_one_value() {
    for number in [Int(i64::MAX), Uint(u64::MAX), Int(i64::MIN), Double(f64::MAX)] {
        assert_eq!(order(number, Double(f64::INFINITY)), Some(Ordering::Less));
        assert_eq!(order(number, Double(f64::NEG_INFINITY)), Some(Ordering::Greater));
    }
    for zero in [Int(0), Uint(0), Double(0.0), Double(-0.0)] {
        assert!(equal(zero, Double(-0.0)), "{zero:?}");
    }
    assert_eq!(order(Uint(0), Double(-0.5)), Some(Ordering::Greater));
    assert_eq!(order(Int(0), Double(-0.5)), Some(Ordering::Greater));
    assert_eq!(order(Int(-1), Uint(u64::MAX)), Some(Ordering::Less));
}

#[test]
fn values_of_two_kinds_are_different_and_have_no_order() {
    let kinds = [Text(b"1"), Int(1), Bool(true)];
    for (index, left) in kinds.iter().enumerate() {
        for (other, right) in kinds.iter().enumerate() {
            assert_eq!(equal(*left, *right), index == other);
            assert_eq!(order(*left, *right).is_some(), index == other);
        }
    }
}
