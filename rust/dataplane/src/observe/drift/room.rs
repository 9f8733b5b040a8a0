//! How much memory a watch takes, and how many windows there is room for.

use super::judge::bytes_of_length;
use super::observer::{Observer, unit_of};
use serde_json::{Value, json};
use tidegate_core::document::Monitor;
use tidegate_core::sketch::{Capacity, Counts, Length, Traffic, Window};

/// What the watch over a version needs with one class of traffic, and has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Bytes of one window.
    window_bytes: usize,
    /// Bytes that all windows may take.
    most_bytes: usize,
    beside: Beside,
}

/// What a watch takes beside its windows, in bytes.
#[derive(Clone, Copy, Debug)]
struct Beside {
    /// What is counted by threads and not taken over yet.
    open: usize,
    /// What judging keeps, over all lengths.
    judged: usize,
}

impl Room {
    /// `threads` count side by side.
    pub(super) fn new(observer: &Observer, monitor: &Monitor, threads: usize) -> Self {
        Self {
            window_bytes: observer.profiled.window_bytes,
            most_bytes: Self::most_bytes(monitor),
            beside: Beside {
                open: threads * Counts::<u32>::new(&observer.profiled.plan).size_bytes(),
                judged: Self::judged_bytes(observer, monitor),
            },
        }
    }

    /// Takes what a monitor allows and judges from now on, and says whether that leaves other room for windows.
    pub(super) fn change(&mut self, observer: &Observer, monitor: &Monitor) -> bool {
        self.beside.judged = Self::judged_bytes(observer, monitor);
        let before = std::mem::replace(&mut self.most_bytes, Self::most_bytes(monitor));
        before != self.most_bytes
    }

    fn most_bytes(monitor: &Monitor) -> usize {
        (monitor.memory_mib << 20) as usize
    }

    fn judged_bytes(observer: &Observer, monitor: &Monitor) -> usize {
        monitor.windows.len() * bytes_of_length(observer)
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
    pub(super) fn fewer(
        observer: &Observer,
        monitor: &Monitor,
    ) -> impl Iterator<Item = (&'static str, usize, usize)> + use<> {
        let wanted = Self::wanted(observer.unit_s());
        let kept = wanted.within(observer.profiled.window_bytes, Self::most_bytes(monitor));
        let lengths = [
            ("minutes", kept.minutes, wanted.minutes),
            ("hours", kept.hours, wanted.hours),
            ("days", kept.days, wanted.days),
        ];
        lengths.into_iter().filter(|(_, kept, wanted)| kept < wanted)
    }

    /// All that so many windows take, with what is beside them.
    fn bytes(&self, windows: Capacity) -> usize {
        let places = Traffic::ALL.len() * windows.size_bytes(size_of::<Option<Box<Window>>>());
        windows.size_bytes(self.window_bytes) + places + self.beside.open + self.beside.judged
    }

    /// What is needed and what is kept, for people.
    pub(super) fn describe(&self, unit_s: u64) -> Value {
        let (wanted, kept) = (Self::wanted(unit_s), self.capacity(unit_s));
        json!({
            "need_mib": mib(self.bytes(wanted)),
            "kept_mib": mib(self.bytes(kept)),
            "windows_mib": mib(kept.size_bytes(self.window_bytes)),
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
