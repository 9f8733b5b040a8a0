//! Counters and histograms: a shard for each front thread, merged by whoever reads them.
//!
//! A series is a route with a version. Its label values come from snapshots, so that callers cannot make new ones: names
//! that nobody serves share one series. A series lives as long as a snapshot names it, and a while longer, so that the
//! last counts of a version that went are scraped too.

use super::connections::ClosedConnections;
use super::histogram::{Histogram, Snapshot};
use super::misses::{MissLabels, Misses};
use crate::drive::inbox::Phases;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tidegate_core::fault::{Code, Fault, Reason};
use tidegate_core::plane::Nanos;

/// Series that no snapshot names any more and that are still shown; beyond that the oldest go.
const MOST_RETIRED: usize = 32;

/// The label values of a series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labels {
    pub route: String,
    /// `model/3`, or empty for requests that failed before a version was chosen.
    pub version: String,
}

/// What is counted under one pair of route and version.
pub struct Series {
    pub labels: Labels,
    /// One a front thread, made when it first counts.
    shards: Box<[OnceLock<Box<Shard>>]>,
}

impl Series {
    fn new(labels: Labels, threads: usize) -> Self {
        Self { labels, shards: (0..threads).map(|_| OnceLock::new()).collect() }
    }

    fn shard(&self, thread: usize) -> &Shard {
        self.shards[thread].get_or_init(Box::default)
    }

    /// A request was answered by a thread after `took` nanoseconds.
    pub fn answered(&self, thread: usize, took: Nanos, phases: &Phases, rows: u32, unix_ms: u64) {
        let shard = self.shard(thread);
        shard.latency(Code::Ok).record(took);
        let kept = shard.phases.get_or_init(|| Box::new([const { Histogram::new() }; 4]));
        for (histogram, nanos) in kept.iter().zip([phases.queue, phases.input, phases.infer, phases.output]) {
            histogram.record(nanos);
        }
        bump(&shard.rows, u64::from(rows));
        shard.last_ms.store(unix_ms, Ordering::Relaxed);
    }

    /// A request failed on a thread after `took` nanoseconds.
    pub fn failed(&self, thread: usize, took: Nanos, fault: &Fault) {
        let shard = self.shard(thread);
        shard.latency(fault.code()).record(took);
        bump(&shard.by_reason[fault.reason as usize], 1);
    }

    /// The sum over all threads.
    pub fn totals(&self) -> Totals {
        let shards = || self.shards.iter().filter_map(OnceLock::get);
        let merged = |pick: &dyn Fn(&Shard) -> Option<Snapshot>| {
            let mut sum = Snapshot::new();
            shards().filter_map(|shard| pick(shard)).for_each(|part| sum.merge(&part));
            sum
        };
        let by_code = ALL_CODES
            .into_iter()
            .filter(|&code| shards().any(|shard| shard.by_code[code as usize].get().is_some()))
            .map(|code| (code, merged(&|shard| shard.by_code[code as usize].get().map(|kept| kept.snapshot()))))
            .collect();
        let phases = std::array::from_fn(|at| merged(&|shard| shard.phases.get().map(|kept| kept[at].snapshot())));
        let sum = |pick: &dyn Fn(&Shard) -> u64| shards().map(|shard| pick(shard)).sum::<u64>();
        let by_reason = Reason::ALL
            .iter()
            .map(|&reason| (reason, sum(&|shard| shard.by_reason[reason as usize].load(Ordering::Relaxed))))
            .filter(|&(_, count)| count > 0)
            .collect();
        Totals {
            by_code,
            phases,
            rows: sum(&|shard| shard.rows.load(Ordering::Relaxed)),
            last_ms: shards().map(|shard| shard.last_ms.load(Ordering::Relaxed)).max().unwrap_or(0),
            by_reason,
        }
    }
}

/// Codes are numbered from 0 to 16.
const CODES: usize = 17;

/// What one thread counts of one series.
struct Shard {
    by_code: [OnceLock<Box<Histogram>>; CODES],
    phases: OnceLock<Box<[Histogram; 4]>>,
    rows: AtomicU64,
    last_ms: AtomicU64,
    by_reason: [AtomicU64; REASONS],
}

const REASONS: usize = Reason::ALL.len();

impl Default for Shard {
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

/// Shards have one writer, so that adding needs no locked instruction.
fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

impl Shard {
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
    threads: usize,
    kept: Mutex<Kept>,
    /// Counts under names that nobody serves.
    pub unknown: Arc<Series>,
    pub gauges: Gauges,
    pub closed: ClosedConnections,
}

#[derive(Default)]
struct Kept {
    series: BTreeMap<Labels, Arc<Series>>,
    /// Series that no snapshot names, oldest first.
    retired: VecDeque<Labels>,
    misses: BTreeMap<MissLabels, Arc<Misses>>,
}

/// What goes up and down, shared by all threads.
#[derive(Debug, Default)]
pub struct Gauges {
    pub in_flight_requests: AtomicI64,
    pub in_flight_bytes: AtomicI64,
    pub connections: AtomicI64,
    /// Of them none is in `connections`.
    pub rest_connections: AtomicI64,
    pub refused_connections: AtomicU64,
}

impl Counters {
    /// Counters of so many front threads.
    pub fn new(threads: usize) -> Self {
        let unknown = Labels { route: "unknown".to_owned(), version: String::new() };
        let unknown = Arc::new(Series::new(unknown, threads));
        let mut kept = Kept::default();
        kept.series.insert(unknown.labels.clone(), Arc::clone(&unknown));
        Self {
            threads,
            kept: Mutex::new(kept),
            unknown,
            gauges: Gauges::default(),
            closed: ClosedConnections::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The series of these labels, which goes on where it was.
    pub fn series(&self, route: &str, version: &str) -> Arc<Series> {
        let labels = Labels { route: route.to_owned(), version: version.to_owned() };
        let mut kept = self.kept();
        let series =
            kept.series.entry(labels).or_insert_with_key(|labels| Arc::new(Series::new(labels.clone(), self.threads)));
        Arc::clone(series)
    }

    /// The count of a key that a condition of a route finds missing.
    pub fn misses(&self, labels: MissLabels) -> Arc<Misses> {
        let mut kept = self.kept();
        let count = kept.misses.entry(labels).or_insert_with(|| Arc::new(Misses::new(self.threads)));
        Arc::clone(count)
    }

    /// Every series, in the order of its labels.
    pub fn all(&self) -> Vec<Arc<Series>> {
        self.kept().series.values().map(Arc::clone).collect()
    }

    pub fn all_misses(&self) -> Vec<(MissLabels, u64)> {
        self.kept().misses.iter().map(|(labels, count)| (labels.clone(), count.total())).collect()
    }

    /// Forgets what no snapshot names any more, but for the latest.
    pub fn sweep(&self) {
        let Kept { series, retired, misses } = &mut *self.kept();
        misses.retain(|_, count| Arc::strong_count(count) > 1);
        retired.retain(|labels| series.get(labels).is_some_and(|series| Arc::strong_count(series) == 1));
        for (labels, held) in series.iter() {
            if Arc::strong_count(held) == 1 && !retired.contains(labels) {
                retired.push_back(labels.clone());
            }
        }
        while retired.len() > MOST_RETIRED {
            if let Some(labels) = retired.pop_front() {
                series.remove(&labels);
            }
        }
    }
}

const ALL_CODES: [Code; 13] = [
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
    Code::Unauthenticated,
];
