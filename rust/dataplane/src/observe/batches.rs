//! How large the runs of a version are, and how long they take.

use crate::drive::inbox::Phases;
use std::sync::atomic::{AtomicU64, Ordering};

/// Batches of one version by their rows; the last cell holds all larger ones.
pub struct BatchCounters {
    cells: Vec<BatchCell>,
}

#[derive(Default)]
struct BatchCell {
    count: AtomicU64,
    requests: AtomicU64,
    rows: AtomicU64,
    input: AtomicU64,
    infer: AtomicU64,
    output: AtomicU64,
}

/// What was counted of batches of one size.
#[derive(Clone, Copy, Debug)]
pub struct BatchTotals {
    pub rows: u64,
    pub count: u64,
    pub requests: u64,
    pub rows_sum: u64,
    pub input: u64,
    pub infer: u64,
    pub output: u64,
}

impl BatchCounters {
    pub fn new(max_rows: u32) -> Self {
        Self { cells: (0..=max_rows + 1).map(|_| BatchCell::default()).collect() }
    }

    pub fn record(&self, rows: u64, requests: u64, phases: &Phases) {
        let cell = &self.cells[(rows as usize).min(self.cells.len() - 1)];
        cell.count.fetch_add(1, Ordering::Relaxed);
        cell.requests.fetch_add(requests, Ordering::Relaxed);
        cell.rows.fetch_add(rows, Ordering::Relaxed);
        cell.input.fetch_add(phases.input, Ordering::Relaxed);
        cell.infer.fetch_add(phases.infer, Ordering::Relaxed);
        cell.output.fetch_add(phases.output, Ordering::Relaxed);
    }

    /// The sizes that occurred, ascending.
    pub fn totals(&self) -> Vec<BatchTotals> {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        self.cells
            .iter()
            .enumerate()
            .map(|(rows, cell)| BatchTotals {
                rows: rows as u64,
                count: read(&cell.count),
                requests: read(&cell.requests),
                rows_sum: read(&cell.rows),
                input: read(&cell.input),
                infer: read(&cell.infer),
                output: read(&cell.output),
            })
            .filter(|totals| totals.count > 0)
            .collect()
    }
}
