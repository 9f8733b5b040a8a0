//! Counts the features and predictions of one version under one name, on whichever thread runs it.

use super::Profiled;
use super::gate::Gatekeeper;
use super::lane::Lane;
use arc_swap::ArcSwapOption;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tidegate_core::condition::Context;
use tidegate_core::document::{Monitor, WindowLength};
use tidegate_core::oip::answer::Elements;
use tidegate_core::oip::validate::Plan;
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
    lanes: [Lane<Open>; Traffic::ALL.len()],
}

/// Counts of one unit of time.
pub struct Open {
    pub start_s: u64,
    pub unit_s: u64,
    pub counts: Counts<u32>,
}

impl Open {
    fn is_of(&self, start_s: u64, unit_s: u64) -> bool {
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
        // A month is put together of its days.
        let shortest = monitor.and_then(|monitor| monitor.windows.first().copied().min(Some(WindowLength::Day)));
        self.clock.store(monitor.and_then(|monitor| monitor.observe.clock.clone()).map(Arc::new));
        self.unit_s.store(shortest.map_or(0, WindowLength::longest_s), Ordering::Relaxed);
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
    pub fn collect(&self) -> impl Iterator<Item = (Traffic, Box<Open>)> {
        Traffic::ALL
            .into_iter()
            .zip(&self.lanes)
            .flat_map(|(class, lane)| lane.collect().into_iter().map(move |open| (class, open)))
    }
}

/// Where an arm's requests are counted.
#[derive(Clone)]
pub struct Observed {
    pub observer: Arc<Observer>,
    pub is_shadow: bool,
}

impl Observed {
    fn class(&self, reason: Reason) -> Traffic {
        match reason {
            _ if self.is_shadow => Traffic::Shadow,
            Reason::Split | Reason::Unkeyed | Reason::Only => Traffic::Split,
            Reason::Segment(_) => Traffic::Segment,
            Reason::Pinned | Reason::Model => Traffic::Pinned,
        }
    }
}

/// The counts that a thread has in its hand while it goes through a batch: consecutive requests mostly share them.
#[derive(Default)]
pub struct Hand<'a>(Option<Held<'a>>);

struct Held<'a> {
    observer: &'a Observer,
    class: Traffic,
    // Taken out only to be put back.
    open: Option<Box<Open>>,
}

impl<'a> Hand<'a> {
    /// Counts the inputs of a request, if somebody watches. `at_s` is when it happened, in Unix seconds.
    pub fn inputs(&mut self, observed: &'a Observed, reason: Reason, at_s: u64, plan: &Plan, message: &[u8]) {
        let Some((profiled, counts)) = self.counts(observed, reason, at_s) else { return };
        for place in &profiled.inputs {
            let tensor = &plan.tensors[place.index];
            let elements = plan.dims(tensor).iter().product::<i64>().unsigned_abs() as usize;
            // Checked against the signature, to which the profile is bound; what still does not fit is left out.
            drop(counts.count_rows(&profiled.plan, place.tensor, plan.data(tensor, message), elements / place.width));
        }
    }

    /// Counts the outputs of a request that was answered, after its inputs; `own` is its part of an output of the batch.
    pub fn outputs<'e>(&mut self, own: impl Fn(usize) -> Elements<'e>) {
        let Some(Held { observer, open: Some(open), .. }) = &mut self.0 else { return };
        let profiled = &observer.profiled;
        for place in &profiled.outputs {
            match own(place.index) {
                Elements::Fixed(raw) => {
                    let row = place.width * profiled.plan.profile().tensors[place.tensor].datatype.size().unwrap_or(1);
                    drop(open.counts.count_rows(&profiled.plan, place.tensor, raw, raw.len() / row));
                }
                Elements::Strings { text, start, ends } => {
                    let mut from = start;
                    let strings = ends.iter().map(|&end| &text[std::mem::replace(&mut from, end)..end]);
                    let rows = strings.len() / place.width;
                    drop(open.counts.count_strings(&profiled.plan, place.tensor, strings, rows));
                }
            }
        }
    }

    fn counts(
        &mut self,
        observed: &'a Observed,
        reason: Reason,
        at_s: u64,
    ) -> Option<(&'a Profiled, &mut Counts<u32>)> {
        if !observed.observer.is_watched() {
            self.0 = None;
            return None;
        }
        let (observer, class) = (&*observed.observer, observed.class(reason));
        let unit_s = observer.unit_s().max(1);
        let start_s = at_s - at_s % unit_s;
        let is_same = |held: &Held<'_>| {
            std::ptr::eq(held.observer, observer)
                && held.class == class
                && held.open.as_ref().is_some_and(|open| open.is_of(start_s, unit_s))
        };
        if !self.0.as_ref().is_some_and(is_same) {
            // Puts back what was in the hand, so that it can be found again.
            self.0 = None;
            let lane = &observer.lanes[class as usize];
            let open = match lane.take() {
                Some(open) if open.is_of(start_s, unit_s) => open,
                other => {
                    if let Some(other) = other {
                        lane.close(other);
                    }
                    Box::new(Open { start_s, unit_s, counts: Counts::new(&observer.profiled.plan) })
                }
            };
            self.0 = Some(Held { observer, class, open: Some(open) });
        }
        Some((&observer.profiled, &mut self.0.as_mut()?.open.as_mut()?.counts))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            self.observer.lanes[self.class as usize].put(open);
        }
    }
}
