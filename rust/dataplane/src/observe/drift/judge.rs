//! Judges the windows of one version as they close, and follows every feature from one to the next.

mod asked;
mod merging;

use super::evidence;
use super::observer::Observer;
use super::windows::Windows;
pub(super) use asked::Asked;
use serde::ser::{Serialize, Serializer};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tidegate_core::document::WindowLength;
use tidegate_core::drift::states::{Machine, Observation, Patience, Span, State, Transition};
use tidegate_core::monitor::{self, Finding};
use tidegate_core::sketch::{Capacity, Cell};

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
    /// Whether anything was judged, or is no longer, since it was last looked at.
    has_news: bool,
}

/// The windows of one length.
struct Track {
    /// In the order of the profile.
    machines: Vec<Machine>,
    /// The end of the last window that was judged, in Unix seconds.
    until_s: u64,
    latest: Option<Arc<Judged>>,
    /// What was judged before, oldest first.
    history: VecDeque<Arc<Past>>,
}

/// What was judged, as it stays for whoever looks at it.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) tracks: BTreeMap<WindowLength, SeenTrack>,
}

pub(super) struct SeenTrack {
    /// In the order of the profile.
    pub(super) states: Vec<State>,
    pub(super) latest: Option<Arc<Judged>>,
    history: Vec<Arc<Past>>,
}

/// What is remembered of a judged window, feature by feature.
pub(super) struct Past {
    start_s: u64,
    /// NaN where there were too few rows.
    psi: Box<[f64]>,
    listed: Box<[bool]>,
}

/// A window that was judged. What was found is found again in what was asked, at a tenth of the memory.
pub(super) struct Judged {
    start_s: u64,
    end_s: u64,
    asked: Asked,
    length: WindowLength,
    cells: Vec<Cell>,
    /// Where the rows of each feature begin: before the window, if it was merged with those before it.
    from_s: Vec<u64>,
    /// PSI, its mean under no drift, and what it has to exceed; none where there were too few rows.
    pub(super) psi: Vec<Option<[f64; 3]>>,
}

/// A change of a feature's state, to be told.
pub(super) struct Told {
    pub(super) length: WindowLength,
    pub(super) feature: usize,
    pub(super) transition: Transition,
    /// What was seen of it; `None` where nothing was, for too long.
    pub(super) evidence: Option<Value>,
}

impl Seen {
    /// The state of a feature over all lengths: the one that asks for most attention.
    pub(super) fn state(&self, feature: usize) -> State {
        self.tracks.values().map(|track| track.states[feature]).max().unwrap_or(State::Warming)
    }
}

impl Judge {
    /// What has become of every feature.
    pub(super) fn seen(&self) -> Seen {
        let seen = |(length, track): (&WindowLength, &Track)| {
            let states = track.machines.iter().map(Machine::state).collect();
            let history = track.history.iter().cloned().collect();
            (*length, SeenTrack { states, latest: track.latest.clone(), history })
        };
        Seen { tracks: self.lengths.iter().map(seen).collect() }
    }

    /// Whether [`Judge::seen`] has changed since this was asked last.
    pub(super) fn has_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    /// Judges what has closed at `now_s`. Windows are locked only while they are summed up.
    pub(super) fn advance(
        &mut self,
        observer: &Observer,
        asked: &Asked,
        now_s: u64,
        windows: &Mutex<Windows>,
    ) -> Vec<Told> {
        let lock = || windows.lock().unwrap_or_else(PoisonError::into_inner);
        let (first_s, newest_s) = {
            let windows = lock();
            (windows.first_s().unwrap_or(now_s), windows.newest_s().unwrap_or(now_s))
        };
        let before = self.lengths.len();
        self.lengths.retain(|length, _| asked.windows.contains(length));
        self.has_news |= self.lengths.len() < before;
        let mut told = Vec::new();
        for &length in &*asked.windows {
            let features = observer.profiled.plan.features();
            let track = self.lengths.entry(length).or_insert_with(|| {
                self.has_news = true;
                Track::new(features, length, first_s)
            });
            while let Some(start_s) = track.next(length, newest_s, now_s) {
                let taken = merging::take(observer, &lock(), (length, start_s));
                let (judged, findings) = Judged::of(observer, asked, (length, start_s), taken);
                track.until_s = length.end_of(start_s);
                told.extend(track.follow(observer, length, judged, &findings));
                self.has_news = true;
            }
            let ticked = track.tick(length, now_s);
            self.has_news |= !ticked.is_empty();
            told.extend(ticked);
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

    /// Where the next window begins that has closed at `now_s` and was not judged; `newest_s` is the newest time with rows.
    ///
    /// Every window is judged that rows are kept of, or that lies near those. Of a long pause after them only its end is,
    /// for there is nothing to be said of the rest.
    fn next(&self, length: WindowLength, newest_s: u64, now_s: u64) -> Option<u64> {
        let reach_s = REMEMBERED.max(kept(length)) as u64 * length.longest_s();
        let closed_s = length.start_of(now_s);
        let oldest_s = length.start_of(newest_s.min(now_s).saturating_sub(kept(length) as u64 * length.longest_s()));
        let next_s = self.until_s.max(oldest_s);
        let is_in_the_pause = next_s > newest_s.saturating_add(reach_s);
        let next_s =
            if is_in_the_pause { next_s.max(length.start_of(closed_s.saturating_sub(reach_s))) } else { next_s };
        (next_s < closed_s).then_some(next_s)
    }

    fn follow(&mut self, observer: &Observer, length: WindowLength, judged: Judged, findings: &[Finding]) -> Vec<Told> {
        let mut told = Vec::new();
        let features = observer.profiled.plan.profile().features().zip(findings).zip(&mut self.machines);
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
        let psi = findings.iter().map(|finding| finding.judgement.as_ref().map(|judgement| judgement.psi));
        self.history.push_back(Arc::new(Past::of(judged.start_s, psi, findings.iter().map(Finding::is_listed))));
        self.latest = Some(Arc::new(judged));
        told
    }

    fn tick(&mut self, length: WindowLength, now_s: u64) -> Vec<Told> {
        let machines = self.machines.iter_mut().enumerate();
        let changes = machines.filter_map(|(feature, machine)| Some((feature, machine.tick(now_s * 1_000)?)));
        changes.map(|(feature, transition)| Told { length, feature, transition, evidence: None }).collect()
    }

    /// What a feature takes in a judged length beside its cell.
    fn bytes_of_feature() -> usize {
        // Where its rows begin, its weight, and what is shown of its PSI.
        let of_judged = size_of::<u64>() + size_of::<f64>() + size_of::<Option<[f64; 3]>>();
        let of_past = size_of::<f64>() + size_of::<bool>();
        size_of::<Machine>() + size_of::<State>() + of_judged + REMEMBERED * of_past
    }
}

impl Past {
    pub(super) fn of(start_s: u64, psi: impl Iterator<Item = Option<f64>>, listed: impl Iterator<Item = bool>) -> Self {
        Self { start_s, psi: psi.map(|psi| psi.unwrap_or(f64::NAN)).collect(), listed: listed.collect() }
    }
}

impl Serialize for Past {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let psi: Vec<Option<f64>> = self.psi.iter().map(|psi| Some(*psi).filter(|psi| !psi.is_nan())).collect();
        json!({"start_s": self.start_s, "psi": psi, "listed": self.listed}).serialize(serializer)
    }
}

impl Judged {
    fn of(
        observer: &Observer,
        asked: &Asked,
        (length, start_s): (WindowLength, u64),
        merging::Taken { cells, from_s }: merging::Taken,
    ) -> (Self, Vec<Finding>) {
        let findings = asked.judge(observer, length, &cells);
        let psi =
            |finding: &Finding| finding.judgement.as_ref().map(|found| [found.psi, found.expected, found.threshold]);
        let psi = findings.iter().map(psi).collect();
        let asked = asked.clone();
        (Self { start_s, end_s: length.end_of(start_s), asked, length, cells, from_s, psi }, findings)
    }
}

/// A length as it was judged last, as JSON.
pub(super) fn describe(track: &SeenTrack, observer: &Observer) -> Value {
    let latest = track.latest.as_ref().map(|judged| {
        let findings = judged.asked.judge(observer, judged.length, &judged.cells);
        let shown = monitor::shown(observer.profiled.plan.profile(), &judged.cells, findings);
        let features = shown.zip(&judged.cells).zip(&judged.from_s).zip(&track.states);
        let features = features.map(
            |(((shown, cell), from_s), state)| json!({"state": state, "finding": shown, "cell": cell.render(), "from_s": from_s}),
        );
        json!({"start_s": judged.start_s, "end_s": judged.end_s, "features": features.collect::<Vec<_>>()})
    });
    json!({"latest": latest, "history": track.history})
}

/// What judging keeps of each length, in bytes.
pub(super) fn bytes_of_length(observer: &Observer) -> usize {
    let plan = &observer.profiled.plan;
    plan.cell_bytes() + plan.features() * Track::bytes_of_feature()
}

/// How many windows of a length are kept, the newest one among them.
pub(super) fn kept(length: WindowLength) -> usize {
    match length {
        // Its days are kept, and those of the month before are not.
        WindowLength::Month => 1,
        _ => Capacity::default().of(length.counted()),
    }
}
