//! Windows taken together with those before them, each feature as far back as it needs.

use super::super::observer::Observer;
use super::super::track::kept;
use super::super::windows::Windows;
use tidegate_core::document::WindowLength;
use tidegate_core::drift::merge::{Enough, most_windows};
use tidegate_core::sketch::{Cell, Counts};

/// What is judged of a window: every feature's counts, and where its rows begin.
pub(super) struct Taken {
    pub(super) cells: Vec<Cell>,
    pub(super) from_s: Vec<u64>,
}

/// Takes a window, and for each feature that is short of rows in it as many of those before as are enough. Where all that
/// there are would not be, the window stands alone.
///
/// Rows are counted first, which is cheap, and windows are then added up once, the newest first, to as far as anybody
/// needs them.
pub(super) fn take(observer: &Observer, windows: &Windows, (length, start_s): (WindowLength, u64)) -> Taken {
    let plan = &observer.profiled.plan;
    let starts = starts(length, start_s);
    let depths = depths(observer, windows, length, &starts);
    let mut cells: Vec<Option<Cell>> = vec![None; plan.features()];
    let mut together = Counts::<u64>::of_profile(plan);
    for (back, start_s) in starts.iter().enumerate().take(depths.iter().copied().max().unwrap_or(0)) {
        for window in windows.parts(length, *start_s) {
            together.merge_profiled(&window.counts);
        }
        for (at, cell) in cells.iter_mut().enumerate().filter(|(at, _)| depths[*at] == back + 1) {
            *cell = Some(together.cell(plan, at));
        }
    }
    let cells = cells.into_iter().map(|cell| cell.expect("each feature is as deep as some window")).collect();
    Taken { cells, from_s: depths.iter().map(|depth| starts[depth - 1]).collect() }
}

/// Where the window begins, the one before it, and so on, as far as they are kept.
fn starts(length: WindowLength, start_s: u64) -> Vec<u64> {
    let most = kept(length).min(most_windows(length.longest_s() * 1_000));
    std::iter::successors(Some(start_s), |start_s| length.before(*start_s)).take(most).collect()
}

/// How many windows each feature needs, in the order of the profile.
fn depths(observer: &Observer, windows: &Windows, length: WindowLength, starts: &[u64]) -> Vec<usize> {
    let plan = &observer.profiled.plan;
    let references: Vec<Vec<u64>> = plan.profile().features().map(|(_, feature)| feature.counts()).collect();
    let enough: Vec<Enough<'_>> = references.iter().map(|bins| Enough::of(bins)).collect();
    let mut depths = vec![1; plan.features()];
    let mut wanting: Vec<usize> = (0..plan.features()).collect();
    let mut rows = vec![0_u64; plan.features()];
    for (back, start_s) in starts.iter().enumerate() {
        if wanting.is_empty() {
            break;
        }
        let parts = windows.parts(length, *start_s);
        // Without more rows there is no more of anything.
        if parts.is_empty() {
            continue;
        }
        for window in parts {
            window.counts.add_binned(plan, &mut rows);
        }
        wanting.retain(|at| {
            let is_reached = enough[*at].is_reached(rows[*at] as f64);
            if is_reached {
                depths[*at] = back + 1;
            }
            !is_reached
        });
    }
    depths
}
