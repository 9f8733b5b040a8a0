//! Versions, targets and planes made by hand, without a repository.

use crate::drive::clock::Clock;
use crate::drive::compute::Compute;
use crate::drive::plane::Plane;
use crate::drive::recorded::Recorded;
use crate::drive::snapshot::{Arm, Snapshot, Target, Version, max_rows};
use crate::drive::workers::Seats;
use crate::observe::batches::BatchCounters;
use crate::observe::counters::Counters;
use crate::observe::drift::{Observed, Observer, Profiled, Watches};
use crate::runtime::Model;
use crate::shadow::Shadows;
use http::HeaderValue;
use std::sync::Arc;
use tidegate_core::document::{Document, LogLevel, Monitor, VersionSettings};
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
    let max_rows = max_rows(&settings, unbatched.is_none());
    let queue = compute.add_version(VersionPolicy {
        batching: unbatched.is_none(),
        max_rows,
        max_delay: 0,
        instances: settings.instances as u32,
        max_requests: settings.queue.requests as u32,
        max_bytes,
        levels: settings.queue.priority_levels as u8,
    });
    Arc::new(Version {
        id: name.parse().expect("tests write model/number"),
        slot,
        serial: slot as u64,
        digest: "ab".repeat(32),
        size_bytes: 1234,
        profile: None,
        model: Arc::new(model),
        settings,
        unbatched,
        cost: SharedCost::new(CostModel::fit(&costs)),
        gate: SharedInlineGate::new(inline_budget),
        queue,
        // Tests of shadows give copies a queue of their own.
        shadow_queue: queue,
        batches: BatchCounters::new(max_rows),
        recorded: Recorded::default(),
        lease: None,
        seats: Seats::new(None),
    })
}

/// A public name over `versions`.
pub(crate) fn target(
    name: &str,
    route: Option<RoutePlan>,
    versions: &[&Arc<Version>],
    lead: usize,
    counters: &Counters,
) -> Target {
    let (name, route): (Arc<str>, _) = (name.into(), route.map(Arc::new));
    let arms = versions.iter().map(|version| {
        Arc::new(Arm {
            name: Arc::clone(&name),
            route: route.clone(),
            version: Arc::clone(version),
            stamp: Stamp::new(&name, version.id.version(), version.id.as_str(), &version.signature().outputs),
            label: HeaderValue::from_static("fixture"),
            segment_labels: Arc::default(),
            series: counters.series(&name, version.id.as_str()),
            observed: None,
            callers: None,
        })
    });
    let arms = arms.collect();
    let series = counters.series(&name, "");
    let (misses, shadows) = (Vec::new(), Shadows::default());
    Target { name, route, arms, lead, timeout: TIMEOUT, series, misses, shadows }
}

/// A name of its own for one version.
pub(crate) fn alone(version: &Arc<Version>) -> Arc<Target> {
    Arc::new(target(version.id.model(), None, &[version], 0, &Counters::new(1)))
}

/// The only arm of a target counts what it is asked and answers from now on, without a reference.
pub(crate) fn watch(target: &mut Target) -> Arc<Observer> {
    let arm = Arc::get_mut(&mut target.arms[0]).expect("nobody asks it yet");
    let observer = Arc::new(Observer::new(Arc::new(Profiled::bare(arm.version.signature()))));
    observer.watch(Some(&Monitor::default()));
    arm.observed = Some(Observed { observer: Arc::clone(&observer), is_shadow: false });
    observer
}

/// Rows of the only input and of the first output that were counted since this was asked last.
pub(crate) fn counted(observer: &Observer) -> (u64, u64) {
    observer.collect().iter().fold((0, 0), |(asked, answered), (_, open)| {
        let cells = open.counts.bare_cells(&observer.profiled.plan);
        (asked + cells[0].rows(), answered + cells[1].rows())
    })
}

/// A compute that begins `at_once` runs side by side.
pub(crate) fn compute(at_once: usize) -> Arc<Compute> {
    Arc::new(Compute::new("tidegate-run", at_once, 0))
}

/// A plane that serves nothing yet.
pub(crate) fn empty_plane(clock: Arc<dyn Clock>, compute: Arc<Compute>) -> Plane {
    let mut document = Document::default();
    // Sheds are part of some tests, and nobody's news.
    document.log.level = LogLevel::Error;
    Plane::new(document, clock, [compute, self::compute(1)], 1, "1.99.0".to_owned(), None, Watches::default())
}

/// A plane that serves each version under its model's name.
pub(crate) fn plane(clock: Arc<dyn Clock>, compute: Arc<Compute>, versions: Vec<Arc<Version>>) -> Arc<Plane> {
    let plane = empty_plane(clock, compute);
    let targets = versions.iter().map(|version| {
        let name = version.id.model();
        (name.to_owned(), Arc::new(target(name, None, &[version], 0, &plane.counters)))
    });
    let targets = Arc::new(targets.collect());
    plane.swap(Snapshot { epoch: 1, incarnation: 1, targets, versions: Arc::new(versions), ..Snapshot::default() });
    Arc::new(plane)
}
