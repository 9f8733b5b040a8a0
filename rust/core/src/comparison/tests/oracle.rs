//! A naive account of the same differences, in plain loops over plain numbers.

use super::super::histogram::{DIFFERENCES, Histogram};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// Both sides of one request: `rows` × 3 scores.
type Request = (Vec<[f32; 3]>, Vec<[f32; 3]>);

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let score = || prop_oneof![-1.0..1.0_f32, Just(0.0_f32), -1e6..1e6_f32, -1e-9..1e-9_f32];
    let row = move || [score(), score(), score()];
    // Some elements are the same on both sides.
    let rows = vec((row(), row(), any::<[bool; 3]>()), 1..5).prop_map(|rows| {
        let shadow = |(ours, theirs, same): &([f32; 3], [f32; 3], [bool; 3])| {
            std::array::from_fn(|at| if same[at] { ours[at] } else { theirs[at] })
        };
        (rows.iter().map(|row| row.0).collect(), rows.iter().map(shadow).collect())
    });
    vec(rows, 1..30)
}

/// What plain loops find: per request the largest and the mean |Δ| and the largest relative one, then rows unequal and
/// rows whose largest score moved.
#[derive(Default)]
struct Naive {
    max_abs: Vec<f64>,
    mean_abs: Vec<f64>,
    max_rel: Vec<f64>,
    unequal_rows: u64,
    flipped_rows: u64,
    flipped: u64,
}

#[expect(clippy::float_cmp, reason = "rows are equal or not")]
fn naively(requests: &[Request]) -> Naive {
    let mut naive = Naive::default();
    for (primary, shadow) in requests {
        let (mut sum, mut max_abs, mut max_rel, mut count, mut flips) = (0.0, 0.0_f64, 0.0_f64, 0.0, 0);
        for (ours, theirs) in primary.iter().zip(shadow) {
            for (a, b) in ours.iter().zip(theirs) {
                let (a, b) = (f64::from(*a), f64::from(*b));
                sum += (a - b).abs();
                count += 1.0;
                max_abs = max_abs.max((a - b).abs());
                max_rel = max_rel.max(if a == b { 0.0 } else { (a - b).abs() / a.abs().max(b.abs()) });
            }
            naive.unequal_rows += u64::from(ours != theirs);
            flips += u64::from(winner(ours) != winner(theirs));
        }
        naive.max_abs.push(max_abs);
        naive.mean_abs.push(sum / count);
        naive.max_rel.push(max_rel);
        naive.flipped_rows += flips;
        naive.flipped += u64::from(flips > 0);
    }
    naive
}

fn winner(row: &[f32; 3]) -> usize {
    let mut best = 0;
    for at in 1..3 {
        if row[at] > row[best] {
            best = at;
        }
    }
    best
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

fn message(rows: &[[f32; 3]]) -> Vec<u8> {
    raw(&[floats("p", &[rows.len() as i64, 3], &rows.concat())])
}

proptest! {
    #[test]
    fn a_comparison_finds_what_plain_loops_find(requests in requests()) {
        let mut comparison = Comparison::new(None);
        for (primary, shadow) in &requests {
            comparison.record("a", &answered(&message(primary)), &answered(&message(shadow)));
        }
        let report = comparison.report();
        let (output, naive) = (&report.outputs[0], naively(&requests));
        prop_assert_eq!(output.requests, requests.len() as u64);
        prop_assert_eq!(output.rows, requests.iter().map(|(primary, _)| primary.len() as u64).sum::<u64>());
        prop_assert_eq!(output.unequal_rows, naive.unequal_rows);
        prop_assert_eq!(output.max_abs, Some(largest(&naive.max_abs)));
        prop_assert_eq!(output.max_rel, Some(largest(&naive.max_rel)));
        let mean = naive.mean_abs.iter().sum::<f64>() / requests.len() as f64;
        let found = output.mean_abs.expect("requests");
        prop_assert!((found - mean).abs() <= 1e-9 * mean, "{found} is not {mean}");
        let mut histogram = Histogram::new(&DIFFERENCES);
        for value in &naive.max_abs {
            histogram.record(*value);
        }
        prop_assert_eq!(&output.abs_histogram, &histogram.bins());
        prop_assert_eq!((report.flips.flipped, report.flips.flipped_rows), (naive.flipped, naive.flipped_rows));
        let worst = report.worst.first().map(|worst| worst.difference);
        prop_assert_eq!(worst, Some(largest(&naive.max_abs)).filter(|difference| *difference > 0.0));
    }
}
