//! One version held against the stable one, window by window.

use super::super::evidence;
use super::super::judge::{Past, QUIET_WINDOWS, REMEMBERED, STALE_WINDOWS, Told, kept};
use super::side::Side;
use super::split::lengths;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, VecDeque};
use tidegate_core::document::{Monitor, WindowLength};
use tidegate_core::drift::design_effect::SUB_CELLS;
use tidegate_core::drift::states::{Machine, Observation, Patience, Span, State};
use tidegate_core::monitor::Settings;
use tidegate_core::monitor::versus::{Arms, Difference, compare};
use tidegate_core::sketch::{Counts, Profile};

/// What becomes of a version beside the stable one.
pub(super) struct Comparison {
    /// Its place among the sides.
    pub(super) candidate: usize,
    lengths: BTreeMap<WindowLength, Track>,
}

/// The windows of one length.
struct Track {
    /// In the order of the profile.
    machines: Vec<Machine>,
    /// The end of the last window that was compared, in Unix seconds.
    until_s: u64,
    latest: Option<Compared>,
    /// What was compared before, oldest first.
    history: VecDeque<Past>,
}

/// A window that was compared.
struct Compared {
    start_s: u64,
    end_s: u64,
    differences: Vec<Difference>,
    /// Where the rows of each feature begin: before the window, if it was merged with those before it.
    from_s: Vec<u64>,
}

impl Comparison {
    pub(super) fn new(candidate: usize) -> Self {
        Self { candidate, lengths: BTreeMap::new() }
    }

    /// Compares what has closed at `now_s`, which is the newest time that traffic knows; `first_s` is the first.
    pub(super) fn advance(&mut self, sides: &[Side], monitor: &Monitor, (first_s, now_s): (u64, u64)) -> Vec<Told> {
        self.lengths.retain(|length, _| monitor.windows.contains(length));
        let pair = [&sides[0], &sides[self.candidate]];
        let profile = pair[0].callers.observer.profiled.plan.profile();
        let mut told = Vec::new();
        for length in lengths(monitor) {
            let closed_s = length.start_of(now_s);
            let track =
                self.lengths.entry(length).or_insert_with(|| Track::new(profile.features().count(), length, first_s));
            // After a pause only the windows that are still kept can say anything.
            let oldest_s = closed_s.saturating_sub(kept(length) as u64 * length.longest_s());
            track.until_s = track.until_s.max(length.start_of(oldest_s));
            while track.until_s < closed_s {
                let window = Window { length, start_s: track.until_s, first_s };
                track.until_s = length.end_of(track.until_s);
                told.extend(track.follow(profile, length, window.compare(pair, monitor)));
            }
            told.extend(track.tick(length, now_s));
        }
        told
    }

    /// Every feature with its state over all lengths, and why it is not compared where it is not.
    pub(super) fn features(&self, sides: &[Side]) -> Value {
        let profile = sides[0].callers.observer.profiled.plan.profile();
        let reasons = reasons([&sides[0], &sides[self.candidate]]);
        let features = profile.features().zip(reasons).enumerate().map(|(at, ((tensor, feature), reason))| {
            let state = self.lengths.values().map(|track| track.state(at)).max().unwrap_or(State::Warming);
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
            differences.map(move |(at, difference)| (length, difference, track.shown(at, difference)))
        })
    }

    pub(super) fn windows(&self) -> Value {
        let describe = |track: &Track| {
            let latest = track.latest.as_ref().map(|compared| {
                let features = compared.differences.iter().zip(&compared.from_s).enumerate();
                let features = features.map(|(at, (difference, from_s))| {
                    json!({"state": track.shown(at, difference), "difference": difference, "from_s": from_s})
                });
                let features: Vec<Value> = features.collect();
                json!({"start_s": compared.start_s, "end_s": compared.end_s, "features": features})
            });
            json!({"latest": latest, "history": track.history})
        };
        let windows = self.lengths.iter().map(|(length, track)| (length.name().to_owned(), describe(track)));
        Value::Object(windows.collect::<Map<_, _>>())
    }
}

impl Track {
    fn new(features: usize, length: WindowLength, first_s: u64) -> Self {
        let patience =
            Patience { quiet_windows: QUIET_WINDOWS, stale_after_ms: STALE_WINDOWS * length.longest_s() * 1_000 };
        let machines = vec![Machine::new(patience, first_s * 1_000); features];
        Self { machines, until_s: length.start_of(first_s), latest: None, history: VecDeque::new() }
    }

    fn state(&self, feature: usize) -> State {
        self.machines[feature].state()
    }

    /// The state of a feature beside the newest window.
    fn shown(&self, feature: usize, difference: &Difference) -> State {
        match (difference.state, self.state(feature)) {
            (State::Unknown, _) => State::Unknown,
            // Before any window had enough, the machine waits; what this one lacks is known.
            (own, State::Warming) => own,
            (_, followed) => followed,
        }
    }

    fn follow(&mut self, profile: &Profile, length: WindowLength, compared: Compared) -> Vec<Told> {
        let mut told = Vec::new();
        let features = profile.features().zip(&compared.differences).zip(&mut self.machines);
        for (feature, (((_, known), difference), machine)) in features.enumerate() {
            if difference.state == State::Unknown {
                continue;
            }
            let observation = Observation {
                window: Span { start_ms: compared.from_s[feature] * 1_000, end_ms: compared.end_s * 1_000 },
                verdict: difference.verdict(),
                q: difference.q,
                is_listed: difference.is_listed(),
            };
            let transition = machine.observe(observation, compared.end_s * 1_000);
            told.extend(transition.map(|transition| {
                let span = (compared.from_s[feature], compared.end_s);
                let evidence = Some(evidence::of_difference(known, difference, span));
                Told { length, feature, transition, evidence }
            }));
        }
        if self.history.len() == REMEMBERED {
            self.history.pop_front();
        }
        let psi = |found: &Difference| found.judgement.as_ref().map(|judgement| judgement.psi);
        let listed = compared.differences.iter().map(Difference::is_listed);
        self.history.push_back(Past::of(compared.start_s, compared.differences.iter().map(psi), listed));
        self.latest = Some(compared);
        told
    }

    fn tick(&mut self, length: WindowLength, now_s: u64) -> Vec<Told> {
        let differs = |feature: usize| {
            let latest = self.latest.as_ref().map(|compared| compared.differences[feature].state);
            latest != Some(State::Unknown)
        };
        let compared: Vec<bool> = (0..self.machines.len()).map(differs).collect();
        let machines = self.machines.iter_mut().enumerate().filter(|(feature, _)| compared[*feature]);
        let changes = machines.filter_map(|(feature, machine)| Some((feature, machine.tick(now_s * 1_000)?)));
        changes.map(|(feature, transition)| Told { length, feature, transition, evidence: None }).collect()
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
        let profile = pair[0].callers.observer.profiled.plan.profile();
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
    fn arms(self, pair: [&Side; 2]) -> Vec<(Result<Arms, String>, u64)> {
        let mut sums = Sums::new(pair);
        let mut found: Vec<_> = reasons(pair).map(|reason| (reason.map(Err), self.start_s)).collect();
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
        let counts = pair.map(|side| vec![Counts::new(&side.callers.observer.profiled.plan); SUB_CELLS]);
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

    fn arms(&self, feature: usize) -> Arms {
        let cells = |side: usize| {
            let plan = &self.pair[side].callers.observer.profiled.plan;
            self.counts[side].iter().map(|counts| counts.cell(plan, feature)).collect()
        };
        Arms { reference: cells(0), current: cells(1) }
    }
}

/// For each feature, why two versions do not have it in common.
fn reasons([reference, current]: [&Side; 2]) -> impl Iterator<Item = Option<String>> + '_ {
    let profile = reference.callers.observer.profiled.plan.profile();
    let tensors = profile.tensors.iter().zip(&current.unbound);
    tensors.flat_map(|(tensor, reason)| {
        let said = reason.as_ref().map(|reason| format!("{} has no such feature: {reason}", current.version));
        std::iter::repeat_n(said, tensor.features.len())
    })
}
