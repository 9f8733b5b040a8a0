//! Judges the windows of one version as they close, and follows every feature from one to the next.

use super::evidence;
use super::observer::Observer;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use tidegate_core::document::{Monitor, WindowLength};
use tidegate_core::drift::budget::{Budget, Length};
use tidegate_core::drift::merge::windows_needed;
use tidegate_core::drift::states::{Machine, Observation, Patience, Span, State, Transition};
use tidegate_core::monitor::{self, Finding, Pages, Reference, Settings};
use tidegate_core::sketch::{Capacity, Cell, Counts, Feature};

/// So many quiet windows in a row end a drift.
pub(super) const QUIET_WINDOWS: u32 = 3;
/// A state that rests on nothing newer than this many windows is unknown.
pub(super) const STALE_WINDOWS: u64 = 3;
/// How many judged windows are remembered of each length, to show how it went.
pub(super) const REMEMBERED: usize = 40;

/// What becomes of the features of one version.
#[derive(Default)]
pub(super) struct Judge {
    lengths: BTreeMap<WindowLength, Track>,
}

/// The windows of one length.
pub(super) struct Track {
    /// In the order of the profile.
    machines: Vec<Machine>,
    /// The end of the last window that was judged, in Unix seconds.
    until_s: u64,
    pub(super) latest: Option<Judged>,
    /// What was judged before, oldest first.
    pub(super) history: VecDeque<Past>,
}

/// What is remembered of a judged window, feature by feature.
#[derive(Serialize)]
pub(super) struct Past {
    pub(super) start_s: u64,
    /// None where there were too few rows.
    pub(super) psi: Vec<Option<f64>>,
    pub(super) listed: Vec<bool>,
}

/// A window that was judged.
pub(super) struct Judged {
    pub(super) start_s: u64,
    pub(super) end_s: u64,
    pub(super) findings: Vec<Finding>,
    pub(super) cells: Vec<Cell>,
    /// Where the rows of each feature begin: before the window, if it was merged with those before it.
    pub(super) from_s: Vec<u64>,
}

/// A change of a feature's state, to be told.
pub(super) struct Told {
    pub(super) length: WindowLength,
    pub(super) feature: usize,
    pub(super) transition: Transition,
    /// What was seen of it; `None` where nothing was, for too long.
    pub(super) evidence: Option<Value>,
}

impl Judge {
    pub(super) fn tracks(&self) -> impl Iterator<Item = (WindowLength, &Track)> {
        self.lengths.iter().map(|(length, track)| (*length, track))
    }

    /// The state of a feature over all lengths: the one that asks for most attention.
    pub(super) fn state(&self, feature: usize) -> State {
        self.lengths.values().map(|track| track.state(feature)).max().unwrap_or(State::Warming)
    }

    /// Judges what has closed at `now_s`, which is the newest time that traffic knows; `first_s` is the first. `window` has
    /// the counts of a window by its length and start.
    pub(super) fn advance(
        &mut self,
        observer: &Observer,
        monitor: &Monitor,
        (first_s, now_s): (u64, u64),
        window: &dyn Fn(WindowLength, u64) -> Option<Counts<u64>>,
    ) -> Vec<Told> {
        self.lengths.retain(|length, _| monitor.windows.contains(length));
        let mut told = Vec::new();
        for &length in &monitor.windows {
            let closed_s = length.start_of(now_s);
            let features = observer.profiled.plan.features();
            let track = self.lengths.entry(length).or_insert_with(|| Track::new(features, length, first_s));
            // After a pause only the windows that are still kept can say anything.
            let oldest_s = closed_s.saturating_sub(kept(length) as u64 * length.longest_s());
            track.until_s = track.until_s.max(length.start_of(oldest_s));
            while track.until_s < closed_s {
                let judged = judge(observer, monitor, (length, track.until_s), window);
                track.until_s = length.end_of(track.until_s);
                told.extend(track.follow(observer, length, judged));
            }
            told.extend(track.tick(length, now_s));
        }
        told
    }
}

impl Track {
    fn new(features: usize, length: WindowLength, first_s: u64) -> Self {
        let patience =
            Patience { quiet_windows: QUIET_WINDOWS, stale_after_ms: STALE_WINDOWS * length.longest_s() * 1_000 };
        let machines = vec![Machine::new(patience, first_s * 1_000); features];
        Self { machines, until_s: length.start_of(first_s), latest: None, history: VecDeque::new() }
    }

    /// The state of a feature over windows of this length.
    pub(super) fn state(&self, feature: usize) -> State {
        self.machines[feature].state()
    }

    fn follow(&mut self, observer: &Observer, length: WindowLength, judged: Judged) -> Vec<Told> {
        let mut told = Vec::new();
        let features = observer.profiled.plan.profile().features().zip(&judged.findings).zip(&mut self.machines);
        for (feature, (((_, known), finding), machine)) in features.enumerate() {
            let observation = Observation {
                window: Span { start_ms: judged.from_s[feature] * 1_000, end_ms: judged.end_s * 1_000 },
                verdict: finding.verdict(),
                q: finding.q,
                // The list of a minute is shown; it is no reason to call anybody.
                is_listed: finding.is_listed() && length != WindowLength::Minute,
            };
            let span = (judged.from_s[feature], judged.end_s);
            let transition = machine.observe(observation, judged.end_s * 1_000);
            told.extend(transition.map(|transition| {
                let evidence = Some(evidence::of_finding(known, finding, span));
                Told { length, feature, transition, evidence }
            }));
        }
        if self.history.len() == REMEMBERED {
            self.history.pop_front();
        }
        let psi = |finding: &Finding| finding.judgement.as_ref().map(|judgement| judgement.psi);
        self.history.push_back(Past {
            start_s: judged.start_s,
            psi: judged.findings.iter().map(psi).collect(),
            listed: judged.findings.iter().map(Finding::is_listed).collect(),
        });
        self.latest = Some(judged);
        told
    }

    fn tick(&mut self, length: WindowLength, now_s: u64) -> Vec<Told> {
        let machines = self.machines.iter_mut().enumerate();
        let changes = machines.filter_map(|(feature, machine)| Some((feature, machine.tick(now_s * 1_000)?)));
        changes.map(|(feature, transition)| Told { length, feature, transition, evidence: None }).collect()
    }
}

/// Judges one window.
fn judge(
    observer: &Observer,
    monitor: &Monitor,
    (length, start_s): (WindowLength, u64),
    window: &dyn Fn(WindowLength, u64) -> Option<Counts<u64>>,
) -> Judged {
    let plan = &observer.profiled.plan;
    let mut merging = Merging { start_s, length, windows: Vec::new(), merged: Vec::new(), window };
    let mut from_s = Vec::with_capacity(plan.features());
    let cells: Vec<Cell> = plan
        .profile()
        .features()
        .enumerate()
        .map(|(at, (_, feature))| {
            let depth = merging.depth(observer, at, feature);
            from_s.push((1..depth).fold(start_s, |start_s, _| length.before(start_s).unwrap_or(start_s)));
            merging.counts(observer, depth).cell(plan, at)
        })
        .collect();
    let budget = Budget { pages_per_year: monitor.pages.per_year() };
    let paging = |length: &WindowLength| match length {
        WindowLength::Minute | WindowLength::Month => None,
        WindowLength::Hour => Some(Length::Hour),
        WindowLength::Day => Some(Length::Day),
    };
    let lengths_in_use = monitor.windows.iter().filter_map(paging).count();
    let settings = Settings {
        tolerated_psi: monitor.tolerate_psi,
        list_fdr: monitor.list_fdr,
        pages: paging(&length).map(|length| Pages { budget, length, lengths_in_use }),
    };
    let weight_of = |feature: &Feature| monitor.features.get(&feature.name).map_or(feature.weight, |said| said.weight);
    let weights: Vec<f64> = plan.profile().features().map(|(_, feature)| weight_of(feature)).collect();
    let reference = Reference { profile: plan.profile(), wanders: &observer.profiled.wanders, weights: &weights };
    let findings = monitor::judge(&reference, &cells, settings)
        .expect("the cells of a plan have the bins of its profile, and fewer rows than 64 bits count");
    Judged { start_s, end_s: length.end_of(start_s), findings, cells, from_s }
}

/// Windows taken together with those before them, each depth made once.
struct Merging<'a> {
    start_s: u64,
    length: WindowLength,
    /// The newest window, the one before it, and so on; none where nothing was counted.
    windows: Vec<Option<Counts<u64>>>,
    /// The newest window alone, with the one before it, and so on.
    merged: Vec<Counts<u64>>,
    window: &'a dyn Fn(WindowLength, u64) -> Option<Counts<u64>>,
}

impl Merging<'_> {
    /// How many windows a feature needs; 1 if all that there are would not be enough.
    fn depth(&mut self, observer: &Observer, at: usize, feature: &Feature) -> usize {
        let (reference, length_ms) = (feature.counts(), self.length.longest_s() * 1_000);
        let mut rows = vec![self.rows(observer, at, 0)];
        if windows_needed(&reference, &rows, length_ms, 1.0).is_none() {
            rows.extend((1..kept(self.length)).map(|back| self.rows(observer, at, back)));
        }
        windows_needed(&reference, &rows, length_ms, 1.0).unwrap_or(1)
    }

    /// A feature's rows in bins in the window so many before the newest.
    fn rows(&mut self, observer: &Observer, at: usize, back: usize) -> u64 {
        self.own(back).map_or(0, |own| own.cell(&observer.profiled.plan, at).binned())
    }

    fn own(&mut self, back: usize) -> Option<&Counts<u64>> {
        while self.windows.len() <= back {
            let start_s = (0..self.windows.len()).try_fold(self.start_s, |start_s, _| self.length.before(start_s));
            self.windows.push(start_s.and_then(|start_s| (self.window)(self.length, start_s)));
        }
        self.windows[back].as_ref()
    }

    fn counts(&mut self, observer: &Observer, depth: usize) -> &Counts<u64> {
        while self.merged.len() < depth {
            let mut counts = self.merged.last().cloned().unwrap_or_else(|| Counts::new(&observer.profiled.plan));
            let back = self.merged.len();
            if let Some(own) = self.own(back) {
                counts.merge(own);
            }
            self.merged.push(counts);
        }
        &self.merged[depth - 1]
    }
}

/// How many windows of a length are kept, the newest one among them.
pub(super) fn kept(length: WindowLength) -> usize {
    match length {
        // Its days are kept, and those of the month before are not.
        WindowLength::Month => 1,
        _ => Capacity::default().of(length.counted()),
    }
}
