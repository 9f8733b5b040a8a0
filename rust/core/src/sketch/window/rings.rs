//! The last hour by minutes, the last day by hours, the last five weeks by days: each fed with everything, by addition.

use super::super::counts::Counts;
use super::super::plan::Plan;
use super::super::table::Count;
use super::{Key, Length, MergeError, Window};

/// How many windows of each length are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    pub minutes: usize,
    pub hours: usize,
    pub days: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { minutes: 60, hours: 24, days: 35 }
    }
}

impl Capacity {
    /// All windows of one key, in bytes.
    pub fn size_bytes(&self, window_bytes: usize) -> usize {
        (self.minutes + self.hours + self.days) * window_bytes
    }

    /// As many windows as there is room for: days are given up first, then hours, then minutes, and the newest of each
    /// length last of all, which is kept in any case.
    #[must_use]
    pub fn within(mut self, window_bytes: usize, room_bytes: usize) -> Self {
        let room = room_bytes / window_bytes.max(1);
        let mut over = (self.minutes + self.hours + self.days).saturating_sub(room);
        for windows in [&mut self.days, &mut self.hours, &mut self.minutes] {
            let given_up = over.min(windows.saturating_sub(1));
            *windows -= given_up;
            over -= given_up;
        }
        self
    }

    /// How many of a length.
    pub fn of(&self, length: Length) -> usize {
        match length {
            Length::Minute => self.minutes,
            Length::Hour => self.hours,
            Length::Day => self.days,
        }
    }
}

/// All windows of one key.
#[derive(Clone, Debug)]
pub struct Rings {
    key: Key,
    lengths: [Ring; 3],
    /// The latest time of all rows, in seconds since 1970: what is a whole ring older is too late.
    watermark_s: Option<u64>,
}

#[derive(Clone, Debug)]
struct Ring {
    length: Length,
    /// A window stands where its start leads, so an old one is found under the new one that takes its place.
    windows: Vec<Option<Box<Window>>>,
    late: u64,
}

impl Rings {
    pub fn new(key: Key, capacity: Capacity) -> Self {
        let ring = |length| Ring { length, windows: vec![None; capacity.of(length)], late: 0 };
        Self { key, lengths: Length::ALL.map(ring), watermark_s: None }
    }

    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The latest time of all rows, in seconds since 1970.
    pub fn watermark_s(&self) -> Option<u64> {
        self.watermark_s
    }

    /// Rows that came when the windows of this length no longer had room for their time.
    pub fn late(&self, length: Length) -> u64 {
        self.ring(length).late
    }

    /// Adds the counts of `rows` rows of that time to a window of each length. A clock that jumps back makes rows late
    /// at worst; it moves no window.
    pub fn add<N: Count>(&mut self, plan: &Plan, at_s: u64, rows: u64, counts: &Counts<N>) {
        let watermark_s = self.watermark_s.map_or(at_s, |watermark_s| watermark_s.max(at_s));
        self.watermark_s = Some(watermark_s);
        for ring in &mut self.lengths {
            match ring.window(&self.key, plan, at_s, watermark_s) {
                Some(window) => window.counts.merge(counts),
                None => ring.late = ring.late.saturating_add(rows),
            }
        }
    }

    /// Puts a window back, such as one that was stored; it is added to what is there. One too old is left out.
    pub fn restore(&mut self, plan: &Plan, window: &Window) -> Result<(), MergeError> {
        self.key.check(&window.key)?;
        if !window.counts.lies_like(&Counts::<u64>::new(plan)) {
            return Err(MergeError::Shape);
        }
        let watermark_s = self.watermark_s.map_or(window.start_s, |watermark_s| watermark_s.max(window.start_s));
        self.watermark_s = Some(watermark_s);
        let ring = self.lengths.iter_mut().find(|ring| ring.length == window.length).expect("every length has a ring");
        if let Some(own) = ring.window(&self.key, plan, window.start_s, watermark_s) {
            own.counts.merge(&window.counts);
        }
        Ok(())
    }

    /// The windows of one length that have rows and are not too old, the oldest first.
    pub fn windows(&self, length: Length) -> Vec<&Window> {
        let ring = self.ring(length);
        let oldest = self.watermark_s.and_then(|watermark_s| ring.oldest_s(watermark_s));
        let mut windows: Vec<&Window> = ring
            .windows
            .iter()
            .flatten()
            .map(|window| &**window)
            .filter(|window| oldest.is_some_and(|oldest| window.start_s >= oldest))
            .collect();
        windows.sort_unstable_by_key(|window| window.start_s);
        windows
    }

    /// Where the oldest window of a length begins that has a place, whether there is one or not.
    pub fn oldest_s(&self, length: Length) -> Option<u64> {
        self.ring(length).oldest_s(self.watermark_s?)
    }

    fn ring(&self, length: Length) -> &Ring {
        self.lengths.iter().find(|ring| ring.length == length).expect("every length has a ring")
    }
}

impl Ring {
    /// Where the oldest window begins that still has a place; `None` if none has.
    fn oldest_s(&self, watermark_s: u64) -> Option<u64> {
        let before = (self.windows.len() as u64).checked_sub(1)? * self.length.seconds();
        Some(self.length.start_s(watermark_s).saturating_sub(before))
    }

    /// The window of a time, made if it is not there; `None` if its place is a newer one's.
    fn window(&mut self, key: &Key, plan: &Plan, at_s: u64, watermark_s: u64) -> Option<&mut Window> {
        let start_s = self.length.start_s(at_s);
        if start_s < self.oldest_s(watermark_s)? {
            return None;
        }
        let place = (start_s / self.length.seconds() % self.windows.len() as u64) as usize;
        let slot = &mut self.windows[place];
        match slot {
            Some(window) if window.start_s == start_s => {}
            // The counters of the window that leaves are used again.
            Some(window) => {
                window.counts.clear();
                window.start_s = start_s;
            }
            None => {
                let window = Window { key: key.clone(), start_s, length: self.length, counts: Counts::new(plan) };
                *slot = Some(Box::new(window));
            }
        }
        slot.as_deref_mut()
    }
}
