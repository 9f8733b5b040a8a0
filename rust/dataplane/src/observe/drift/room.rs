//! How much memory windows take, and how many of them there is room for.

use super::observer::{Observer, unit_of};
use serde_json::{Value, json};
use tidegate_core::document::Monitor;
use tidegate_core::sketch::{Capacity, Length};

/// What the windows of one class of traffic need, and have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Bytes of one window.
    window_bytes: usize,
    /// Bytes that all of them may take.
    most_bytes: usize,
}

impl Room {
    pub(super) fn new(observer: &Observer, monitor: &Monitor) -> Self {
        let window_bytes = observer.profiled.window_bytes;
        Self { window_bytes, most_bytes: Self::most_bytes(monitor) }
    }

    /// Takes what a monitor allows from now on, and says whether that is something else.
    pub(super) fn change(&mut self, monitor: &Monitor) -> bool {
        let before = std::mem::replace(&mut self.most_bytes, Self::most_bytes(monitor));
        before != self.most_bytes
    }

    fn most_bytes(monitor: &Monitor) -> usize {
        (monitor.memory_mib << 20) as usize
    }

    /// Bytes that one window may take if there is to be one of each length that is counted.
    pub(super) fn bytes_of_one(monitor: &Monitor) -> usize {
        let Capacity { minutes, hours, days } = Self::wanted(unit_of(monitor));
        let lengths = [minutes, hours, days].into_iter().filter(|windows| *windows > 0).count();
        Self::most_bytes(monitor) / lengths.max(1)
    }

    /// As many windows as there is room for, of each length that is not shorter than the unit.
    pub(super) fn capacity(&self, unit_s: u64) -> Capacity {
        Self::wanted(unit_s).within(self.window_bytes, self.most_bytes)
    }

    fn wanted(unit_s: u64) -> Capacity {
        let Capacity { minutes, hours, days } = Capacity::default();
        let if_counted = |length: Length, windows| if length.seconds() >= unit_s { windows } else { 0 };
        Capacity { minutes: if_counted(Length::Minute, minutes), hours: if_counted(Length::Hour, hours), days }
    }

    /// The lengths of which fewer windows are kept than wanted, with both numbers.
    pub(super) fn fewer(self, unit_s: u64) -> impl Iterator<Item = (&'static str, usize, usize)> {
        let (wanted, kept) = (Self::wanted(unit_s), self.capacity(unit_s));
        let lengths = [
            ("minutes", kept.minutes, wanted.minutes),
            ("hours", kept.hours, wanted.hours),
            ("days", kept.days, wanted.days),
        ];
        lengths.into_iter().filter(|(_, kept, wanted)| kept < wanted)
    }

    /// What is needed and what is kept, for people.
    pub(super) fn describe(&self, unit_s: u64) -> Value {
        let (wanted, kept) = (Self::wanted(unit_s), self.capacity(unit_s));
        json!({
            "need_mib": mib(wanted.size_bytes(self.window_bytes)),
            "kept_mib": mib(kept.size_bytes(self.window_bytes)),
            "minutes": kept.minutes,
            "hours": kept.hours,
            "days": kept.days,
            "is_whole": wanted == kept,
        })
    }
}

pub(super) fn mib(bytes: usize) -> f64 {
    (bytes as f64 / f64::from(1 << 20) * 1_000.0).round() / 1_000.0
}
