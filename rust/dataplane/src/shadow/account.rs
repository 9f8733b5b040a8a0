//! What is known of one shadow of one route: how many copies there are, how many were dropped and why, how the answers
//! compare. It outlives snapshots, for as long as the route keeps the shadow.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tidegate_core::comparison::{Comparison, DecisionRule, Ending, Pair};

/// Why a copy was not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drop {
    /// `max_in_flight` copies wait or run.
    InFlight,
    /// They hold `max_mib`.
    Bytes,
    /// The queue of the version is full.
    QueueFull,
    /// Its own time was over before it ran.
    Deadline,
    /// The primary was shed: the gateway had more to do than it could.
    PrimaryShed,
    /// The version is being taken out of service.
    Draining,
    /// The shadow's signature does not take the request.
    Invalid,
    /// It went with something else: a request whose time was over before it was read, a failure inside the gateway.
    Lost,
}

/// Every reason with the word for it in metrics and reports.
pub const DROPS: [(Drop, &str); 8] = [
    (Drop::InFlight, "in_flight"),
    (Drop::Bytes, "bytes"),
    (Drop::QueueFull, "queue_full"),
    (Drop::Deadline, "deadline"),
    (Drop::PrimaryShed, "primary_shed"),
    (Drop::Draining, "draining"),
    (Drop::Invalid, "invalid"),
    (Drop::Lost, "lost"),
];

/// The account of one shadow.
pub struct Account {
    /// When it began, in Unix milliseconds.
    pub since_ms: u64,
    in_flight: AtomicU64,
    bytes: AtomicU64,
    sampled: AtomicU64,
    compared: AtomicU64,
    dropped: [AtomicU64; DROPS.len()],
    /// Taken by threads of the lowest priority and by readers; never by one that answers callers.
    comparison: Mutex<Comparison>,
}

impl Account {
    pub fn new(rule: Option<DecisionRule>, since_ms: u64) -> Self {
        Self {
            since_ms,
            in_flight: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            sampled: AtomicU64::new(0),
            compared: AtomicU64::new(0),
            dropped: [const { AtomicU64::new(0) }; DROPS.len()],
            comparison: Mutex::new(Comparison::new(rule)),
        }
    }

    pub(super) fn sampled(&self) {
        self.sampled.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self, reason: Drop) {
        self.dropped[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Takes room for one copy, or says what is full.
    pub(super) fn reserve(&self, bytes: u64, max_in_flight: u64, max_bytes: u64) -> Result<(), Drop> {
        // Two threads at the border may both be turned away; neither takes what is not there.
        if self.in_flight.fetch_add(1, Ordering::Relaxed) >= max_in_flight {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            return Err(Drop::InFlight);
        }
        let grown = self.grow(bytes, max_bytes);
        if grown.is_err() {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
        grown
    }

    /// Takes room for more bytes of a copy, or says that they are full.
    pub(super) fn grow(&self, bytes: u64, max_bytes: u64) -> Result<(), Drop> {
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > max_bytes {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(Drop::Bytes);
        }
        Ok(())
    }

    pub(super) fn release(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn compare(&self, prediction_id: &str, primary: &Ending<'_>, shadow: &Ending<'_>) {
        // Read before the lock is taken: whoever wants a report waits for the sums alone.
        let pair = Pair::of(primary, shadow);
        let mut comparison = self.comparison.lock().unwrap_or_else(PoisonError::into_inner);
        comparison.take_in(prediction_id, &pair);
        drop(comparison);
        self.compared.fetch_add(1, Ordering::Relaxed);
    }

    /// Copies asked for, whatever became of them.
    pub fn sampled_total(&self) -> u64 {
        self.sampled.load(Ordering::Relaxed)
    }

    pub fn compared_total(&self) -> u64 {
        self.compared.load(Ordering::Relaxed)
    }

    /// How many copies wait or run, and the bytes they hold.
    pub fn held(&self) -> (u64, u64) {
        (self.in_flight.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// How many were dropped, by reason.
    pub fn drops(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        DROPS.iter().map(|(reason, name)| (*name, self.dropped[*reason as usize].load(Ordering::Relaxed)))
    }

    /// How the answers compare so far; see [`Comparison::report`].
    pub fn report(&self) -> serde_json::Value {
        let comparison = self.comparison.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::to_value(comparison.report()).expect("a report is made of numbers, texts and lists")
    }
}
