//! What was counted of one arm of a split.

use super::super::observer::Open;
use super::super::store::Store;
use super::Owned;
use super::arm::Arm;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tidegate_core::drift::design_effect::SUB_CELLS;
use tidegate_core::sketch::{Capacity, Counts, Length, Rings, Traffic, Window};

/// The lengths of windows that are kept: a minute has too few callers.
const KEPT: [Length; 2] = [Length::Hour, Length::Day];

pub(super) struct Side {
    arm: Arc<Arm>,
    /// One for each sub-cell.
    rings: [Rings; SUB_CELLS],
    stores: Vec<Store>,
    /// The time that is known first, in Unix seconds.
    pub(super) first_s: Option<u64>,
    /// Windows that were added to since they were written.
    unwritten: BTreeSet<(usize, Length, u64)>,
}

/// Before a monitor wants anything.
pub(super) const NOTHING: Capacity = Capacity { minutes: 0, hours: 0, days: 0 };

impl Side {
    pub(super) fn new(arm: Arc<Arm>) -> Self {
        let rings = std::array::from_fn(|_| Rings::new(arm.key.clone(), NOTHING));
        Self { arm, rings, stores: Vec::new(), first_s: None, unwritten: BTreeSet::new() }
    }

    pub(super) fn arm(&self) -> &Arm {
        &self.arm
    }

    /// Bytes of one window of all sub-cells.
    pub(super) fn window_bytes(&self) -> usize {
        SUB_CELLS * Counts::<u64>::new(self.arm.plan()).size_bytes()
    }

    /// Goes on with other room; windows without room are given up.
    pub(super) fn make_room(&mut self, capacity: Capacity) {
        let plan = self.arm.plan();
        for rings in &mut self.rings {
            let before = std::mem::replace(rings, Rings::new(rings.key().clone(), capacity));
            for window in KEPT.into_iter().flat_map(|length| before.windows(length)) {
                rings.restore(plan, window).expect("its own windows have its key and its bins");
            }
        }
    }

    /// Reads what is stored of it in a folder, and says what cannot be read.
    pub(super) fn read(&mut self, folder: &Path) -> Vec<String> {
        let mut refusals = Vec::new();
        for sub_cell in 0..SUB_CELLS {
            let store = Store::new(folder.join(format!("{}-{sub_cell}", self.arm.place)));
            let (windows, refused) = store.read();
            refusals.extend(refused);
            for window in windows {
                match self.rings[sub_cell].restore(self.arm.plan(), &window) {
                    Ok(()) => self.begin(window.start_s),
                    Err(refused) => refusals.push(format!("a stored window is left out: {refused}")),
                }
            }
            self.stores.push(store);
        }
        refusals
    }

    fn begin(&mut self, at_s: u64) {
        self.first_s = Some(self.first_s.map_or(at_s, |first_s| first_s.min(at_s)));
    }

    /// Takes what threads have counted; `longest_s` is the shortest window that is kept.
    pub(super) fn collect(&mut self, longest_s: u64, owned: &mut Owned) {
        let arm = Arc::clone(&self.arm);
        for (sub_cell, open) in arm.callers.collect() {
            // Counted by days a moment before hours were asked for: it has no hour.
            if open.unit_s <= longest_s {
                self.add(sub_cell, &open);
            }
            owned.extend(arm.own.clone().map(|key| (key, open)));
        }
    }

    fn add(&mut self, sub_cell: usize, open: &Open) {
        let plan = self.arm.plan();
        let rows = open.counts.cell(plan, 0).rows();
        self.rings[sub_cell].add(plan, open.start_s, rows, &open.counts);
        self.begin(open.start_s);
        self.unwritten.extend(KEPT.map(|length| (sub_cell, length, length.start_s(open.start_s))));
    }

    /// The newest time that its traffic knows, in Unix seconds.
    pub(super) fn newest_s(&self) -> Option<u64> {
        self.rings.iter().filter_map(Rings::watermark_s).max()
    }

    /// What one sub-cell has in a window.
    pub(super) fn window(&self, sub_cell: usize, length: Length, start_s: u64) -> Option<&Window> {
        self.rings[sub_cell].windows(length).into_iter().find(|window| window.start_s == start_s)
    }

    /// Writes the windows that have changed.
    ///
    /// # Errors
    /// The first of the system's refusals; what it was about is tried again next time.
    pub(super) fn write(&mut self) -> io::Result<()> {
        if self.stores.is_empty() {
            return Ok(());
        }
        let mut written_to = BTreeSet::new();
        while let Some((sub_cell, length, start_s)) = self.unwritten.first().copied() {
            if let Some(window) = self.window(sub_cell, length, start_s) {
                self.stores[sub_cell].write(window)?;
                written_to.insert((sub_cell, length));
            }
            self.unwritten.pop_first();
        }
        for (sub_cell, length) in written_to {
            if let Some(oldest) = self.rings[sub_cell].windows(length).first() {
                self.stores[sub_cell].remove_before(Traffic::Split, length, oldest.start_s);
            }
        }
        Ok(())
    }
}
