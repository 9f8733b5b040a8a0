//! Closed windows of one class of traffic: the latest minutes, hours and days, each added to by itself.

use std::collections::BTreeMap;
use tidegate_core::document::WindowLength;
use tidegate_core::sketch::{Cell, Counts, Plan};

/// The lengths that are kept; months are put together of days.
const KEPT: [WindowLength; 3] = [WindowLength::Minute, WindowLength::Hour, WindowLength::Day];

/// How many windows of a length are kept, the newest one among them.
pub(super) fn kept(length: WindowLength) -> usize {
    match length {
        WindowLength::Minute => 60,
        WindowLength::Hour => 24,
        WindowLength::Day => 35,
        // Its days are kept, and those of the month before are not.
        WindowLength::Month => 1,
    }
}

/// The windows of one class, by their start in Unix seconds.
#[derive(Default)]
pub(super) struct Rings {
    windows: BTreeMap<WindowLength, BTreeMap<u64, Counts<u64>>>,
    first_s: Option<u64>,
    newest_s: u64,
    rows: u64,
    late: u64,
}

impl Rings {
    /// Adds counts of a unit of time to every window that it is in. What is older than the oldest window of each length is
    /// late, and only counted as such.
    ///
    /// `unit_s` is how long it is: windows shorter than that are not kept.
    pub(super) fn add(&mut self, plan: &Plan, start_s: u64, unit_s: u64, counts: &Counts<u32>) {
        self.first_s.get_or_insert(start_s);
        self.newest_s = self.newest_s.max(start_s);
        let mut is_kept = false;
        for length in KEPT.into_iter().filter(|length| length.longest_s() >= unit_s) {
            let oldest_s =
                length.start_of(self.newest_s).saturating_sub((kept(length) as u64 - 1) * length.longest_s());
            let ring = self.windows.entry(length).or_default();
            if length.start_of(start_s) >= oldest_s {
                ring.entry(length.start_of(start_s)).or_insert_with(|| Counts::new(plan)).merge(counts);
                is_kept = true;
            }
            *ring = ring.split_off(&oldest_s);
        }
        let rows = match counts.cell(plan, 0) {
            Cell::Numeric(cell) => cell.rows(),
            Cell::Categorical(cell) => cell.rows(),
        };
        *(if is_kept { &mut self.rows } else { &mut self.late }) += rows;
    }

    /// What was counted in a window; `None` if nothing was, or it is not kept any more.
    pub(super) fn window(&self, length: WindowLength, start_s: u64) -> Option<Counts<u64>> {
        match length {
            WindowLength::Month => {
                let days = self.windows.get(&WindowLength::Day)?.range(start_s..length.end_of(start_s));
                sum(days.map(|(_, counts)| counts))
            }
            _ => self.windows.get(&length)?.get(&start_s).cloned(),
        }
    }

    /// The time that was counted first, in Unix seconds; others may have happened before it.
    pub(super) fn first_s(&self) -> Option<u64> {
        self.first_s
    }

    /// The newest time that was counted, in Unix seconds.
    pub(super) fn newest_s(&self) -> u64 {
        self.newest_s
    }

    /// Rows that were added, of which some may be forgotten again.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows that came too late for every window.
    pub(super) fn late(&self) -> u64 {
        self.late
    }
}

/// Counts taken together; `None` of none.
pub(super) fn sum<'c>(mut counts: impl Iterator<Item = &'c Counts<u64>>) -> Option<Counts<u64>> {
    let first = counts.next()?.clone();
    Some(counts.fold(first, |mut sum, other| {
        sum.merge(other);
        sum
    }))
}
