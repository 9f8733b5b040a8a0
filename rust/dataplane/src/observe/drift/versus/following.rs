//! What was counted of the versions of one split, and what becomes of it: one thread adds and compares.

use super::super::track::Told;
use super::Owned;
use super::arm::Arm;
use super::comparison::{Comparison, SeenComparison, Times};
use super::side::Side;
use std::path::Path;
use std::sync::Arc;
use tidegate_core::document::{Monitor, WindowLength};
use tidegate_core::sketch::Capacity;

/// What was counted of the versions of a split, and what becomes of it.
pub(super) struct Following {
    /// In the order of the arms.
    pub(super) sides: Vec<Side>,
    /// One for each arm after the stable one.
    comparisons: Vec<Comparison>,
    pub(super) room: Option<Room>,
    /// Windows that ended before were compared, and told of, by the gateway that stored them.
    stored_s: u64,
}

/// How many windows are kept; none before the split was opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Of one window of a version, all sub-cells together.
    pub(super) window_bytes: usize,
    pub(super) capacity: Capacity,
}

/// What was found, as it stays for whoever looks at it.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) newest_s: Option<u64>,
    pub(super) room: Option<Room>,
    pub(super) comparisons: Vec<SeenComparison>,
}

impl Following {
    pub(super) fn new(arms: &[Arc<Arm>]) -> Self {
        let sides = arms.iter().map(|arm| Side::new(Arc::clone(arm))).collect();
        let comparisons = arms.iter().skip(1).map(|_| Comparison::default()).collect();
        Self { sides, comparisons, room: None, stored_s: 0 }
    }

    /// Makes room as a monitor wants it; whether it is the first time.
    pub(super) fn make_room(&mut self, monitor: &Monitor) -> bool {
        let window_bytes = self.room.map_or_else(|| self.sides[0].window_bytes(), |room| room.window_bytes);
        let capacity = wanted(monitor).within(window_bytes, (monitor.memory_mib << 20) as usize);
        let before = self.room.replace(Room { window_bytes, capacity });
        if before.is_none_or(|before| before.capacity != capacity) {
            self.sides.iter_mut().for_each(|side| side.make_room(capacity));
        }
        before.is_none()
    }

    /// Reads what is stored in a folder, and says what cannot be read.
    pub(super) fn read(&mut self, folder: &Path) -> Vec<String> {
        let refusals = self.sides.iter_mut().flat_map(|side| side.read(folder)).collect();
        self.stored_s = self.newest_s().unwrap_or(0);
        refusals
    }

    pub(super) fn collect(&mut self, owned: &mut Owned) {
        let has_hours = self.room.is_some_and(|room| room.capacity.hours > 0);
        let shortest = if has_hours { WindowLength::Hour } else { WindowLength::Day };
        self.sides.iter_mut().for_each(|side| side.collect(shortest.longest_s(), owned));
    }

    fn newest_s(&self) -> Option<u64> {
        self.sides.iter().filter_map(Side::newest_s).max()
    }

    /// Compares what has closed since; what is told is of the version of an arm.
    pub(super) fn advance(&mut self, monitor: &Monitor, arrival_s: u64, tell: impl Fn(&Arm, Told)) {
        let Some(newest_s) = self.newest_s() else { return };
        let now_s = if monitor.observe.clock.is_some() { newest_s } else { arrival_s.max(newest_s) };
        let first_s = self.sides.iter().filter_map(|side| side.first_s).min().unwrap_or(now_s);
        let times = Times { known: first_s..=newest_s, now_s };
        let (stable, candidates) = self.sides.split_first().expect("a stable version is held against others");
        for (candidate, comparison) in candidates.iter().zip(&mut self.comparisons) {
            comparison.advance([stable, candidate], monitor, &times, &mut |told| {
                if told.transition.at_ms / 1_000 > self.stored_s {
                    tell(candidate.arm(), told);
                }
            });
        }
    }

    pub(super) fn seen(&self) -> Seen {
        let comparisons = self.comparisons.iter().map(Comparison::seen).collect();
        Seen { newest_s: self.newest_s(), room: self.room, comparisons }
    }
}

/// The lengths of windows that versions are compared in: a minute has too few callers, and a month more days than are kept.
pub(super) fn lengths(monitor: &Monitor) -> impl Iterator<Item = WindowLength> {
    let is_compared = |length: &WindowLength| matches!(length, WindowLength::Hour | WindowLength::Day);
    monitor.windows.iter().copied().filter(is_compared)
}

/// As many windows as there are lengths that versions are compared in.
pub(super) fn wanted(monitor: &Monitor) -> Capacity {
    let Capacity { hours, days, .. } = Capacity::default();
    let if_compared = |length, windows| if lengths(monitor).any(|compared| compared == length) { windows } else { 0 };
    Capacity { minutes: 0, hours: if_compared(WindowLength::Hour, hours), days: if_compared(WindowLength::Day, days) }
}
