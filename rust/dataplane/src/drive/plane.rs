//! What all threads of a gateway share.

use super::clock::Clock;
use super::compute::Compute;
use super::inbox::Inbox;
use super::keys::Keys;
use super::snapshot::Snapshot;
use crate::front::tls::Tls;
use crate::observe::counters::Counters;
use crate::observe::drift::Watches;
use crate::observe::log::Log;
use arc_swap::ArcSwap;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tidegate_core::document::Document;
use tidegate_core::fault::{Fault, Reason};
use tokio::sync::watch;

/// How far the end of the gateway's life has come; see `tidegate_core::plane::Ending`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Serving,
    /// Health says NOT_SERVING; requests are still taken.
    NotServing,
    /// No new connections; streams that wait for nothing end.
    Draining,
    /// What is left is answered with an error.
    Aborting,
    /// The threads go home.
    Over,
}

/// How often, and how long each time, a swap waits for the readers of the snapshot before.
const PATIENCE_FOR_READERS: u32 = 100;
const READERS_PAUSE: Duration = Duration::from_micros(100);

/// When to try again after the gateway ran out of room for bytes.
const RETRY_BYTES: Duration = Duration::from_millis(100);

pub struct Plane {
    pub document: Document,
    pub clock: Arc<dyn Clock>,
    pub compute: Arc<Compute>,
    /// Runs the copies that shadows get, when there is time.
    pub shadow_compute: Arc<Compute>,
    /// The ways into the front threads, by their number.
    pub inboxes: Vec<Arc<Inbox>>,
    pub counters: Counters,
    pub log: Log,
    /// What is watched for drift.
    pub watches: Watches,
    /// Who may ask.
    pub keys: ArcSwap<Keys>,
    /// How the ports speak TLS, if they do.
    pub tls: Option<Arc<Tls>>,
    pub phase: watch::Sender<Phase>,
    /// The epoch that is served, for those who wait for another.
    pub swapped: watch::Sender<u64>,
    /// Connections of an ending gateway with a stream whose caller has not all of its answer.
    pub answering: AtomicI64,
    /// What ONNX Runtime calls itself.
    pub runtime_version: String,
    /// Whether documents are taken; a defect in the thread that puts them in force ends that, and nothing else.
    is_changing: AtomicBool,
    snapshot: ArcSwap<Snapshot>,
}

/// What is said of documents after that.
pub const CHANGES_NOTHING: &str = "documents are not taken any more since a failure inside the gateway, whose log has the \
                                   panic; requests go on with what is served: restart the gateway when it suits";

impl Plane {
    /// A plane of so many front threads that serves nothing yet.
    pub fn new(
        document: Document,
        clock: Arc<dyn Clock>,
        [compute, shadow_compute]: [Arc<Compute>; 2],
        fronts: usize,
        runtime_version: String,
        tls: Option<Arc<Tls>>,
        watches: Watches,
    ) -> Self {
        Self {
            watches,
            keys: ArcSwap::from_pointee(Keys::new(&document.keys)),
            tls,
            log: Log::new(document.log.format, document.log.level, Arc::clone(&clock)),
            document,
            clock,
            compute,
            shadow_compute,
            inboxes: (0..fronts).map(|_| Arc::default()).collect(),
            counters: Counters::new(fronts),
            phase: watch::Sender::new(Phase::Serving),
            swapped: watch::Sender::new(0),
            answering: AtomicI64::new(0),
            runtime_version,
            is_changing: AtomicBool::new(true),
            snapshot: ArcSwap::default(),
        }
    }

    /// Serves another snapshot from now on.
    pub fn swap(&self, snapshot: Snapshot) {
        let epoch = snapshot.epoch;
        let old = self.snapshot.swap(Arc::new(snapshot));
        if self.swapped.send_if_modified(|known| std::mem::replace(known, epoch) != epoch) {
            self.inboxes.iter().for_each(|inbox| inbox.chime());
        }
        // Whoever reads it lets go in microseconds. Ten thousand routes take long to take apart, so that is done here and
        // not by the last reader, which answers callers.
        for _ in 0..PATIENCE_FOR_READERS {
            if Arc::strong_count(&old) == 1 {
                break;
            }
            std::thread::sleep(READERS_PAUSE);
        }
    }

    /// What is served now; a request takes it once.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The end of the gateway's life comes a step nearer.
    pub(super) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
        self.inboxes.iter().for_each(|inbox| inbox.chime());
    }

    pub fn is_changing(&self) -> bool {
        self.is_changing.load(Ordering::Relaxed)
    }

    pub(super) fn stop_changing(&self) {
        self.is_changing.store(false, Ordering::Relaxed);
    }

    pub fn is_ready(&self) -> bool {
        *self.phase.borrow() == Phase::Serving
    }

    pub fn message_limit(&self) -> usize {
        (self.document.limits.message_mib as usize) << 20
    }
}

/// One request that is being read or answered, with the bytes it holds; gives everything back when it goes.
pub struct Held {
    plane: Arc<Plane>,
    requests: i64,
    bytes: i64,
}

impl Held {
    pub fn new(plane: &Arc<Plane>) -> Self {
        plane.counters.gauges.in_flight_requests.fetch_add(1, Ordering::Relaxed);
        Self { plane: Arc::clone(plane), requests: 1, bytes: 0 }
    }

    /// Bytes of a long stream, which is not a request that the end of the gateway waits for.
    pub fn bytes_only(plane: &Arc<Plane>) -> Self {
        Self { plane: Arc::clone(plane), requests: 0, bytes: 0 }
    }

    /// Takes account of bytes that have arrived.
    ///
    /// # Errors
    /// The gateway holds as many bytes as it may.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Fault> {
        let limit = (self.plane.document.limits.in_flight_mib as i64) << 20;
        self.bytes += bytes as i64;
        let before = self.plane.counters.gauges.in_flight_bytes.fetch_add(bytes as i64, Ordering::Relaxed);
        if before + bytes as i64 > limit {
            let mib = self.plane.document.limits.in_flight_mib;
            let message =
                format!("the gateway holds {mib} MiB of requests already (limits.in_flight_mib); try again later");
            return Err(Fault::new(Reason::BytesInFlight, message).retry_after(RETRY_BYTES));
        }
        Ok(())
    }
}

impl Held {
    /// Ties the account to an answer: request and answer count as held until the last piece of it has left for the wire.
    pub fn until_sent(mut self, answer: Bytes) -> Bytes {
        // The answer exists already; what it fills up is refused to those who come next.
        self.grow(answer.len()).ok();
        Bytes::from_owner(Unsent { answer, _held: self })
    }
}

struct Unsent {
    answer: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for Unsent {
    fn as_ref(&self) -> &[u8] {
        &self.answer
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let gauges = &self.plane.counters.gauges;
        gauges.in_flight_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        gauges.in_flight_requests.fetch_sub(self.requests, Ordering::Relaxed);
    }
}
