//! What was counted of one version: closed windows by class of traffic, and what they say.

use super::judge::{Judge, Told, Track};
use super::observer::TrafficClass;
use super::observer::{Observer, Open};
use super::rings::{Rings, sum};
use serde_json::{Map, Value, json};
use tidegate_core::document::{Monitor, WindowLength};
use tidegate_core::sketch::Feature;

/// The windows of one version, and its judge.
#[derive(Default)]
pub(super) struct History {
    /// One for each class.
    rings: [Rings; TrafficClass::ALL.len()],
    judge: Judge,
}

/// What inputs and predictions are judged by: shadows are asked what others are, and would count it twice.
const JUDGED: [TrafficClass; 3] = [TrafficClass::Split, TrafficClass::Segment, TrafficClass::Pinned];

impl History {
    /// Keeps what a thread has counted.
    pub(super) fn add(&mut self, observer: &Observer, class: TrafficClass, open: &Open) {
        self.rings[class as usize].add(&observer.profiled.plan, open.start_s, open.unit_s, &open.counts);
    }

    /// The newest time that counted traffic knows, in Unix seconds.
    fn newest_s(&self) -> u64 {
        self.rings.iter().map(Rings::newest_s).max().unwrap_or(0)
    }

    /// Rows counted so far, by class.
    pub(super) fn rows(&self) -> [(&'static str, u64); TrafficClass::ALL.len()] {
        std::array::from_fn(|at| (TrafficClass::ALL[at].name(), self.rings[at].rows()))
    }

    /// Rows that came too late for every window.
    pub(super) fn late(&self) -> u64 {
        self.rings.iter().map(Rings::late).sum()
    }

    pub(super) fn tracks(&self) -> impl Iterator<Item = (WindowLength, &Track)> {
        self.judge.tracks()
    }

    /// Judges what has closed since. Where requests say when they happened, theirs is the clock.
    pub(super) fn advance(&mut self, observer: &Observer, monitor: &Monitor, arrival_s: u64) -> Vec<Told> {
        let now_s = if monitor.observe.clock.is_some() { self.newest_s() } else { arrival_s };
        let rings = &self.rings;
        let window = |length: WindowLength, start_s: u64| {
            let own: Vec<_> =
                JUDGED.iter().filter_map(|class| rings[*class as usize].window(length, start_s)).collect();
            sum(own.iter())
        };
        let first_s = rings.iter().filter_map(Rings::first_s).min().unwrap_or(now_s);
        self.judge.advance(observer, monitor, (first_s, now_s), &window)
    }

    pub(super) fn report(&self, observer: &Observer) -> Value {
        let profile = observer.profiled.plan.profile();
        let features: Vec<Value> = profile
            .features()
            .enumerate()
            .map(|(at, (tensor, feature))| {
                json!({
                    "tensor": tensor.name,
                    "direction": tensor.direction,
                    "feature": feature.name,
                    "state": self.judge.state(at),
                    "reference": reference(feature),
                })
            })
            .collect();
        let windows: Map<String, Value> =
            self.judge.tracks().map(|(length, track)| (length.name().to_owned(), describe(track))).collect();
        let rows: Map<String, Value> =
            self.rows().into_iter().map(|(class, rows)| (class.to_owned(), json!(rows))).collect();
        json!({"newest_s": self.newest_s(), "late": self.late(), "rows": rows, "features": features, "windows": windows})
    }
}

/// A feature of the profile without what may be long and nobody reads here.
fn reference(feature: &Feature) -> Value {
    let mut value = serde_json::to_value(feature).expect("a profile is made of strings, finite numbers and lists");
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| !matches!(name.as_str(), "chunks" | "others"));
    }
    value
}

fn describe(track: &Track) -> Value {
    let latest = track.latest.as_ref().map(|judged| {
        let features: Vec<Value> = judged
            .findings
            .iter()
            .zip(&judged.cells)
            .zip(&judged.from_s)
            .enumerate()
            .map(|(at, ((finding, cell), from_s))| {
                json!({"state": track.state(at), "finding": finding, "cell": cell.render(), "from_s": from_s})
            })
            .collect();
        json!({"start_s": judged.start_s, "end_s": judged.end_s, "features": features})
    });
    json!({"latest": latest, "history": track.history})
}
