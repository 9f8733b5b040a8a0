//! Counters and histograms: one shard per front thread, merged by whoever reads them.
//!
//! A series is a route with a version. Its label values come from the snapshot, so that callers cannot make new ones:
//! names that nobody serves share one series.

use super::histogram::{Histogram, Snapshot};
use crate::drive::inbox::Phases;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use tidegate_core::fault::{Code, Fault, Reason};
use tidegate_core::plane::Nanos;

/// Names a series in every shard.
pub type SeriesId = usize;

/// The series of names that nobody serves.
pub const UNKNOWN: SeriesId = 0;

/// The label values of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    pub route: String,
    /// `model/3`, or empty for requests that failed before a version was chosen.
    pub version: String,
}

/// Codes are numbered from 0 to 16.
const CODES: usize = 17;

/// What one thread counts of one series.
pub struct Series {
    by_code: [OnceLock<Box<Histogram>>; CODES],
    phases: OnceLock<Box<[Histogram; 4]>>,
    rows: AtomicU64,
    last_ms: AtomicU64,
    by_reason: [AtomicU64; REASONS],
}

const REASONS: usize = Reason::ALL.len();

impl Default for Series {
    fn default() -> Self {
        Self {
            by_code: Default::default(),
            phases: OnceLock::new(),
            rows: AtomicU64::new(0),
            last_ms: AtomicU64::new(0),
            by_reason: [const { AtomicU64::new(0) }; REASONS],
        }
    }
}

/// The phases of a request, in the order they are kept.
pub const PHASES: [&str; 4] = ["queue", "input", "infer", "output"];

/// One front thread's counters.
pub struct Shard {
    series: Vec<Series>,
}

impl Shard {
    /// A request of `series` was answered after `took` nanoseconds.
    pub fn answered(&self, series: SeriesId, took: Nanos, phases: &Phases, rows: u32, unix_ms: u64) {
        let cell = &self.series[series];
        cell.latency(Code::Ok).record(took);
        let kept = cell.phases.get_or_init(|| Box::new([const { Histogram::new() }; 4]));
        for (histogram, nanos) in kept.iter().zip([phases.queue, phases.input, phases.infer, phases.output]) {
            histogram.record(nanos);
        }
        bump(&cell.rows, u64::from(rows));
        cell.last_ms.store(unix_ms, Ordering::Relaxed);
    }

    /// A request of `series` failed after `took` nanoseconds.
    pub fn failed(&self, series: SeriesId, took: Nanos, fault: &Fault) {
        let cell = &self.series[series];
        cell.latency(fault.code()).record(took);
        bump(&cell.by_reason[fault.reason as usize], 1);
    }
}

/// Shards have one writer, so that adding needs no locked instruction.
fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

impl Series {
    fn latency(&self, code: Code) -> &Histogram {
        self.by_code[code as usize].get_or_init(|| Box::new(Histogram::new()))
    }
}

/// Everything counted of one series, merged over the threads.
pub struct Totals {
    pub by_code: Vec<(Code, Snapshot)>,
    pub phases: [Snapshot; 4],
    pub rows: u64,
    pub last_ms: u64,
    pub by_reason: Vec<(Reason, u64)>,
}

impl Totals {
    pub fn ok(&self) -> (u64, u64) {
        self.by_code
            .iter()
            .find(|(code, _)| *code == Code::Ok)
            .map_or((0, 0), |(_, latency)| (latency.count(), latency.sum()))
    }

    pub fn failed(&self) -> (u64, u64) {
        self.by_code
            .iter()
            .filter(|(code, _)| *code != Code::Ok)
            .fold((0, 0), |(count, sum), (_, latency)| (count + latency.count(), sum + latency.sum()))
    }
}

/// All counters of a gateway.
pub struct Counters {
    pub labels: Vec<Labels>,
    shards: Vec<Arc<Shard>>,
    pub gauges: Gauges,
}

/// What goes up and down, shared by all threads.
#[derive(Debug, Default)]
pub struct Gauges {
    pub in_flight_requests: AtomicI64,
    pub in_flight_bytes: AtomicI64,
    pub connections: AtomicI64,
    pub refused_connections: AtomicU64,
}

impl Counters {
    pub fn new(labels: Vec<Labels>, threads: usize) -> Self {
        let shard = || Arc::new(Shard { series: labels.iter().map(|_| Series::default()).collect() });
        Self { shards: (0..threads).map(|_| shard()).collect(), labels, gauges: Gauges::default() }
    }

    pub fn shard(&self, thread: usize) -> Arc<Shard> {
        Arc::clone(&self.shards[thread])
    }

    /// Sums a series over all threads.
    pub fn totals(&self, series: SeriesId) -> Totals {
        let cells = || self.shards.iter().map(|shard| &shard.series[series]);
        let merged = |pick: &dyn Fn(&Series) -> Option<Snapshot>| {
            let mut sum = Snapshot::new();
            cells().filter_map(pick).for_each(|part| sum.merge(&part));
            sum
        };
        let by_code = ALL_CODES
            .into_iter()
            .filter(|&code| cells().any(|cell| cell.by_code[code as usize].get().is_some()))
            .map(|code| (code, merged(&|cell| cell.by_code[code as usize].get().map(|kept| kept.snapshot()))))
            .collect();
        let phases = std::array::from_fn(|at| merged(&|cell| cell.phases.get().map(|kept| kept[at].snapshot())));
        let sum = |pick: &dyn Fn(&Series) -> u64| cells().map(pick).sum::<u64>();
        let by_reason = Reason::ALL
            .iter()
            .map(|&reason| (reason, sum(&|cell| cell.by_reason[reason as usize].load(Ordering::Relaxed))))
            .filter(|&(_, count)| count > 0)
            .collect();
        Totals {
            by_code,
            phases,
            rows: sum(&|cell| cell.rows.load(Ordering::Relaxed)),
            last_ms: cells().map(|cell| cell.last_ms.load(Ordering::Relaxed)).max().unwrap_or(0),
            by_reason,
        }
    }
}

const ALL_CODES: [Code; 12] = [
    Code::Ok,
    Code::Cancelled,
    Code::InvalidArgument,
    Code::DeadlineExceeded,
    Code::NotFound,
    Code::PermissionDenied,
    Code::ResourceExhausted,
    Code::FailedPrecondition,
    Code::Aborted,
    Code::Unimplemented,
    Code::Internal,
    Code::Unavailable,
];

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
