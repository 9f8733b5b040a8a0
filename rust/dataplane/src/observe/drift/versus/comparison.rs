//! One version held against the stable one, window by window.

use super::super::evidence;
use super::super::track::{Found, SeenTrack, Told, Track, kept};
use super::arm::Arm;
use super::following::lengths;
use super::side::Side;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use tidegate_core::document::{Monitor, WindowLength};
use tidegate_core::drift::design_effect::SUB_CELLS;
use tidegate_core::drift::states::{Observation, Span, State};
use tidegate_core::monitor::Settings;
use tidegate_core::monitor::versus::{self, Difference, compare};
use tidegate_core::sketch::{Counts, Feature, Profile};

/// What becomes of a version beside the stable one.
#[derive(Default)]
pub(super) struct Comparison {
    lengths: BTreeMap<WindowLength, Track<Compared>>,
}

/// The same as it stays for whoever looks at it.
#[derive(Default)]
pub(super) struct SeenComparison {
    lengths: BTreeMap<WindowLength, SeenTrack<Compared>>,
}

/// A window that was compared.
struct Compared {
    start_s: u64,
    end_s: u64,
    differences: Vec<Difference>,
    /// Where the rows of each feature begin: before the window, if it was merged with those before it.
    from_s: Vec<u64>,
}

/// The times of what is compared, in Unix seconds.
pub(super) struct Times {
    /// From the first to the newest that traffic knows: nothing is merged that lies before.
    pub(super) known: RangeInclusive<u64>,
    pub(super) now_s: u64,
}

impl Comparison {
    /// Compares what has closed of the stable version and another, and tells of it as it goes.
    pub(super) fn advance(&mut self, pair: [&Side; 2], monitor: &Monitor, times: &Times, tell: &mut dyn FnMut(Told)) {
        let (first_s, newest_s) = (*times.known.start(), *times.known.end());
        self.lengths.retain(|length, _| monitor.windows.contains(length));
        let features: Vec<&Feature> = profile_of(pair[0].arm()).features().map(|(_, feature)| feature).collect();
        for length in lengths(monitor) {
            let new = || Track::new(features.len(), length, first_s);
            let track = self.lengths.entry(length).or_insert_with(new);
            while let Some(start_s) = track.next(newest_s, times.now_s) {
                let compared = Window { length, start_s, first_s }.compare(pair, monitor);
                let found: Vec<Found> = (0..features.len()).map(|at| compared.found(at)).collect();
                let evidence = |at: usize| {
                    let span = (compared.from_s[at], compared.end_s);
                    evidence::of_difference(features[at], &compared.differences[at], span)
                };
                track.follow(start_s, &found, evidence, tell);
                track.keep(compared);
            }
            track.tick(times.now_s, |latest, at| latest.is_none_or(|latest| latest.is_shared(at)), tell);
        }
    }

    pub(super) fn seen(&self) -> SeenComparison {
        SeenComparison { lengths: self.lengths.iter().map(|(length, track)| (*length, track.seen())).collect() }
    }
}

impl SeenComparison {
    /// Every feature with its state over all lengths, and why it is not compared where it is not.
    pub(super) fn features(&self, pair: [&Arm; 2]) -> Value {
        let features = profile_of(pair[0]).features().zip(pair[1].reasons(profile_of(pair[0]))).enumerate();
        let features = features.map(|(at, ((tensor, feature), reason))| {
            let state = self.lengths.values().map(|track| track.states[at]).max().unwrap_or(State::Warming);
            let state = if reason.is_some() { State::Unknown } else { state };
            let (tensor, direction) = (&tensor.name, tensor.direction);
            json!({"tensor": tensor, "direction": direction, "feature": feature.name, "state": state, "reason": reason})
        });
        features.collect()
    }

    /// The newest compared window of every length, feature by feature.
    pub(super) fn newest(&self) -> impl Iterator<Item = (WindowLength, &Difference, State)> {
        let latest = self.lengths.iter().filter_map(|(length, track)| Some((*length, track, track.latest.as_ref()?)));
        latest.flat_map(|(length, track, compared)| {
            let differences = compared.differences.iter().enumerate();
            differences.map(move |(at, difference)| (length, difference, shown(track.states[at], difference)))
        })
    }

    pub(super) fn windows(&self) -> Value {
        let describe = |track: &SeenTrack<Compared>| {
            let latest = track.latest.as_ref().map(|compared| {
                let features = compared.differences.iter().zip(&compared.from_s).zip(&track.states);
                let features = features.map(|((difference, from_s), state)| {
                    json!({"state": shown(*state, difference), "difference": difference, "from_s": from_s})
                });
                let features: Vec<Value> = features.collect();
                json!({"start_s": compared.start_s, "end_s": compared.end_s, "features": features})
            });
            json!({"latest": latest, "history": *track.past})
        };
        let windows = self.lengths.iter().map(|(length, track)| (length.name().to_owned(), describe(track)));
        Value::Object(windows.collect::<Map<_, _>>())
    }
}

/// The state of a feature beside the newest window.
fn shown(followed: State, difference: &Difference) -> State {
    match (difference.state, followed) {
        (State::Unknown, _) => State::Unknown,
        // Before any window had enough, the machine waits; what this one lacks is known.
        (own, State::Warming) => own,
        _ => followed,
    }
}

impl Compared {
    /// Whether both versions have the feature.
    fn is_shared(&self, feature: usize) -> bool {
        self.differences[feature].state != State::Unknown
    }

    fn found(&self, feature: usize) -> Found {
        let difference = &self.differences[feature];
        let observation = self.is_shared(feature).then(|| Observation {
            window: Span { start_ms: self.from_s[feature] * 1_000, end_ms: self.end_s * 1_000 },
            verdict: difference.verdict(),
            q: difference.q,
            is_listed: difference.is_listed(),
        });
        let psi = difference.judgement.as_ref().map(|judgement| judgement.psi);
        Found { observation, psi, is_listed: difference.is_listed() }
    }
}

/// A window to be compared.
#[derive(Clone, Copy)]
struct Window {
    length: WindowLength,
    start_s: u64,
    /// The time that traffic knows first: nothing is merged that lies before.
    first_s: u64,
}

impl Window {
    fn compare(self, pair: [&Side; 2], monitor: &Monitor) -> Compared {
        let Self { length, start_s, .. } = self;
        let profile = profile_of(pair[0].arm());
        let known = profile.features().map(|(_, feature)| feature);
        let weights = known.map(|own| monitor.features.get(&own.name).map_or(own.weight, |said| said.weight));
        let weights: Vec<f64> = weights.collect();
        let settings = Settings { tolerated_psi: monitor.tolerate_psi, list_fdr: monitor.list_fdr, pages: None };
        let (features, from_s) = self.arms(pair).into_iter().unzip();
        let differences = compare(profile, &weights, features, &settings)
            .expect("the cells of a plan have the bins of its profile, and fewer rows than 64 bits count");
        Compared { start_s, end_s: length.end_of(start_s), differences, from_s }
    }

    /// Every feature by sub-cells, in this window or, where that has too few rows, with those before it; and where it begins.
    fn arms(self, pair: [&Side; 2]) -> Vec<(Result<versus::Arms, String>, u64)> {
        let mut sums = Sums::new(pair);
        let mut found: Vec<_> =
            pair[1].arm().reasons(profile_of(pair[0].arm())).map(|reason| (reason.map(Err), self.start_s)).collect();
        let mut wanting: Vec<usize> = (0..found.len()).filter(|at| found[*at].0.is_none()).collect();
        let mut start_s = self.start_s;
        for depth in 0..kept(self.length) {
            let has_more = sums.add(self.length, start_s);
            if depth == 0 || has_more {
                wanting.retain(|at| {
                    let arms = sums.arms(*at);
                    let is_enough = arms.has_enough_rows();
                    // Where all that there is would not be enough, the window stands alone.
                    if is_enough || depth == 0 {
                        found[*at] = (Some(Ok(arms)), start_s);
                    }
                    !is_enough
                });
            }
            match self.length.before(start_s) {
                Some(before_s) if !wanting.is_empty() && start_s > self.first_s => start_s = before_s,
                _ => break,
            }
        }
        found.into_iter().map(|(arms, from_s)| (arms.expect("the newest window has every feature"), from_s)).collect()
    }
}

/// Windows taken together, by side and sub-cell.
struct Sums<'s> {
    pair: [&'s Side; 2],
    counts: [Vec<Counts<u64>>; 2],
}

impl<'s> Sums<'s> {
    fn new(pair: [&'s Side; 2]) -> Self {
        let counts = pair.map(|side| vec![Counts::new(side.arm().plan()); SUB_CELLS]);
        Self { pair, counts }
    }

    /// Adds a window; whether it had any rows.
    fn add(&mut self, length: WindowLength, start_s: u64) -> bool {
        let mut has_rows = false;
        for (side, counts) in self.pair.into_iter().zip(&mut self.counts) {
            for (sub_cell, counts) in counts.iter_mut().enumerate() {
                if let Some(window) = side.window(sub_cell, length.counted(), start_s) {
                    counts.merge(&window.counts);
                    has_rows = true;
                }
            }
        }
        has_rows
    }

    fn arms(&self, feature: usize) -> versus::Arms {
        let cells = |side: usize| {
            let plan = self.pair[side].arm().plan();
            self.counts[side].iter().map(|counts| counts.cell(plan, feature)).collect()
        };
        versus::Arms { reference: cells(0), current: cells(1) }
    }
}

/// The profile whose bins are counted in: the stable version's.
fn profile_of(stable: &Arm) -> &Profile {
    stable.plan().profile()
}
