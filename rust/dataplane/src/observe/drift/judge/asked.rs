//! What a monitor asks of a window.

use super::super::observer::Observer;
use std::collections::BTreeSet;
use std::sync::Arc;
use tidegate_core::document::{Monitor, WindowLength};
use tidegate_core::drift::budget::{Budget, Length};
use tidegate_core::monitor::{self, Finding, Pages, Reference, Settings};
use tidegate_core::sketch::{Cell, Feature};

/// Everything that a judgement depends on beside the profile and the counts, cheap to be kept with what was judged.
#[derive(Clone)]
pub(in super::super) struct Asked {
    /// The lengths that are judged.
    pub(super) windows: Arc<BTreeSet<WindowLength>>,
    tolerated_psi: f64,
    list_fdr: f64,
    pages_per_year: f64,
    /// In the order of the profile.
    weights: Arc<[f64]>,
}

impl Asked {
    pub(in super::super) fn of(observer: &Observer, monitor: &Monitor) -> Self {
        let weight_of =
            |feature: &Feature| monitor.features.get(&feature.name).map_or(feature.weight, |said| said.weight);
        let features = observer.profiled.plan.profile().features();
        Self {
            windows: Arc::new(monitor.windows.clone()),
            tolerated_psi: monitor.tolerate_psi,
            list_fdr: monitor.list_fdr,
            pages_per_year: monitor.pages.per_year(),
            weights: features.map(|(_, feature)| weight_of(feature)).collect(),
        }
    }

    /// Judges what was counted in a window.
    pub(super) fn judge(&self, observer: &Observer, length: WindowLength, cells: &[Cell]) -> Vec<Finding> {
        let budget = Budget { pages_per_year: self.pages_per_year };
        let lengths_in_use = self.windows.iter().copied().filter_map(paging).count();
        let settings = Settings {
            tolerated_psi: self.tolerated_psi,
            list_fdr: self.list_fdr,
            pages: paging(length).map(|length| Pages { budget, length, lengths_in_use }),
        };
        let profile = observer.profiled.plan.profile();
        let reference = Reference { profile, wanders: &observer.profiled.wanders, weights: &self.weights };
        monitor::judge(&reference, cells, settings)
            .expect("the cells of a plan have the bins of its profile, and fewer rows than 64 bits count")
    }
}

fn paging(length: WindowLength) -> Option<Length> {
    match length {
        WindowLength::Minute | WindowLength::Month => None,
        WindowLength::Hour => Some(Length::Hour),
        WindowLength::Day => Some(Length::Day),
    }
}
