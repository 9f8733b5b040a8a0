//! Version against version: the split traffic of every arm by the callers' sub-cells, in the bins of the stable version.
//!
//! Versions are compared as long as their split stays what it is. When an arm gets another share, rows of before and after are
//! no fair sample any more: of the one arm most would be of the morning, of the other of the afternoon. A changed split is
//! another one, and begins anew.

mod arm;
mod comparison;
mod following;
mod side;
mod split;
#[cfg(test)]
mod tests;

use super::Profiled;
use super::lane::Lane;
use super::metrics::Gauge;
use super::observer::{InOrder, Observer, Open};
use super::telling::Teller;
use super::watches::Key;
use crate::drive::snapshot::Version;
use crate::observe::log::Log;
use serde_json::Value;
use split::Split;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tidegate_core::document::Monitor;
use tidegate_core::drift::design_effect::SUB_CELLS;
use tidegate_core::routing::{Range, RoutePlan};

/// Where the split traffic of one arm is counted.
pub struct Callers {
    /// Whether somebody watches, and by which clock; its profile is the stable version's.
    pub observer: Observer,
    /// Whether these are the bins of the arm's own profile, so that the sum of its sub-cells is its split window.
    pub is_own: bool,
    /// Made by the first request that is counted: most routes are not watched.
    lanes: OnceLock<Box<[Lane<Open>; SUB_CELLS]>>,
    /// Only touched by the one who collects.
    order: Mutex<InOrder<usize>>,
}

impl Callers {
    fn new(profiled: Arc<Profiled>, is_own: bool) -> Self {
        let (lanes, order) = (OnceLock::new(), Mutex::default());
        Self { observer: Observer::new(profiled), is_own, lanes, order }
    }

    pub(super) fn lane(&self, sub_cell: u8) -> &Lane<Open> {
        let lanes = self.lanes.get_or_init(|| Box::new(std::array::from_fn(|_| Lane::default())));
        &lanes[usize::from(sub_cell)]
    }

    /// Begins to count as a monitor wants it, or ends.
    fn watch(&self, monitor: Option<&Monitor>) {
        self.observer.watch(monitor.filter(|monitor| following::lengths(monitor).next().is_some()));
    }

    /// Everything counted since the last call, by sub-cell, in the order of time.
    fn collect(&self) -> Vec<(usize, Box<Open>)> {
        self.order().take(self.look(), self.look())
    }

    /// The same when nobody counts here any more.
    fn collect_all(&self) -> Vec<(usize, Box<Open>)> {
        let mut opens = self.collect();
        opens.extend(self.order().rest());
        opens
    }

    fn order(&self) -> MutexGuard<'_, InOrder<usize>> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self) -> Vec<(usize, Box<Open>)> {
        let lanes = self.lanes.get().into_iter().flat_map(|lanes| lanes.iter().enumerate());
        lanes.flat_map(|(sub_cell, lane)| lane.collect().into_iter().map(move |open| (sub_cell, open))).collect()
    }
}

/// The arms of a route, and how its split deals callers among them.
pub struct Arms<'a> {
    pub plan: &'a RoutePlan,
    pub ranges: &'a [Range],
    /// In the order of the plan.
    pub versions: Vec<&'a Arc<Version>>,
}

/// What was counted of an arm whose own windows are the sum of its sub-cells.
pub(super) type Owned = Vec<(Key, Box<Open>)>;

/// The versions of every route beside each other.
#[derive(Default)]
pub(super) struct Comparisons {
    /// Where sub-cells are kept; nowhere in a gateway without a state folder.
    folder: Option<PathBuf>,
    /// Held to look up who is compared, and never while anything is.
    compared: Mutex<Compared>,
}

#[derive(Default)]
struct Compared {
    splits: BTreeMap<Arc<str>, Arc<Split>>,
    /// Of splits that are no more, for the requests that still run: their rows are of the arm's own windows.
    leaving: Vec<(Key, Arc<Callers>)>,
}

impl Comparisons {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder: Some(folder), ..Self::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Compared> {
        self.compared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the split traffic of each arm is counted, in the order of the plan; `None` for one that is not compared.
    pub(super) fn callers(
        &self,
        route: &Arc<str>,
        arms: &Arms<'_>,
        monitor: Option<&Monitor>,
    ) -> Vec<Option<Arc<Callers>>> {
        let mut compared = self.lock();
        let Some(digest) = split::digest(route, arms, monitor) else {
            compared.leave(route);
            return vec![None; arms.versions.len()];
        };
        if compared.splits.get(route).is_none_or(|split| split.digest != digest) {
            compared.leave(route);
            let split = Split::new(route, arms, monitor, digest);
            split.arms.iter().for_each(|arm| arm.callers.watch(monitor));
            compared.splits.insert(Arc::clone(route), Arc::new(split));
        }
        let own = &compared.splits[route].arms;
        let of_place = |place| own.iter().find(|arm| arm.place == place).map(|arm| Arc::clone(&arm.callers));
        (0..arms.versions.len()).map(of_place).collect()
    }

    /// Lets go of the routes that are no more.
    pub(super) fn keep(&self, is_route: impl Fn(&str) -> bool) {
        let mut compared = self.lock();
        let gone: Vec<Arc<str>> = compared.splits.keys().filter(|route| !is_route(route)).cloned().collect();
        for route in &gone {
            compared.leave(route);
        }
    }

    pub(super) fn watch(&self, monitors: &BTreeMap<String, Monitor>) {
        let compared = self.lock();
        for (route, split) in &compared.splits {
            split.arms.iter().for_each(|arm| arm.callers.watch(monitors.get(&**route)));
        }
        for (key, callers) in &compared.leaving {
            callers.watch(monitors.get(&*key.route));
        }
    }

    /// Relieves the threads of what they have counted, compares what has closed, and tells of it.
    pub(super) fn tick(&self, monitors: &BTreeMap<String, Monitor>, arrival_s: u64, teller: &Teller<'_>) -> Owned {
        let mut owned = Owned::new();
        for (route, split) in self.splits() {
            if let Some(monitor) = monitors.get(&*route) {
                split.tick(monitor, arrival_s, (self.folder.as_deref(), teller), &mut owned);
            }
        }
        self.lock().leaving.retain(|(key, callers)| {
            // Asked first: whoever held it until now has put back what it counted.
            let is_last = Arc::strong_count(callers) == 1;
            let opens = if is_last { callers.collect_all() } else { callers.collect() };
            owned.extend(opens.into_iter().map(|(_, open)| (key.clone(), open)));
            !is_last
        });
        owned
    }

    fn splits(&self) -> Vec<(Arc<str>, Arc<Split>)> {
        self.lock().splits.iter().map(|(route, split)| (Arc::clone(route), Arc::clone(split))).collect()
    }

    /// Writes the windows that have changed.
    pub(super) fn write(&self, log: &Log) {
        self.splits().iter().for_each(|(_, split)| split.write(log));
    }

    /// The newest compared window of every length, feature by feature.
    pub(super) fn gauges(&self) -> Vec<Gauge> {
        self.splits().iter().flat_map(|(_, split)| split.gauges()).collect()
    }

    /// What is known of the versions of a route beside each other, as JSON.
    pub(super) fn report(&self, route: &str, monitor: &Monitor) -> Vec<Value> {
        let split = self.lock().splits.get(route).cloned();
        split.map(|split| split.report(monitor)).unwrap_or_default()
    }
}

impl Compared {
    fn leave(&mut self, route: &str) {
        let split = self.splits.remove(route);
        let arms = split.iter().flat_map(|split| &split.arms);
        self.leaving.extend(arms.filter_map(|arm| Some((arm.own.clone()?, Arc::clone(&arm.callers)))));
    }
}
