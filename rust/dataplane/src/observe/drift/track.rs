//! The windows of one length, judged one after the other, and what becomes of every feature from one to the next.

use serde::ser::{Serialize, SerializeSeq, Serializer};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use tidegate_core::document::WindowLength;
use tidegate_core::drift::states::{Machine, Observation, Patience, State, Transition};
use tidegate_core::sketch::Capacity;

/// So many quiet windows in a row end a drift.
const QUIET_WINDOWS: u32 = 3;
/// A state that rests on nothing newer than this many windows is unknown.
const STALE_WINDOWS: u64 = 3;
/// How many judged windows are remembered of each length, to show how it went.
const REMEMBERED: usize = 40;

/// `J` is what stays of the window that was judged last.
pub(super) struct Track<J> {
    length: WindowLength,
    /// In the order of the profile.
    machines: Vec<Machine>,
    /// The end of the last window that was judged, in Unix seconds.
    until_s: u64,
    latest: Option<Arc<J>>,
    past: Arc<Past>,
}

/// The same as it stays for whoever looks at it.
pub(super) struct SeenTrack<J> {
    /// In the order of the profile.
    pub(super) states: Vec<State>,
    pub(super) latest: Option<Arc<J>>,
    pub(super) past: Arc<Past>,
}

/// What was found of a feature in a window.
pub(super) struct Found {
    /// `None` of one that has no states.
    pub(super) observation: Option<Observation>,
    /// `None` where there were too few rows.
    pub(super) psi: Option<f64>,
    pub(super) is_listed: bool,
}

/// A change of a feature's state, to be told.
pub(super) struct Told {
    pub(super) length: WindowLength,
    pub(super) feature: usize,
    pub(super) transition: Transition,
    /// What was seen of it; `None` where nothing was, for too long.
    pub(super) evidence: Option<Value>,
}

impl<J> Track<J> {
    pub(super) fn new(features: usize, length: WindowLength, first_s: u64) -> Self {
        let patience =
            Patience { quiet_windows: QUIET_WINDOWS, stale_after_ms: STALE_WINDOWS * length.longest_s() * 1_000 };
        let machines = vec![Machine::new(patience, first_s * 1_000); features];
        let until_s = length.start_of(first_s);
        Self { length, machines, until_s, latest: None, past: Arc::new(Past::new(features)) }
    }

    /// What has become of every feature.
    pub(super) fn seen(&self) -> SeenTrack<J> {
        let states = self.machines.iter().map(Machine::state).collect();
        SeenTrack { states, latest: self.latest.clone(), past: Arc::clone(&self.past) }
    }

    /// Where the next window begins that has closed at `now_s` and was not judged; `newest_s` is the newest time with rows.
    ///
    /// Every window is judged that rows are kept of, or that lies near those. Of a long pause after them only its end is,
    /// for there is nothing to be said of the rest.
    pub(super) fn next(&self, newest_s: u64, now_s: u64) -> Option<u64> {
        let (length, kept) = (self.length, kept(self.length));
        let reach_s = REMEMBERED.max(kept) as u64 * length.longest_s();
        let closed_s = length.start_of(now_s);
        let oldest_s = length.start_of(newest_s.min(now_s).saturating_sub(kept as u64 * length.longest_s()));
        let next_s = self.until_s.max(oldest_s);
        let is_in_the_pause = next_s > newest_s.saturating_add(reach_s);
        let next_s =
            if is_in_the_pause { next_s.max(length.start_of(closed_s.saturating_sub(reach_s))) } else { next_s };
        (next_s < closed_s).then_some(next_s)
    }

    /// Goes on to the window after that of `start_s`, in which this was found of each feature, and tells what it changes.
    pub(super) fn follow(
        &mut self,
        start_s: u64,
        found: &[Found],
        evidence: impl Fn(usize) -> Value,
        tell: &mut dyn FnMut(Told),
    ) {
        let (length, end_s) = (self.length, self.length.end_of(start_s));
        for (feature, (machine, found)) in self.machines.iter_mut().zip(found).enumerate() {
            let observation = found.observation.clone();
            if let Some(transition) = observation.and_then(|observation| machine.observe(observation, end_s * 1_000)) {
                tell(Told { length, feature, transition, evidence: Some(evidence(feature)) });
            }
        }
        // Whoever looks at what was before goes on looking at that.
        Arc::make_mut(&mut self.past).push(start_s, found);
        self.until_s = end_s;
    }

    /// What stays of the window that was followed last.
    pub(super) fn keep(&mut self, judged: J) {
        self.latest = Some(Arc::new(judged));
    }

    /// Tells of features of which nothing was seen for too long.
    pub(super) fn tick(
        &mut self,
        now_s: u64,
        has_states: impl Fn(Option<&J>, usize) -> bool,
        tell: &mut dyn FnMut(Told),
    ) {
        let (length, latest) = (self.length, self.latest.as_deref());
        let machines = self.machines.iter_mut().enumerate().filter(|(feature, _)| has_states(latest, *feature));
        for (feature, machine) in machines {
            if let Some(transition) = machine.tick(now_s * 1_000) {
                tell(Told { length, feature, transition, evidence: None });
            }
        }
    }
}

/// What a track keeps of each feature, in bytes, but for what stays of the window that was judged last.
pub(super) fn bytes_of_feature() -> usize {
    size_of::<Machine>() + size_of::<State>() + REMEMBERED * (size_of::<f64>() + size_of::<bool>())
}

/// How many windows of a length are kept, the newest one among them.
pub(super) fn kept(length: WindowLength) -> usize {
    match length {
        // Its days are kept, and those of the month before are not.
        WindowLength::Month => 1,
        _ => Capacity::default().of(length.counted()),
    }
}

/// What is remembered of the windows that were judged last.
///
/// It is one piece: boxes of a window each would lie between what judging takes and gives back, and hold it.
#[derive(Clone)]
pub(super) struct Past {
    /// Of the windows, oldest first.
    starts_s: VecDeque<u64>,
    /// How many were remembered so far. Each takes the place of the oldest.
    pushed: usize,
    features: usize,
    /// Of each place by feature; NaN where there were too few rows.
    psi: Box<[f64]>,
    listed: Box<[bool]>,
}

impl Past {
    fn new(features: usize) -> Self {
        Self {
            starts_s: VecDeque::with_capacity(REMEMBERED),
            pushed: 0,
            features,
            psi: vec![f64::NAN; REMEMBERED * features].into(),
            listed: vec![false; REMEMBERED * features].into(),
        }
    }

    fn push(&mut self, start_s: u64, found: &[Found]) {
        if self.starts_s.len() == REMEMBERED {
            self.starts_s.pop_front();
        }
        self.starts_s.push_back(start_s);
        let first = self.pushed % REMEMBERED * self.features;
        for (at, found) in (first..).zip(found) {
            self.psi[at] = found.psi.unwrap_or(f64::NAN);
            self.listed[at] = found.is_listed;
        }
        self.pushed += 1;
    }
}

impl Serialize for Past {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut windows = serializer.serialize_seq(Some(self.starts_s.len()))?;
        for (at, start_s) in (self.pushed - self.starts_s.len()..).zip(&self.starts_s) {
            let own = at % REMEMBERED * self.features..(at % REMEMBERED + 1) * self.features;
            let psi: Vec<Option<f64>> =
                self.psi[own.clone()].iter().map(|psi| Some(*psi).filter(|psi| !psi.is_nan())).collect();
            windows.serialize_element(&json!({"start_s": start_s, "psi": psi, "listed": self.listed[own]}))?;
        }
        windows.end()
    }
}
