//! Versions, targets and planes made by hand, without a repository.

use crate::drive::clock::Clock;
use crate::drive::compute::Compute;
use crate::drive::plane::Plane;
use crate::drive::snapshot::{Arm, Snapshot, Target, Version};
use crate::observe::counters::{BatchCounters, Counters, Labels};
use crate::runtime::Model;
use http::HeaderValue;
use std::sync::Arc;
use tidegate_core::document::{Document, LogLevel, VersionSettings};
use tidegate_core::oip::answer::Stamp;
use tidegate_core::plane::{CostModel, SharedCost, SharedInlineGate, VersionPolicy};
use tidegate_core::routing::RoutePlan;

/// Long enough for any test that has no deadline in mind.
pub(crate) const TIMEOUT: u64 = 3_600_000_000_000;

/// How a version is made; change what the test is about.
pub(crate) struct Recipe {
    pub(crate) settings: VersionSettings,
    pub(crate) unbatched: Option<String>,
    /// (elements, nanoseconds) that predict what a run costs.
    pub(crate) costs: Vec<(u64, u64)>,
    pub(crate) inline_budget: u64,
    pub(crate) max_bytes: u64,
}

impl Default for Recipe {
    /// Batched, one instance, a microsecond an element, at most a hundred of them inline.
    fn default() -> Self {
        Self {
            settings: VersionSettings { instances: 1, ..VersionSettings::default() },
            unbatched: None,
            costs: vec![(1, 1_000), (1_000, 1_000_000)],
            inline_budget: 100_000,
            max_bytes: 1 << 20,
        }
    }
}

/// Makes versions in the order of their slots.
pub(crate) fn version(
    compute: &Compute,
    name: &str,
    slot: usize,
    model: impl Model + 'static,
    recipe: Recipe,
) -> Arc<Version> {
    let Recipe { settings, unbatched, costs, inline_budget, max_bytes } = recipe;
    let max_rows = if unbatched.is_none() { settings.batching.max as u32 } else { 1 };
    let queue = compute.add_version(VersionPolicy {
        batching: unbatched.is_none(),
        max_rows,
        max_delay: 0,
        instances: settings.instances as u32,
        max_requests: settings.queue.requests as u32,
        max_bytes,
    });
    Arc::new(Version {
        id: name.parse().expect("tests write model/number"),
        slot,
        digest: "ab".repeat(32),
        size_bytes: 1234,
        model: Box::new(model),
        settings,
        unbatched,
        cost: SharedCost::new(CostModel::fit(&costs)),
        gate: SharedInlineGate::new(inline_budget),
        queue,
        batches: BatchCounters::new(max_rows),
    })
}

/// The label values that every plane begins with.
pub(crate) fn unknown_labels() -> Vec<Labels> {
    vec![Labels { route: "unknown".to_owned(), version: String::new() }]
}

/// A public name over `versions`, whose series go to the end of `labels`.
pub(crate) fn target(
    name: &str,
    route: Option<RoutePlan>,
    versions: &[&Arc<Version>],
    lead: usize,
    labels: &mut Vec<Labels>,
) -> Target {
    let mut series = |version: &str| {
        labels.push(Labels { route: name.to_owned(), version: version.to_owned() });
        labels.len() - 1
    };
    let arms = versions.iter().map(|version| Arm {
        version: Arc::clone(version),
        stamp: Stamp::new(name, version.id.version(), version.id.as_str(), 1, &version.signature().outputs),
        label: HeaderValue::from_static("fixture"),
        series: series(version.id.as_str()),
    });
    let arms = arms.collect();
    Target { name: name.to_owned(), route, arms, lead, timeout: TIMEOUT, series: series("") }
}

/// A name of its own for one version.
pub(crate) fn alone(version: &Arc<Version>) -> Arc<Target> {
    Arc::new(target(version.id.model(), None, &[version], 0, &mut unknown_labels()))
}

/// A plane that serves each version under its model's name.
pub(crate) fn plane(clock: Arc<dyn Clock>, compute: Arc<Compute>, versions: Vec<Arc<Version>>) -> Arc<Plane> {
    let mut labels = unknown_labels();
    let targets = versions.iter().map(|version| {
        let name = version.id.model();
        (name.to_owned(), Arc::new(target(name, None, &[version], 0, &mut labels)))
    });
    let targets = targets.collect();
    let snapshot = Snapshot { epoch: 1, incarnation: 1, targets, versions, index: Vec::new() };
    let counters = Counters::new(labels, 1);
    let mut document = Document::default();
    // Sheds are part of some tests, and nobody's news.
    document.log.level = LogLevel::Error;
    Arc::new(Plane::new(document, clock, compute, counters, "1.99.0".to_owned(), snapshot))
}
