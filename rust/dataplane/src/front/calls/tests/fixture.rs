//! A plane that serves one route and two models, without a runtime: what the calls about models speak of.

use crate::drive::clock::{Clock, SystemClock};
use crate::drive::compute::Compute;
use crate::drive::plane::Plane;
use crate::drive::snapshot::{IndexEntry, Progress, Snapshot, Target, Version};
use crate::observe::drift::Watches;
use crate::runtime::{Model, Worker};
use crate::testing;
use crate::testing::model::spec;
use crate::testing::plane::{Recipe, target};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tidegate_core::document::{Document, Pins, Route, VersionId, VersionSettings};
use tidegate_core::oip::datatype::Datatype;
use tidegate_core::oip::signature::Signature;
use tidegate_core::routing::{Revision, RoutePlan, StickyKey};

struct Fake(Signature);

impl Model for Fake {
    fn signature(&self) -> &Signature {
        &self.0
    }

    fn worker(&self) -> Box<dyn Worker> {
        unreachable!("these tests run no model")
    }

    fn terminate(&self) {}

    fn set_shrinking(&self, _: bool) {}
}

/// The route `delay` over `flight/2` (90, stable) and `flight/10` (10), batched; the models `flight` and `single`, the
/// latter unbatched; in the repository also `flight/1`, not loaded, and `broken/1`, failed.
pub(in crate::front) fn plane() -> Plane {
    let document = document();
    let compute = testing::plane::compute(1);
    let flight = Signature {
        inputs: vec![spec("carrier", Datatype::Bytes, &[-1, 1]), spec("hour", Datatype::Fp32, &[-1, 3])],
        outputs: vec![spec("probability", Datatype::Fp32, &[-1, 2])],
    };
    let single =
        Signature { inputs: vec![spec("x", Datatype::Int64, &[2, -1])], outputs: vec![spec("y", Datatype::Fp64, &[])] };
    let why = Some("the first axis of input \"x\" is fixed at 2, not dynamic".to_owned());
    let versions = vec![
        version(&compute, "flight/2", 0, flight.clone(), None),
        version(&compute, "flight/10", 1, flight, None),
        version(&compute, "single/3", 2, single, why),
    ];
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let both = [Arc::clone(&compute), testing::plane::compute(1)];
    let plane = Plane::new(document.clone(), clock, both, 1, "1.99.0".to_owned(), None, Watches::default());
    let counters = &plane.counters;
    let revision = Revision::after(None, &document.routes["delay"]);
    let plan = RoutePlan::new("delay", &revision).expect("tables over its own arms");
    let routed = target("delay", Some(plan), &[&versions[1], &versions[0]], 1, counters);
    let flights = target("flight", None, &[&versions[0], &versions[1]], 1, counters);
    let singles = target("single", None, &[&versions[2]], 0, counters);
    let targets: HashMap<String, Arc<Target>> =
        [routed, flights, singles].into_iter().map(|target| (target.name.to_string(), Arc::new(target))).collect();
    let (targets, versions) = (Arc::new(targets), Arc::new(versions));
    let progress = Arc::new(Progress { index: index(), ..Progress::default() });
    plane.swap(Snapshot { epoch: 1, incarnation: 1, targets, versions, progress, ..Snapshot::default() });
    plane
}

fn document() -> Document {
    let stable = id("flight/2");
    let route = Route {
        sticky: Some(StickyKey::Metadata("x-unit".to_owned())),
        split: BTreeMap::from([(stable.clone(), 90), (id("flight/10"), 10)]),
        stable: Some(stable),
        salt: "delay".to_owned(),
        segments: Vec::new(),
        pins: Pins::Allow,
        shadow: Vec::new(),
        decision: None,
        timeout_ms: 200,
        ranges: None,
    };
    Document { routes: BTreeMap::from([("delay".to_owned(), route)]), ..Default::default() }
}

fn id(text: &str) -> VersionId {
    text.parse().expect("the fixture writes model/number")
}

/// As wide a version as the calls about models need: its queue and its cost are seen, its runs are not.
fn version(
    compute: &Compute,
    name: &str,
    slot: usize,
    signature: Signature,
    unbatched: Option<String>,
) -> Arc<Version> {
    let costs = vec![(4, 8_000), (64, 128_000)];
    let recipe = Recipe { settings: VersionSettings::default(), unbatched, costs, ..Recipe::default() };
    testing::plane::version(compute, name, slot, Fake(signature), recipe)
}

fn index() -> Vec<IndexEntry> {
    let entry = |model: &str, version: &str, reason: &str| IndexEntry {
        model: model.to_owned(),
        version: version.to_owned(),
        ready: reason.is_empty(),
        reason: reason.to_owned(),
    };
    vec![
        entry("broken", "1", "not an ONNX model"),
        entry("flight", "1", "not loaded: nothing names it"),
        entry("flight", "2", ""),
        entry("flight", "10", ""),
        entry("single", "3", ""),
    ]
}
