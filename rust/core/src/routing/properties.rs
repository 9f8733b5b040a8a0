//! The laws of buckets and tables, tried on sequences of weights nobody thought of.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::tests::weights;
use super::*;

const ARMS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// One step's weights: arms may be absent, idle or heavy, but not all without weight.
fn step() -> impl Strategy<Value = BTreeMap<String, u64>> {
    let weight = prop_oneof![Just(0), 1..100_u64, Just(1_u64 << 62), any::<u64>().prop_map(|weight| weight >> 3)];
    vec(proptest::option::weighted(0.8, weight), ARMS.len())
        .prop_map(|weights| {
            let arms = ARMS.iter().zip(weights);
            arms.filter_map(|(arm, weight)| Some(((*arm).to_owned(), weight?))).collect::<BTreeMap<_, _>>()
        })
        .prop_filter("some weight", |weights| weights.values().any(|weight| *weight > 0))
}

fn next(previous: &[Range], weights: &BTreeMap<String, u64>) -> Vec<Range> {
    allocate(previous, weights, "a").expect("weights and ranges are good")
}

fn size_of(table: &[Range], arm: &str) -> u64 {
    table.iter().filter(|range| range.arm == arm).map(Range::size).sum()
}

/// How many buckets of `from` belong to `arm` there and in `to`.
fn kept(from: &[Range], to: &[Range], arm: &str) -> u64 {
    let of = |table: &[Range]| table.iter().filter(|range| range.arm == arm).cloned().collect::<Vec<_>>();
    let common = |a: &Range, b: &Range| a.end.min(b.end).saturating_sub(a.start.max(b.start));
    of(from).iter().map(|a| of(to).iter().map(|b| common(a, b)).sum::<u64>()).sum()
}

fn ramp_weights(percent: u64) -> BTreeMap<String, u64> {
    weights(&[("a", 1000 - 2 * percent), ("b", percent), ("c", percent)])
}

proptest! {
    #[test]
    fn tables_are_total_and_merged(steps in vec(step(), 1..8)) {
        let mut table = Vec::new();
        for weights in &steps {
            table = next(&table, weights);
            prop_assert_eq!(check_ranges(&table, |arm| weights.get(arm).is_some_and(|weight| *weight > 0)), []);
            prop_assert!(table.windows(2).all(|pair| pair[0].arm != pair[1].arm));
            let compiled = RangeTable::new(&table, &ARMS).expect("every arm is known");
            for range in &table {
                for bucket in [range.start, range.end - 1] {
                    prop_assert_eq!(ARMS[compiled.arm_of(bucket as u32) as usize], &range.arm);
                }
            }
        }
    }

    #[test]
    fn sizes_are_exact_to_less_than_one_bucket(steps in vec(step(), 1..8)) {
        let mut table = Vec::new();
        for weights in &steps {
            table = next(&table, weights);
            let total: u128 = weights.values().map(|weight| u128::from(*weight)).sum();
            for (arm, weight) in weights {
                let ideal = u128::from(*weight) * u128::from(BUCKETS);
                let actual = u128::from(size_of(&table, arm)) * total;
                prop_assert!(ideal.abs_diff(actual) < total);
            }
        }
    }

    #[test]
    fn movement_is_minimal_and_growers_keep(steps in vec(step(), 2..8)) {
        let mut table = next(&[], &steps[0]);
        for weights in &steps[1..] {
            let after = next(&table, weights);
            let mut moved = BUCKETS;
            let mut least = 0;
            for arm in ARMS {
                let (old, new) = (size_of(&table, arm), size_of(&after, arm));
                let kept = kept(&table, &after, arm);
                prop_assert_eq!(kept, old.min(new), "{} keeps all it can", arm);
                moved -= kept;
                least += new.saturating_sub(old);
            }
            prop_assert_eq!(moved, least);
            table = after;
        }
    }

    #[test]
    fn a_ramp_is_monotone_and_walks_back_through_the_same_tables(
        percents in proptest::collection::btree_set(0..=500_u64, 2..8),
    ) {
        let mut tables = vec![next(&[], &ramp_weights(0))];
        for percent in &percents {
            let table = next(tables.last().expect("it starts with one"), &ramp_weights(*percent));
            for arm in ["b", "c"] {
                let before = tables.last().expect("it starts with one");
                prop_assert_eq!(kept(before, &table, arm), size_of(before, arm));
            }
            tables.push(table);
        }
        let top = tables.last().expect("it starts with one").clone();
        let mut table = top.clone();
        for (percent, expected) in percents.iter().rev().zip(tables.iter().skip(1).rev()) {
            table = next(&table, &ramp_weights(*percent));
            prop_assert_eq!(&table, expected);
        }
        prop_assert_eq!(next(&top, &ramp_weights(0)), tables[0].clone(), "an abort gives all back");
    }

    #[test]
    fn scale_changes_nothing_and_the_same_weights_are_the_identity(steps in vec(step(), 1..6), factor in 2..8_u64) {
        let mut table = Vec::new();
        for weights in &steps {
            let small: BTreeMap<_, _> = weights.iter().map(|(arm, weight)| (arm.clone(), weight >> 3)).collect();
            let scaled = small.iter().map(|(arm, weight)| (arm.clone(), weight * factor)).collect();
            prop_assert_eq!(allocate(&table, &small, "a"), allocate(&table, &scaled, "a"));
            table = next(&table, weights);
            prop_assert_eq!(&next(&table, weights), &table);
        }
    }

    #[test]
    fn the_heaviest_weights_do_not_overflow(arms in 1..=5_usize) {
        let weights = ARMS[..arms].iter().map(|arm| ((*arm).to_owned(), u64::MAX)).collect();
        let table = next(&[], &weights);
        prop_assert_eq!(table.len(), arms);
        prop_assert!(table.iter().all(|range| range.size().abs_diff(BUCKETS / arms as u64) <= 1));
    }
}

/// Keys as people make them, and how many.
const KEYS: u32 = 20_000;

/// The quantile of the chi-square distribution with one degree of freedom at 1 - 1e-6.
const CHI_SQUARE_1_DF: f64 = 23.93;

#[test]
fn sequential_keys_fill_a_share_within_five_standard_deviations() {
    for salt in ["", "r", "rollout-2024-01", "fraud@7"] {
        let salt = Salt::new(salt);
        for share in [0.01, 0.1, 0.5] {
            let edge = (share * BUCKETS as f64) as u32;
            let inside = (1..=KEYS).filter(|n| salt.bucket(format!("user-{n}").as_bytes()) < edge).count();
            let deviation = (inside as f64 / f64::from(KEYS) - share).abs();
            assert!(
                deviation <= 5.0 * (share * (1.0 - share) / f64::from(KEYS)).sqrt(),
                "{salt:?} {share}: {deviation}"
            );
        }
    }
}

#[test]
fn salts_assign_independently_of_each_other() {
    let (left, right) = (Salt::new("left"), Salt::new("right"));
    let mut cells = [[0.0_f64; 2]; 2];
    for n in 1..=KEYS {
        let key = format!("user-{n}");
        let half = |salt: &Salt| usize::from(salt.bucket(key.as_bytes()) >= 1 << 31);
        cells[half(&left)][half(&right)] += 1.0;
    }
    let total = f64::from(KEYS);
    let chi_square: f64 = (0..4)
        .map(|cell| {
            let (i, j) = (cell / 2, cell % 2);
            let expected = (cells[i][0] + cells[i][1]) * (cells[0][j] + cells[1][j]) / total;
            (cells[i][j] - expected).powi(2) / expected
        })
        .sum();
    assert!(chi_square < CHI_SQUARE_1_DF, "{chi_square}");
}
