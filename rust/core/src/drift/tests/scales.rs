//! What scales chance: wander between chunks, callers that come again, windows that are too small.

use super::super::design_effect::design_effect;
use super::super::merge::{LONGEST_MS, windows_needed};
use super::super::pool::{Pool, Sample};
use super::super::wander::{Wander, wander};
use super::assert_near;
use proptest::collection::vec;
use proptest::prelude::*;

const HOUR_MS: u64 = 3_600_000;

fn pool(bins: &[u64]) -> Pool {
    let sample = Sample { bins, design_effect: 1.0 };
    Pool::of(&sample, &sample)
}

#[test]
fn chunks_alike_do_not_wander_and_few_chunks_say_nothing() {
    let chunks = vec![vec![1_000_u64, 2_000, 3_000]; 12];
    let found = wander(&chunks);
    assert_eq!((found.omega, found.chunks, found.is_measured), (0.0, 12, true));
    assert_near(found.freedom, 12.0 * 2.0, 1e-9);
    assert_near(found.noise, 1.0 / 6_000.0 + 1.0 / 66_000.0, 1e-15);
    assert_eq!(wander(&chunks[..9]), Wander { chunks: 9, ..Wander::UNKNOWN });
    assert_eq!(wander::<Vec<u64>>(&[]), Wander::UNKNOWN);
}

#[test]
fn a_chunk_is_compared_with_all_the_others() {
    let mut chunks = vec![vec![5_000_u64, 5_000]; 9];
    chunks.push(vec![6_000, 4_000]);
    // Nine chunks against the others, of which one is the last: 51,000 to 49,000 of 100,000, less the chunk itself.
    let usual = {
        let (p, q) = (46_000.5_f64 / 90_001.0, 0.5);
        let other = 44_000.5 / 90_001.0;
        (p - q) * (p / q).ln() + (other - q) * (other / q).ln() - 1.0 / 90_000.0 - 1.0 / 10_000.0
    };
    let odd = {
        let (p, q) = (0.5, 6_000.5_f64 / 10_001.0);
        let other = 4_000.5 / 10_001.0;
        (p - q) * (p / q).ln() + (0.5 - other) * (0.5_f64 / other).ln() - 1.0 / 90_000.0 - 1.0 / 10_000.0
    };
    let found = wander(&chunks);
    assert_eq!((found.chunks, found.is_measured), (10, true));
    assert_near(found.omega, (9.0 * usual + odd) / 10.0, 1e-12);
}

#[test]
fn chunks_too_small_to_be_judged_are_left_out() {
    let mut chunks = vec![vec![1_000_u64, 2_000, 3_000]; 10];
    chunks.push(vec![0, 0, 2]);
    chunks.push(vec![0, 0, 0]);
    assert_eq!(wander(&chunks).chunks, 10);
}

#[test]
fn rows_dealt_evenly_have_no_design_effect_and_empty_sub_cells_no_answer() {
    let even = vec![vec![100_u64, 200, 300]; 8];
    let pool = pool(&[1_600, 3_200, 4_800]);
    let found = design_effect(&even, &even, &pool).unwrap();
    assert_eq!((found.reference, found.current, found.freedom), (1.0, 1.0, 2.0));
    let mut some = even.clone();
    some[3] = vec![0, 0, 0];
    assert_eq!(design_effect(&even, &some, &pool).unwrap_err().filled, 7);
    assert_eq!(design_effect(&even[..5], &even, &pool).unwrap_err().filled, 5);
    let one_large = [vec![100_u64; 3], vec![9_000; 3]].into_iter().chain(vec![vec![100; 3]; 6]).collect::<Vec<_>>();
    let refused = design_effect(&one_large, &one_large, &pool).unwrap_err();
    assert!(refused.filled == 8 && refused.callers < 2.0, "one caller has most of the rows: {refused}");
}

#[test]
fn callers_that_always_send_the_same_value_count_once() {
    // One caller a sub-cell with 100 rows of one value: every sub-cell is 50 rows off, 8/7 · 8·2·50²/(800·½).
    let cells = [100, 0, 100, 0, 0, 100, 100, 0].map(|ones| vec![ones, 100_u64 - ones]);
    let found = design_effect(&cells, &cells, &pool(&[800, 800])).unwrap();
    assert_near(found.reference, 8.0 / 7.0 * 100.0, 1e-9);
    assert_near(found.freedom, 1.0, 1e-9);
    assert_near(found.certainty, 14.0, 1e-9);
}

#[test]
fn small_windows_are_merged_until_they_suffice() {
    let reference = [500_u64; 20];
    let needed = |rows: &[u64]| windows_needed(&reference, rows, HOUR_MS, 1.0);
    assert_eq!(needed(&[100, 5]), Some(1));
    assert_eq!(needed(&[60, 39, 1, 500]), Some(3));
    assert_eq!(needed(&[0, 0, 99]), None);
    assert_eq!(needed(&[]), None);
    assert_eq!(windows_needed(&reference, &[100, 100, 100], HOUR_MS, 3.0), Some(3));
    assert_eq!(windows_needed(&[0; 4], &[100], HOUR_MS, 1.0), None);
}

#[test]
fn windows_are_not_merged_beyond_35_days() {
    let day_ms = 24 * HOUR_MS;
    let rows = [2_u64; 60];
    assert_eq!(windows_needed(&[1_000, 1_000], &rows, day_ms, 1.0), Some(5));
    assert_eq!(windows_needed(&[500; 20], &rows, day_ms, 1.0), None);
    assert_eq!(windows_needed(&[500; 20], &[3; 60], day_ms, 1.0), Some(34));
    assert_eq!(windows_needed(&[500; 20], &[100], LONGEST_MS * 2, 1.0), Some(1));
}

proptest! {
    #[test]
    fn scales_are_numbers_for_any_counts(
        cells in vec(vec(0..1_000_000_u64, 5), 8..20), rare in vec(0..3_u64, 5),
    ) {
        let mut all: Vec<u64> = (0..5).map(|bin| cells.iter().map(|cell| cell[bin]).sum()).collect();
        if let Ok(found) = design_effect(&cells[..8], &cells[..8], &pool(&all)) {
            prop_assert!(found.reference >= 1.0 && found.reference.is_finite() && found.current >= 1.0);
            prop_assert!(found.freedom > 0.0 && found.freedom <= 4.0 && (7.0..=14.0 + 1e-9).contains(&found.certainty));
        }
        let found = wander(&cells);
        prop_assert!(found.omega >= 0.0 && found.omega.is_finite());
        all.extend(rare);
        prop_assert!(windows_needed(&all, &[10, 100, 1_000], HOUR_MS, 1.0).is_none_or(|windows| (1..=3).contains(&windows)));
    }

    #[test]
    fn more_rows_never_need_more_windows(reference in vec(1..1_000_u64, 2..20), rows in vec(0..100_u64, 1..30)) {
        let doubled: Vec<u64> = rows.iter().map(|rows| rows * 20).collect();
        let few = windows_needed(&reference, &rows, HOUR_MS, 1.0);
        let many = windows_needed(&reference, &doubled, HOUR_MS, 1.0);
        prop_assert!(few.is_none() || many.is_none() || many <= few);
    }
}
