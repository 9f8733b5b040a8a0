//! Snapshots of every released form and of one that is not written yet.

use serde_json::{Value, json};

use super::*;
use crate::document;

fn golden(name: &str) -> Value {
    let text = match name {
        "schema-1" => include_str!("../../../../tests/data/snapshots/schema-1.json"),
        "schema-2" => include_str!("../../../../tests/data/snapshots/schema-2.json"),
        _ => include_str!("../../../../tests/data/snapshots/future.json"),
    };
    serde_json::from_str(text).expect("the file is JSON")
}

fn read(name: &str) -> SnapshotDocument {
    SnapshotDocument::from_json(&golden(name)).expect("this release reads it")
}

/// What the golden files are about.
fn example() -> SnapshotDocument {
    let routes = json!({
        "flight-delay": {
            "sticky": "metadata[\"x-unit\"]",
            "split": {"flight-delay/1": 90, "flight-delay/2": 10},
            "stable": "flight-delay/1",
            "segments": [{"name": "hawaiian", "when": "params.carrier == \"HA\"", "split": {"flight-delay/2": 1}}],
            "pins": {"when": "metadata[\"x-team\"] in [\"ml\"]"},
            "shadow": [{"to": "flight-delay/3", "share_bp": 2000}],
            "decision": {"output": "probability", "threshold": 0.5},
        },
        "plain": {"split": {"flight-delay/1": 1}},
    });
    let document = document::parse(&json!({ "routes": routes })).expect("a good document");
    let routes = document.routes.iter().map(|(name, route)| (name.clone(), Arc::new(Revision::after(None, route))));
    SnapshotDocument {
        incarnation: 1_700_000_000,
        epoch: 7,
        routes: routes.collect(),
        digests: [("flight-delay/1".parse().expect("a version"), "ab".repeat(32))].into(),
        refused: BTreeMap::new(),
    }
}

#[test]
fn what_is_written_is_the_golden_file_of_this_schema_and_reads_back_the_same() {
    let written = example().to_json();
    assert_eq!(written, golden("schema-2"), "{written:#}");
    assert_eq!(read("schema-2"), example());
}

#[test]
fn the_first_schema_keeps_the_tables_of_its_routes() {
    let read = read("schema-1");
    assert_eq!((read.incarnation, read.epoch, read.digests.len()), (1, 3, 0));
    let revision = &read.routes["flight-delay"];
    assert_eq!(revision.table.ranges.len(), 3);
    assert_eq!(revision.route.split.len(), 2);
    assert_eq!(revision.route.pins, document::Pins::Allow);
}

#[test]
fn a_file_of_the_future_is_served_but_for_the_route_that_needs_more() {
    let read = read("future");
    assert_eq!(read.routes.keys().collect::<Vec<_>>(), ["plain"], "unknown fields are passed over");
    assert!(read.refused["flight-delay"].contains("\"ensembles\""), "{:?}", read.refused);
    assert_eq!((read.incarnation, read.epoch), (1_900_000_000, 40));
}

#[test]
fn what_needs_a_newer_release_as_a_whole_is_refused_with_the_word() {
    let mut value = golden("schema-2");
    value["requires"] = json!(["pins", "quorum"]);
    let refusal = SnapshotDocument::from_json(&value).expect_err("an unknown word");
    assert!(refusal.contains("\"quorum\""), "{refusal}");
}

#[test]
fn what_is_broken_is_refused_with_its_place() {
    let broken = |change: &dyn Fn(&mut Value)| {
        let mut value = golden("schema-2");
        change(&mut value);
        SnapshotDocument::from_json(&value).expect_err("a broken document")
    };
    let route = |value: &mut Value| value["routes"]["flight-delay"].take();
    assert!(broken(&|value| drop(route(value))).contains("\"flight-delay\""));
    assert!(broken(&|value| value["epoch"] = json!("7")).contains("epoch"));
    assert!(broken(&|value| value["routes"]["plain"]["table"]["ranges"] = json!([])).contains("belong to no arm"));
    let elsewhere = json!([[0, 4_294_967_296_u64, "flight-delay/9"]]);
    assert!(
        broken(&|value| value["routes"]["plain"]["table"]["ranges"] = elsewhere.clone()).contains("flight-delay/9")
    );
    let stable = json!("flight-delay/9");
    assert!(broken(&|value| value["routes"]["plain"]["table"]["stable"] = stable.clone()).contains("flight-delay/9"));
    // An arm of the route, and none of the segment.
    let foreign = json!([[0, 4_294_967_296_u64, "flight-delay/1"]]);
    let hawaiian = |value: &mut Value| {
        value["routes"]["flight-delay"]["segment_tables"]["hawaiian"]["ranges"] = foreign.clone();
    };
    assert!(broken(&hawaiian).contains("hawaiian"));
    let segments = |value: &mut Value| value["routes"]["flight-delay"]["segment_tables"] = json!({});
    assert!(broken(&segments).contains("hawaiian"));
    assert!(broken(&|value| value["versions"]["flight-delay/1"] = json!({})).contains("digest"));
    for value in [json!([]), json!({}), json!({"schema": 2})] {
        assert!(SnapshotDocument::from_json(&value).is_err());
    }
}
