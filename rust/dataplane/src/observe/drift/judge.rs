//! Judges the windows of one version as they close, and follows every feature from one to the next.

mod asked;
mod merging;

use super::evidence;
use super::observer::Observer;
use super::track::{self, Found, SeenTrack, Told, Track};
use super::windows::Windows;
pub(super) use asked::Asked;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use tidegate_core::document::WindowLength;
use tidegate_core::drift::states::{Observation, Span, State};
use tidegate_core::monitor::{self, Finding};
use tidegate_core::sketch::{Cell, Feature};

/// What becomes of the features of one version.
#[derive(Default)]
pub(super) struct Judge {
    lengths: BTreeMap<WindowLength, Track<Judged>>,
    /// Whether anything was judged, or is no longer, since it was last looked at.
    has_news: bool,
}

/// What was judged, as it stays for whoever looks at it.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) tracks: BTreeMap<WindowLength, SeenTrack<Judged>>,
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

impl Seen {
    /// The state of a feature over all lengths: the one that asks for most attention.
    pub(super) fn state(&self, feature: usize) -> State {
        self.tracks.values().map(|track| track.states[feature]).max().unwrap_or(State::Warming)
    }
}

impl Judge {
    /// What has become of every feature.
    pub(super) fn seen(&self) -> Seen {
        Seen { tracks: self.lengths.iter().map(|(length, track)| (*length, track.seen())).collect() }
    }

    /// Whether [`Judge::seen`] has changed since this was asked last.
    pub(super) fn has_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    /// Judges what has closed at `now_s`, and tells of it as it goes: after a pause there may be a hundred windows of it.
    /// Windows are locked only while they are summed up.
    pub(super) fn advance(
        &mut self,
        observer: &Observer,
        asked: &Asked,
        now_s: u64,
        windows: &Mutex<Windows>,
        tell: &mut dyn FnMut(Told),
    ) {
        let lock = || windows.lock().unwrap_or_else(PoisonError::into_inner);
        let (first_s, newest_s) = {
            let windows = lock();
            (windows.first_s().unwrap_or(now_s), windows.newest_s().unwrap_or(now_s))
        };
        let before = self.lengths.len();
        self.lengths.retain(|length, _| asked.windows.contains(length));
        self.has_news |= self.lengths.len() < before;
        let features: Vec<&Feature> = observer.profiled.plan.profile().features().map(|(_, feature)| feature).collect();
        for &length in &*asked.windows {
            let track = self.lengths.entry(length).or_insert_with(|| {
                self.has_news = true;
                Track::new(features.len(), length, first_s)
            });
            while let Some(start_s) = track.next(newest_s, now_s) {
                let taken = merging::take(observer, &lock(), (length, start_s));
                let (judged, findings) = Judged::of(observer, asked, (length, start_s), taken);
                let found: Vec<Found> = findings.iter().enumerate().map(|(at, own)| judged.found(at, own)).collect();
                let evidence = |at: usize| {
                    evidence::of_finding(features[at], &findings[at], (judged.from_s[at], length.end_of(start_s)))
                };
                track.follow(start_s, &found, evidence, tell);
                track.keep(judged);
                self.has_news = true;
            }
            track.tick(now_s, |_, _| true, &mut |told| {
                self.has_news = true;
                tell(told);
            });
        }
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

    fn found(&self, feature: usize, finding: &Finding) -> Found {
        let observation = Observation {
            window: Span { start_ms: self.from_s[feature] * 1_000, end_ms: self.end_s * 1_000 },
            verdict: finding.verdict(),
            q: finding.q,
            // The list of a minute is shown; it is no reason to call anybody.
            is_listed: finding.is_listed() && self.length != WindowLength::Minute,
        };
        let psi = self.psi[feature].map(|[psi, ..]| psi);
        Found { observation: Some(observation), psi, is_listed: finding.is_listed() }
    }
}

/// A length as it was judged last, as JSON.
pub(super) fn describe(track: &SeenTrack<Judged>, observer: &Observer) -> Value {
    let latest = track.latest.as_ref().map(|judged| {
        let findings = judged.asked.judge(observer, judged.length, &judged.cells);
        let shown = monitor::shown(observer.profiled.plan.profile(), &judged.cells, findings);
        let features = shown.zip(&judged.cells).zip(&judged.from_s).zip(&track.states);
        let features = features.map(
            |(((shown, cell), from_s), state)| json!({"state": state, "finding": shown, "cell": cell.render(), "from_s": from_s}),
        );
        json!({"start_s": judged.start_s, "end_s": judged.end_s, "features": features.collect::<Vec<_>>()})
    });
    json!({"latest": latest, "history": *track.past})
}

/// What judging keeps of each length, in bytes.
pub(super) fn bytes_of_length(observer: &Observer) -> usize {
    let plan = &observer.profiled.plan;
    // Beside its cell: where its rows begin, its weight, and what is shown of its PSI.
    let of_judged = size_of::<u64>() + size_of::<f64>() + size_of::<Option<[f64; 3]>>();
    plan.cell_bytes() + plan.features() * (of_judged + track::bytes_of_feature())
}
