//! What was counted of one version: windows by class of traffic, and what they say.

#[cfg(test)]
mod tests;

use super::judge::{Judge, Told, Track};
use super::observer::{Observer, Open};
use super::room::Room;
use super::store::Store;
use super::unjudged;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::io;
use tidegate_core::document::{Monitor, WindowLength};
use tidegate_core::sketch::{Counts, Feature, Key, Length, Rings, Traffic, Window};

/// What inputs and predictions are judged by: shadows are asked what others are, and would count it twice.
const JUDGED: [Traffic; 3] = [Traffic::Split, Traffic::Segment, Traffic::Pinned];

/// The windows of one version, and its judge.
pub(super) struct History {
    /// One for each class.
    rings: [Rings; Traffic::ALL.len()],
    room: Room,
    /// Seconds of the unit of time that is counted by.
    unit_s: u64,
    /// Rows since the start, of each class.
    rows: [u64; Traffic::ALL.len()],
    /// The time that is known first, in Unix seconds.
    first_s: Option<u64>,
    /// Windows that ended before were judged, and told of, by the gateway that stored them.
    stored_s: u64,
    judge: Judge,
    store: Option<Store>,
    /// Windows that were added to since they were written.
    unwritten: BTreeSet<(Traffic, Length, u64)>,
}

impl History {
    /// The history that is stored of a version, and a sentence for each file of it that cannot be read.
    pub(super) fn open(observer: &Observer, key: &Key, monitor: &Monitor, store: Option<Store>) -> (Self, Vec<String>) {
        let (unit_s, room) = (observer.unit_s(), Room::new(observer, monitor));
        let rings = Traffic::ALL.map(|traffic| Rings::new(Key { traffic, ..key.clone() }, room.capacity(unit_s)));
        let mut history = Self {
            rings,
            room,
            unit_s,
            rows: Default::default(),
            first_s: None,
            stored_s: 0,
            judge: Judge::default(),
            store,
            unwritten: BTreeSet::new(),
        };
        let (windows, mut refusals) = history.store.as_ref().map(Store::read).unwrap_or_default();
        for window in windows {
            if let Err(refusal) = history.restore(observer, &window) {
                refusals.push(format!("a stored window is left out: {refusal}"));
            }
        }
        history.stored_s = history.newest_s().unwrap_or(0);
        (history, refusals)
    }

    fn restore(&mut self, observer: &Observer, window: &Window) -> Result<(), String> {
        let rings = &mut self.rings[window.key.traffic as usize];
        rings.restore(&observer.profiled.plan, window).map_err(|refused| refused.to_string())?;
        self.first_s = Some(self.first_s.map_or(window.start_s, |first_s| first_s.min(window.start_s)));
        Ok(())
    }

    /// Keeps what a thread has counted.
    pub(super) fn add(&mut self, observer: &Observer, traffic: Traffic, open: &Open) {
        let plan = &observer.profiled.plan;
        if open.unit_s != self.unit_s {
            self.make_room(observer, open.unit_s);
        }
        let rows = open.counts.rows(plan);
        self.rows[traffic as usize] += rows;
        self.first_s = Some(self.first_s.map_or(open.start_s, |first_s| first_s.min(open.start_s)));
        self.rings[traffic as usize].add(plan, open.start_s, rows, &open.counts);
        let lengths = Length::ALL.into_iter().filter(|length| length.seconds() >= open.unit_s);
        self.unwritten.extend(lengths.map(|length| (traffic, length, length.start_s(open.start_s))));
    }

    /// Goes on in another unit, or with other room; windows that are shorter than the unit, or have no room, are given up.
    fn make_room(&mut self, observer: &Observer, unit_s: u64) {
        for rings in &mut self.rings {
            let before = std::mem::replace(rings, Rings::new(rings.key().clone(), self.room.capacity(unit_s)));
            for window in Length::ALL.into_iter().flat_map(|length| before.windows(length)) {
                rings.restore(&observer.profiled.plan, window).expect("its own windows have its key and its bins");
            }
        }
        self.unit_s = unit_s;
    }

    /// What the windows of one class of traffic need, what is kept of them, and whether that is all.
    pub(super) fn memory(&self) -> Value {
        self.room.describe(self.unit_s)
    }

    /// The windows of a length that count as one traffic: all classes but shadows.
    pub(super) fn windows(&self, length: Length) -> impl Iterator<Item = &Window> {
        JUDGED.iter().flat_map(move |traffic| self.rings[*traffic as usize].windows(length))
    }

    /// The time that windows are held against: the newest that traffic knows, or that of arrival, if that is newer.
    pub(super) fn now_s(&self, monitor: &Monitor, arrival_s: u64) -> Option<u64> {
        let newest_s = self.newest_s()?;
        Some(if monitor.observe.clock.is_some() { newest_s } else { arrival_s.max(newest_s) })
    }

    /// How many windows of a length are kept.
    pub(super) fn kept(&self, length: Length) -> usize {
        self.room.capacity(self.unit_s).of(length)
    }

    /// The newest time that traffic knows, in Unix seconds.
    fn newest_s(&self) -> Option<u64> {
        self.rings.iter().filter_map(Rings::watermark_s).max()
    }

    /// Rows counted since the start, by class.
    pub(super) fn rows(&self) -> [(&'static str, u64); Traffic::ALL.len()] {
        std::array::from_fn(|at| (Traffic::ALL[at].name(), self.rows[at]))
    }

    /// Rows that came too late for every window.
    pub(super) fn late(&self) -> u64 {
        self.rings.iter().map(|rings| rings.late(Length::Day)).sum()
    }

    pub(super) fn tracks(&self) -> impl Iterator<Item = (WindowLength, &Track)> {
        self.judge.tracks()
    }

    /// Judges what has closed since. Where requests say when they happened, theirs is the clock.
    pub(super) fn advance(&mut self, observer: &Observer, monitor: &Monitor, arrival_s: u64) -> Vec<Told> {
        // Nothing closes before anything was counted.
        let Some(now_s) = self.now_s(monitor, arrival_s) else { return Vec::new() };
        if self.room.change(monitor) {
            self.make_room(observer, self.unit_s);
        }
        let first_s = self.first_s.unwrap_or(now_s);
        let rings = &self.rings;
        let window = |length: WindowLength, start_s: u64| {
            let parts = JUDGED.iter().flat_map(|traffic| parts(&rings[*traffic as usize], length, start_s));
            sum(parts)
        };
        let mut told = self.judge.advance(observer, monitor, (first_s, now_s), &window);
        told.retain(|told| told.transition.at_ms / 1_000 > self.stored_s);
        told
    }

    /// Writes the windows that have changed.
    ///
    /// # Errors
    /// The first of the system's refusals; what it was about is tried again next time.
    pub(super) fn write(&mut self) -> io::Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        let mut written_to = BTreeSet::new();
        for (traffic, length, start_s) in std::mem::take(&mut self.unwritten) {
            let windows = self.rings[traffic as usize].windows(length);
            let written = match windows.iter().find(|window| window.start_s == start_s) {
                Some(window) => store.write(window),
                None => Ok(()),
            };
            if let Err(error) = written {
                self.unwritten.insert((traffic, length, start_s));
                return Err(error);
            }
            written_to.insert((traffic, length));
        }
        // Once for all windows of a ring: each look lists the folder.
        for (traffic, length) in written_to {
            if let Some(oldest_s) = self.rings[traffic as usize].oldest_s(length) {
                store.remove_before(traffic, length, oldest_s);
            }
        }
        Ok(())
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
        json!({
            "newest_s": self.newest_s(),
            "memory": self.memory(),
            "late": self.late(),
            "rows": rows,
            "features": features,
            "unjudged": unjudged::report(self, observer),
            "windows": windows,
        })
    }
}

/// The kept windows of which a judged one is made: itself, or the days of its month.
fn parts(rings: &Rings, length: WindowLength, start_s: u64) -> Vec<&Window> {
    let mut windows = rings.windows(length.counted());
    windows.retain(|window| (start_s..length.end_of(start_s)).contains(&window.start_s));
    windows
}

/// Counts taken together; `None` of none.
pub(super) fn sum<'w>(mut windows: impl Iterator<Item = &'w Window>) -> Option<Counts<u64>> {
    let first = windows.next()?.counts.clone();
    Some(windows.fold(first, |mut sum, window| {
        sum.merge(&window.counts);
        sum
    }))
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
