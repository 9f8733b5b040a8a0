//! The windows of one version by class of traffic, how many of them there is room for, and which are not written yet.

use super::observer::{Observer, Open};
use super::room::Room;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use tidegate_core::document::{Monitor, WindowLength};
use tidegate_core::sketch::{Counts, Key, Length, Rings, Traffic, Window};

/// What inputs and predictions are judged by: shadows are asked what others are, and would count it twice.
const JUDGED: [Traffic; 3] = [Traffic::Split, Traffic::Segment, Traffic::Pinned];

pub(super) struct Windows {
    /// One for each class.
    rings: [Rings; Traffic::ALL.len()],
    room: Room,
    /// Seconds of the unit of time that is counted by.
    unit_s: u64,
    /// Rows since the start, of each class.
    rows: [u64; Traffic::ALL.len()],
    /// The time that is known first, in Unix seconds.
    first_s: Option<u64>,
    /// Windows that were added to since they were written.
    unwritten: BTreeSet<(Traffic, Length, u64)>,
}

impl Windows {
    pub(super) fn new(observer: &Observer, key: &Key, room: Room) -> Self {
        let unit_s = observer.unit_s();
        let rings = Traffic::ALL.map(|traffic| Rings::new(Key { traffic, ..key.clone() }, room.capacity(unit_s)));
        Self { rings, room, unit_s, rows: Default::default(), first_s: None, unwritten: BTreeSet::new() }
    }

    /// Puts a stored window back.
    pub(super) fn restore(&mut self, observer: &Observer, window: &Window) -> Result<(), String> {
        let rings = &mut self.rings[window.key.traffic as usize];
        rings.restore(&observer.profiled.plan, window).map_err(|refused| refused.to_string())?;
        self.begin(window.start_s);
        Ok(())
    }

    fn begin(&mut self, at_s: u64) {
        self.first_s = Some(self.first_s.map_or(at_s, |first_s| first_s.min(at_s)));
    }

    /// Keeps what a thread has counted.
    pub(super) fn add(&mut self, observer: &Observer, traffic: Traffic, open: &Open) {
        let plan = &observer.profiled.plan;
        if open.unit_s != self.unit_s {
            self.make_room(observer, open.unit_s);
        }
        let rows = open.counts.rows(plan);
        self.rows[traffic as usize] += rows;
        self.begin(open.start_s);
        self.rings[traffic as usize].add(plan, open.start_s, rows, &open.counts);
        let lengths = Length::ALL.into_iter().filter(|length| length.seconds() >= open.unit_s);
        self.unwritten.extend(lengths.map(|length| (traffic, length, length.start_s(open.start_s))));
    }

    /// Takes the room that a monitor allows from now on.
    pub(super) fn change(&mut self, observer: &Observer, monitor: &Monitor) -> bool {
        let is_other = self.room.change(observer, monitor);
        if is_other {
            self.make_room(observer, self.unit_s);
        }
        is_other
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

    /// What the watch needs with one class of traffic, what is kept, and whether that is all.
    pub(super) fn memory(&self) -> Value {
        self.room.describe(self.unit_s)
    }

    /// The windows of a length that count as one traffic: all classes but shadows.
    pub(super) fn of(&self, length: Length) -> impl Iterator<Item = &Window> {
        JUDGED.iter().flat_map(move |traffic| self.rings[*traffic as usize].windows(length))
    }

    /// The kept windows of which a judged one is made: itself, or the days of its month.
    pub(super) fn parts(&self, length: WindowLength, start_s: u64) -> Vec<&Window> {
        let span = start_s..length.end_of(start_s);
        self.of(length.counted()).filter(|window| span.contains(&window.start_s)).collect()
    }

    /// How many windows of a length are kept.
    pub(super) fn kept(&self, length: Length) -> usize {
        self.room.capacity(self.unit_s).of(length)
    }

    /// The time that is known first, in Unix seconds.
    pub(super) fn first_s(&self) -> Option<u64> {
        self.first_s
    }

    /// The newest time that traffic knows, in Unix seconds.
    pub(super) fn newest_s(&self) -> Option<u64> {
        self.rings.iter().filter_map(Rings::watermark_s).max()
    }

    /// The time that windows are held against: the newest that traffic knows, or that of arrival, if that is newer.
    pub(super) fn now_s(&self, monitor: &Monitor, arrival_s: u64) -> Option<u64> {
        let newest_s = self.newest_s()?;
        Some(if monitor.observe.clock.is_some() { newest_s } else { arrival_s.max(newest_s) })
    }

    /// Rows counted since the start, by class.
    pub(super) fn rows(&self) -> [(&'static str, u64); Traffic::ALL.len()] {
        std::array::from_fn(|at| (Traffic::ALL[at].name(), self.rows[at]))
    }

    /// Rows that came too late for every window.
    pub(super) fn late(&self) -> u64 {
        self.rings.iter().map(|rings| rings.late(Length::Day)).sum()
    }

    /// What was counted, for people.
    pub(super) fn report(&self) -> Map<String, Value> {
        let rows: Map<String, Value> =
            self.rows().into_iter().map(|(class, rows)| (class.to_owned(), json!(rows))).collect();
        let fields = [
            ("newest_s", json!(self.newest_s())),
            ("memory", self.memory()),
            ("late", json!(self.late())),
            ("rows", Value::Object(rows)),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The windows that were added to since they were written; they count as written from now on.
    pub(super) fn take_unwritten(&mut self) -> BTreeSet<(Traffic, Length, u64)> {
        std::mem::take(&mut self.unwritten)
    }

    /// These are not written after all.
    pub(super) fn return_unwritten(&mut self, windows: impl IntoIterator<Item = (Traffic, Length, u64)>) {
        self.unwritten.extend(windows);
    }

    /// A window as bytes; `None` if it has given its place to a newer one.
    pub(super) fn encode(&self, traffic: Traffic, length: Length, start_s: u64) -> Option<Vec<u8>> {
        let windows = self.rings[traffic as usize].windows(length);
        windows.iter().find(|window| window.start_s == start_s).map(|window| window.encode())
    }

    /// Where the oldest window of a class and length begins that has a place.
    pub(super) fn oldest_s(&self, traffic: Traffic, length: Length) -> Option<u64> {
        self.rings[traffic as usize].oldest_s(length)
    }
}

/// Counts taken together; `None` of none.
pub(super) fn sum<'w>(mut windows: impl Iterator<Item = &'w Window>) -> Option<Counts<u64>> {
    let first = windows.next()?.counts.clone();
    Some(windows.fold(first, |mut sum, window| {
        sum.merge(&window.counts);
        sum
    }))
}
