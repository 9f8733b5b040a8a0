//! Numbers: bins, what has none, what lies outside the reference, and moments.

use super::*;

fn count(plan: &Plan, values: &[f32], rows: usize) -> Counts<u32> {
    let mut counts = Counts::new(plan);
    counts.count_rows(plan, 0, &bytes_of(values), rows).expect("whole rows");
    counts
}

#[test]
fn a_value_is_in_the_bin_of_the_edges_below_it() {
    let plan = Plan::new(profile("FP32", 1, 10, &[feature(0, &json!([1, 2, 5]), &json!(-1))]));
    let values = [0.0, 1.0, 1.5, 2.0, 5.0, 5.1, 10.0, 11.0, -3.0, -1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    let cell = numeric(&count(&plan, &values, values.len()), &plan, 0);
    assert_eq!(cell.bins, [3, 2, 1, 3]);
    assert_eq!((cell.nan, cell.positive_infinite, cell.negative_infinite, cell.null), (1, 1, 1, 1));
    assert_eq!((cell.below, cell.above), (1, 1));
    assert_eq!(cell.range, Some((Exact::Float(-3.0), Exact::Float(11.0))));
    assert_eq!(cell.rows(), values.len() as u64);
}

#[test]
fn edges_outside_the_range_of_the_reference_are_bins_like_others() {
    let plan = Plan::new(profile("FP32", 1, 10, &[feature(0, &json!([-5, 0, 10, 20]), &Value::Null)]));
    let values = [-6.0, -5.0, -1.0, 0.0, 3.0, 10.0, 15.0, 20.0, 30.0];
    let cell = numeric(&count(&plan, &values, values.len()), &plan, 0);
    assert_eq!(cell.bins, [2, 2, 2, 2, 1]);
    assert_eq!((cell.below, cell.above), (3, 3));
}

#[test]
fn zeros_are_one_number() {
    let plan = Plan::new(profile("FP32", 1, 10, &[feature(0, &json!([-0.0, 1]), &json!(-0.0))]));
    let cell = numeric(&count(&plan, &[0.0, -0.0], 2), &plan, 0);
    assert_eq!(cell.null, 2);
    let plan = Plan::new(profile("FP32", 1, 10, &[feature(0, &json!([-0.0, 1]), &Value::Null)]));
    for values in [[0.0, -0.0], [-0.0, 0.0]] {
        let cell = numeric(&count(&plan, &values, 2), &plan, 0);
        assert_eq!((cell.bins, cell.below), (vec![2, 0, 0], 0));
        let Some((Exact::Float(low), Exact::Float(high))) = cell.range else { panic!("there are two values") };
        assert_eq!((low.to_bits(), high.to_bits()), (0, 0));
    }
}

#[test]
fn every_column_has_its_own_counts() {
    let features = [0, 2, 9, 16].map(|column| feature(column, &json!([column]), &Value::Null));
    let plan = Plan::new(profile("FP32", 17, 10, &features));
    let values: Vec<f32> = (0..3 * 17_u8).map(|at| f32::from(at % 17 + at / 17)).collect();
    let counts = count(&plan, &values, 3);
    for feature in 0..4 {
        let cell = numeric(&counts, &plan, feature);
        assert_eq!(cell.bins, [1, 2], "feature {feature}");
    }
}

#[test]
fn integers_of_all_sizes_are_exact() {
    let edge = (1_i64 << 53) + 1;
    let plan = Plan::new(profile("INT64", 1, 10, &[feature(0, &json!([edge]), &json!(i64::MIN))]));
    let mut counts = Counts::new(&plan);
    counts.count_column(&plan, 0, 0, Values::I64(&[edge, edge + 1, edge - 1, i64::MIN, i64::MAX])).expect("integers");
    let cell = numeric(&counts, &plan, 0);
    assert_eq!((cell.bins, cell.null), (vec![2, 2], 1));
    assert_eq!(cell.range, Some((Exact::Integer(edge - 1), Exact::Integer(i64::MAX))));
    let plan = Plan::new(profile("BOOL", 1, 10, &[feature(0, &json!([0]), &Value::Null)]));
    let mut counts = Counts::new(&plan);
    counts.count_rows(&plan, 0, &[0, 1, 1, 0, 255], 5).expect("five rows");
    assert_eq!(numeric(&counts, &plan, 0).bins, [2, 3]);
}

#[test]
fn moments_are_taken_around_the_mean_of_the_reference() {
    let plan = Plan::new(profile("FP32", 1, 10, &[feature(0, &json!([]), &Value::Null)]));
    let cell = numeric(&count(&plan, &[4.0, 5.0, 9.0, f32::NAN], 4), &plan, 0);
    assert_eq!((cell.sum, cell.squares), (3.0, 17.0));
    assert_eq!((cell.mean(), cell.sd()), (Some(6.0), Some(7_f64.sqrt())));
    let cell = numeric(&Counts::new(&plan), &plan, 0);
    assert_eq!((cell.mean(), cell.sd(), cell.range, cell.rows()), (None, None, None, 0));
}

#[test]
fn sums_beyond_all_numbers_are_no_mean() {
    let plan = Plan::new(profile("FP64", 1, 10, &[feature(0, &json!([1]), &Value::Null)]));
    let mut counts = Counts::new(&plan);
    counts
        .count_column(&plan, 0, 0, Values::F64(&[f64::MAX, f64::MAX, f64::MIN, f64::MIN, f64::MIN]))
        .expect("numbers");
    let cell = numeric(&counts, &plan, 0);
    assert_eq!((cell.bins.as_slice(), cell.sd()), ([3, 2].as_slice(), None));
}

#[test]
fn bytes_that_are_no_whole_rows_are_refused_and_not_counted() {
    let plan = Plan::new(profile("FP32", 3, 10, &[feature(0, &json!([1]), &Value::Null)]));
    let mut counts = Counts::new(&plan);
    let length = |rows, got| Err(CountError::Length { rows, row: 12, got });
    assert_eq!(counts.count_rows(&plan, 0, &[0; 11], 1), length(1, 11));
    assert_eq!(counts.count_rows(&plan, 0, &[0; 24], 3), length(3, 24));
    assert_eq!(counts.count_rows(&plan, 0, &[], usize::MAX), length(usize::MAX, 0));
    let ragged = counts.count_column(&plan, 0, 0, Values::Raw(&[0; 5]));
    assert_eq!(ragged, Err(CountError::Length { rows: 1, row: 4, got: 5 }));
    let wrong = counts.count_column(&plan, 0, 0, Values::F64(&[1.0]));
    assert_eq!(wrong, Err(CountError::Datatype { expected: "FP32" }));
    assert_eq!(counts.count_column(&plan, 0, 8, Values::F32(&[1.0])), Err(CountError::Column { column: 8 }));
    assert_eq!(counts, Counts::new(&plan));
    assert_eq!(counts.count_rows(&plan, 0, &[], 0), Ok(()));
}

#[test]
fn merging_adds_and_clearing_forgets() {
    let plan = Plan::new(profile("FP32", 1, 10, &[feature(0, &json!([5]), &Value::Null)]));
    let (mut left, right) = (count(&plan, &[1.0, 6.0], 2), count(&plan, &[7.0, f32::NAN], 2));
    let mut closed = Counts::<u64>::new(&plan);
    closed.merge(&right);
    closed.merge(&left);
    left.merge(&right);
    assert_eq!(closed.cell(&plan, 0), left.cell(&plan, 0));
    assert_eq!(left, count(&plan, &[1.0, 6.0, 7.0, f32::NAN], 4));
    left.clear();
    assert_eq!(left, Counts::new(&plan));
}
