//! Counts the features and predictions of one version under one name, on whichever thread runs it.

use super::Profiled;
use super::gate::Gatekeeper;
use super::lane::Lane;
use arc_swap::ArcSwapOption;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tidegate_core::condition::Context;
use tidegate_core::document::{Monitor, WindowLength};
use tidegate_core::routing::{KeyBuffer, Reason, StickyKey};
use tidegate_core::sketch::{Counts, Traffic};

/// What is counted of one version under one route or model name, for as long as a snapshot names it.
pub struct Observer {
    pub profiled: Arc<Profiled>,
    pub gate: Gatekeeper,
    /// Seconds of the shortest window that is kept; 0 while nobody watches.
    unit_s: AtomicU64,
    /// Where requests say when they happened.
    clock: ArcSwapOption<StickyKey>,
    /// Requests that said nothing there that is a time.
    timeless: AtomicU64,
    pub(super) lanes: [Lane<Open>; Traffic::ALL.len()],
}

/// Counts of one unit of time.
pub struct Open {
    pub start_s: u64,
    pub unit_s: u64,
    pub counts: Counts<u32>,
}

impl Open {
    pub(super) fn is_of(&self, start_s: u64, unit_s: u64) -> bool {
        self.start_s == start_s && self.unit_s == unit_s
    }
}

impl Observer {
    pub fn new(profiled: Arc<Profiled>) -> Self {
        let lanes = std::array::from_fn(|_| Lane::default());
        Self {
            profiled,
            gate: Gatekeeper::default(),
            unit_s: AtomicU64::new(0),
            clock: ArcSwapOption::empty(),
            timeless: AtomicU64::new(0),
            lanes,
        }
    }

    /// Begins to count as a monitor wants it, or ends.
    pub fn watch(&self, monitor: Option<&Monitor>) {
        self.gate.watch(monitor);
        self.clock.store(monitor.and_then(|monitor| monitor.observe.clock.clone()).map(Arc::new));
        self.unit_s.store(monitor.map_or(0, unit_of), Ordering::Relaxed);
    }

    /// Seconds of the unit of time that is counted by; 0 while nobody watches.
    pub fn unit_s(&self) -> u64 {
        self.unit_s.load(Ordering::Relaxed)
    }

    pub fn is_watched(&self) -> bool {
        self.unit_s() > 0
    }

    /// When a request happened, in Unix seconds, if it has to say so and does.
    pub fn happened_s(&self, request: &impl Context) -> Option<u64> {
        let clock = self.clock.load();
        let clock = clock.as_deref()?;
        let mut buffer = KeyBuffer::default();
        let said = clock.find(request, &mut buffer);
        let said = said.as_ref().and_then(|said| std::str::from_utf8(said.as_bytes()).ok());
        // Before the year 10,000, so that no window's end overflows.
        let seconds =
            said.and_then(|said| said.parse::<f64>().ok()).filter(|said| (0.0..253_402_300_800.0).contains(said));
        if seconds.is_none() {
            self.timeless.fetch_add(1, Ordering::Relaxed);
        }
        seconds.map(|seconds| seconds as u64)
    }

    /// Requests that had to say when they happened and did not; their arrival counts.
    pub fn timeless(&self) -> u64 {
        self.timeless.load(Ordering::Relaxed)
    }

    /// Everything counted since the last call, by class.
    pub fn collect(&self) -> Vec<(Traffic, Box<Open>)> {
        let lanes = Traffic::ALL.into_iter().zip(&self.lanes);
        lanes.flat_map(|(class, lane)| lane.collect().into_iter().map(move |open| (class, open))).collect()
    }
}

/// Counts in the order of time, over collections that take a moment each.
///
/// Lanes are emptied one after the other, so one collection may have what was counted last and miss what was counted in another
/// lane before. A second one has that; what is newer than all of the first waits for the next time.
pub(super) struct InOrder<C> {
    waiting: Vec<(C, Box<Open>)>,
}

impl<C> Default for InOrder<C> {
    fn default() -> Self {
        Self { waiting: Vec::new() }
    }
}

impl<C> InOrder<C> {
    /// What two collections have found; whatever happened before any of it is in it too, or was returned before.
    pub(super) fn take(&mut self, first: Vec<(C, Box<Open>)>, second: Vec<(C, Box<Open>)>) -> Vec<(C, Box<Open>)> {
        let mut opens = std::mem::take(&mut self.waiting);
        opens.extend(first);
        let newest_s = opens.iter().map(|(_, open)| open.start_s).max();
        for (class, open) in second {
            let is_newer = newest_s.is_none_or(|newest_s| open.start_s > newest_s);
            let place = if is_newer { &mut self.waiting } else { &mut opens };
            place.push((class, open));
        }
        opens.sort_by_key(|(_, open)| open.start_s);
        opens
    }

    /// What waits, when nothing more can come.
    pub(super) fn rest(&mut self) -> Vec<(C, Box<Open>)> {
        std::mem::take(&mut self.waiting)
    }
}

/// Seconds of the shortest window that a monitor keeps.
pub(super) fn unit_of(monitor: &Monitor) -> u64 {
    // A month is put together of its days.
    monitor.windows.first().copied().min(Some(WindowLength::Day)).map_or(0, WindowLength::longest_s)
}

/// Where an arm's requests are counted.
#[derive(Clone)]
pub struct Observed {
    pub observer: Arc<Observer>,
    pub is_shadow: bool,
}

impl Observed {
    pub(super) fn class(&self, reason: Reason) -> Traffic {
        match reason {
            _ if self.is_shadow => Traffic::Shadow,
            Reason::Split | Reason::Unkeyed | Reason::Only => Traffic::Split,
            Reason::Segment(_) => Traffic::Segment,
            Reason::Pinned | Reason::Model => Traffic::Pinned,
        }
    }
}
