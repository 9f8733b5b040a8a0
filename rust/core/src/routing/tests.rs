//! Golden vectors and the examples a reader wants; the laws are in `properties`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use proptest::proptest;

use super::*;
use crate::document::{self, Document};

/// Numbers published with XXH3, and those of this scheme; the Python tests read the same file.
pub(super) fn golden() -> Value {
    serde_json::from_str(include_str!("../../../../tests/data/routing_golden.json")).expect("the file is JSON")
}

fn items(value: &Value) -> impl Iterator<Item = &Vec<Value>> {
    value.as_array().expect("a list").iter().map(|item| item.as_array().expect("a list"))
}

fn hex(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().expect("text"), 16).expect("hexadecimal digits")
}

/// Weights by name.
pub(super) fn weights(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(arm, weight)| ((*arm).to_owned(), *weight)).collect()
}

fn ranges(value: &Value) -> Vec<Range> {
    serde_json::from_value(value.clone()).expect("a list of ranges")
}

fn parsed(value: &Value) -> Document {
    document::parse(value).expect("a good document")
}

/// The plan of the route `r` of a document with this split.
fn plan(split: &Value, sticky: &Value) -> RoutePlan {
    let document = parsed(&json!({"routes": {"r": {"split": split, "sticky": sticky}}}));
    RoutePlan::new("r", &Revision::after(None, &document.routes["r"])).expect("its own tables")
}

#[test]
fn the_hash_is_xxh3_in_each_of_its_length_branches() {
    let mut buffer = Vec::new();
    let mut state = 2_654_435_761_u64;
    for _ in 0..2367 {
        buffer.push((state >> 56) as u8);
        state = state.wrapping_mul(11_400_714_785_074_694_797);
    }
    for case in items(&golden()["xxh3_64"]) {
        let length = case[0].as_u64().expect("a length") as usize;
        let seed = case[1].as_u64().expect("a seed");
        assert_eq!(xxh3_64_with_seed(&buffer[..length], seed), hex(&case[2]), "length {length}, seed {seed}");
    }
}

#[test]
fn buckets_are_the_published_ones() {
    for case in items(&golden()["buckets"]) {
        let (salt, key) = (case[0].as_str().expect("a salt"), case[1].as_str().expect("a key"));
        assert_eq!(Salt::new(salt).hash(key.as_bytes()), hex(&case[2]));
        assert_eq!(u64::from(bucket(salt, key.as_bytes())), case[3].as_u64().expect("a bucket"));
    }
}

#[test]
fn the_golden_ramp_goes_up_and_comes_back_through_the_same_tables() {
    let golden = golden();
    let step = |from: &[Range], percent: u64| {
        let weights = weights(&[("stable", 100 - 2 * percent), ("control", percent), ("canary", percent)]);
        allocate(from, &weights, "stable").expect("weights and ranges are good")
    };
    let mut tables = vec![vec![Range::new(0, BUCKETS, "stable")]];
    for percent in [1, 5, 10, 25, 50] {
        let table = step(tables.last().expect("it starts with one"), percent);
        if let Some(expected) = golden["ramp"].get(percent.to_string()) {
            assert_eq!(table, ranges(expected), "{percent} %");
        }
        tables.push(table);
    }
    let mut table = tables.pop().expect("the top of the ramp");
    for (percent, earlier) in [25, 10, 5, 1, 0].into_iter().zip(tables.into_iter().rev()) {
        table = step(&table, percent);
        assert_eq!(table, earlier, "back at {percent} %");
    }
    let whole = allocate(&table, &weights(&[("canary", 100)]), "stable");
    assert_eq!(whole, Ok(vec![Range::new(0, BUCKETS, "canary")]));
}

#[test]
fn weights_of_zero_and_broken_previous_tables_are_refused() {
    assert_eq!(allocate(&[], &weights(&[("a", 0)]), "a"), Err(AllocateError::NoWeight));
    assert_eq!(allocate(&[], &weights(&[]), "a"), Err(AllocateError::NoWeight));
    let gap = [Range::new(0, 10, "a")];
    assert!(
        matches!(allocate(&gap, &weights(&[("a", 1)]), "a"), Err(AllocateError::Previous(errors)) if errors.len() == 1)
    );
}

#[test]
fn every_fault_of_explicit_ranges_is_named() {
    let ranges = [Range::new(5, 10, "a"), Range::new(8, 8, "b"), Range::new(10, BUCKETS + 1, "x")];
    let faults: Vec<String> = check_ranges(&ranges, |arm| arm != "x").iter().map(ToString::to_string).collect();
    assert_eq!(faults.len(), 5, "{faults:?}");
    for (fault, part) in faults.iter().zip(["[0, 5) belong to no arm", "start 8", "up to 10", "beyond", "\"x\" is not"])
    {
        assert!(fault.contains(part), "{fault}");
    }
    assert_eq!(check_ranges(&[], |_| true).len(), 1);
}

#[test]
fn the_first_and_the_last_bucket_resolve() {
    let ranges = [Range::new(0, 1, "b"), Range::new(1, BUCKETS - 1, "a"), Range::new(BUCKETS - 1, BUCKETS, "b")];
    let table = RangeTable::new(&ranges, &["a", "b", "idle"]).expect("a good table");
    assert_eq!([0, 1, u32::MAX - 1, u32::MAX].map(|bucket| table.arm_of(bucket)), [1, 0, 0, 1]);
    assert_eq!([0, 1, 2].map(|arm| table.share_of(arm)), [BUCKETS - 2, 2, 0]);
}

#[test]
fn a_caller_may_name_only_a_version_of_an_arm() {
    let route = plan(&json!({"m/1": 90, "m/2": 0, "other/2": 10, "other/7": 1}), &Value::Null);
    assert_eq!(
        ["1", "7", "m/2", "other/2"].map(|version| route.pin(version).ok()),
        [Some(0), Some(3), Some(1), Some(2)]
    );
    assert!(matches!(route.pin("2"), Err(PinError::Ambiguous { .. })));
    for stranger in ["3", "", "m/3", "01", "other"] {
        assert!(matches!(route.pin(stranger), Err(PinError::NotOnRoute { .. })), "{stranger}");
    }
    let shares = [0, 1, 2, 3].map(|arm| route.split.table.share_of(arm) > 0);
    assert_eq!(shares, [true, false, true, true]);
}

#[test]
fn key_values_are_hashed_as_text_and_only_when_they_tell_callers_apart() {
    assert_eq!(KeyBytes::of_bool(true).as_bytes(), b"true");
    for number in [0, 7, -7, i64::MIN, i64::MAX] {
        assert_eq!(KeyBytes::of_i64(number).as_bytes(), number.to_string().as_bytes());
    }
    assert_eq!(KeyBytes::of_u64(u64::MAX).as_bytes(), u64::MAX.to_string().as_bytes());
    assert!(KeyBytes::of_bytes(b"").is_none());
    assert!(KeyBytes::of_bytes(&[0; MAX_KEY_BYTES]).is_some());
    assert!(KeyBytes::of_bytes(&[0; MAX_KEY_BYTES + 1]).is_none());
}

#[test]
fn sticky_keys_are_read_in_each_spelling_and_refused_with_the_cure() {
    for text in ["metadata[\"x-unit\"]", "metadata['x-unit']"] {
        assert_eq!(text.parse(), Ok(StickyKey::Metadata("x-unit".into())), "{text}");
    }
    for text in ["params.unit", "params[\"unit\"]", "params['unit']"] {
        assert_eq!(text.parse(), Ok(StickyKey::Parameter("unit".into())), "{text}");
    }
    assert_eq!("metadata[\"X-Unit\"]".parse::<StickyKey>(), Err(StickyError::UpperCase("x-unit".into())));
    assert!(matches!("metadata[\"grpc-x\"]".parse::<StickyKey>(), Err(StickyError::Reserved(_))));
    assert!(matches!("metadata[\"a b\"]".parse::<StickyKey>(), Err(StickyError::MetadataName(_))));
    assert!(matches!("params[\"\"]".parse::<StickyKey>(), Err(StickyError::ParameterName(_))));
    for text in
        ["", "x-unit", "metadata", "metadata.x", "metadata[x]", "metadata[\"x']", "params.9", "params.", "paramsx"]
    {
        assert!(matches!(text.parse::<StickyKey>(), Err(StickyError::Form(_))), "{text}");
    }
}

fn revision(previous: Option<&Revision>, route: &Value) -> Revision {
    Revision::after(previous, &parsed(&json!({"routes": {"r": route}})).routes["r"])
}

#[test]
fn the_same_route_changes_nothing_and_a_changed_one_moves_the_fewest() {
    let route = |split: Value| json!({"split": split, "stable": "m/1"});
    let first = revision(None, &route(json!({"m/1": 90, "m/2": 10})));
    assert_eq!(revision(Some(&first), &route(json!({"m/2": 10, "m/1": 90}))), first);
    let second = revision(Some(&first), &route(json!({"m/1": 80, "m/2": 20})));
    let expected = allocate(&first.table.ranges, &weights(&[("m/1", 80), ("m/2", 20)]), "m/1");
    assert_eq!(Ok(&second.table.ranges), expected.as_ref());
    assert_eq!(revision(Some(&second), &route(json!({"m/1": 90, "m/2": 10}))), first);
}

#[test]
fn a_new_salt_starts_from_all_stable_and_explicit_ranges_are_taken_as_they_are() {
    let route = |more: Value| {
        let mut route = json!({"split": {"m/1": 50, "m/2": 50}, "stable": "m/1"});
        route.as_object_mut().expect("a mapping").extend(more.as_object().expect("a mapping").clone());
        route
    };
    let explicit = json!([[0, 7, "m/2"], [7, 4_294_967_296_u64, "m/1"]]);
    let fixed = revision(None, &route(json!({"ranges": explicit})));
    assert_eq!(fixed.table.ranges, ranges(&explicit));
    let freed = revision(Some(&fixed), &route(json!({})));
    assert_eq!(freed.table.ranges[0], Range::new(0, 7, "m/2"), "an arm that grows keeps what it has");
    let salted = revision(Some(&fixed), &route(json!({"salt": "other"})));
    assert_eq!(salted.table.ranges, [Range::new(0, BUCKETS / 2, "m/1"), Range::new(BUCKETS / 2, BUCKETS, "m/2")]);
}

#[test]
fn a_segment_has_a_history_of_its_own() {
    let route = |weight: u64| {
        let segment = json!({"name": "vip", "when": "params.vip == true", "split": {"m/2": 90, "m/3": weight}});
        json!({"split": {"m/1": 1}, "segments": [segment]})
    };
    let first = revision(None, &route(10));
    assert_eq!((&*first.segments["vip"].salt, &*first.segments["vip"].stable), ("r/vip", "m/2"));
    let second = revision(Some(&first), &route(30));
    let expected = allocate(&first.segments["vip"].ranges, &weights(&[("m/2", 90), ("m/3", 30)]), "m/2");
    assert_eq!(Ok(&second.segments["vip"].ranges), expected.as_ref());
    assert_eq!(revision(Some(&second), &route(10)), first);
}

/// A ramp as a person writes it, without a word about what is stable: walked up past one half and back again.
fn walk(steps: &[u64], route: impl Fn(u64) -> Value, table: impl Fn(&Revision) -> &RouteTable) {
    let mut history = vec![revision(None, &route(steps[0]))];
    for share in &steps[1..] {
        history.push(revision(history.last(), &route(*share)));
    }
    for share in steps.iter().rev().skip(1) {
        let current = history.pop().expect("a step for each share");
        let back = revision(Some(&current), &route(*share));
        assert_eq!(table(&back), table(history.last().expect("the step before")), "back to {share} of 100");
        *history.last_mut().expect("the step before") = back;
    }
}

#[test]
fn a_ramp_past_one_half_is_walked_back_to_every_earlier_table() {
    let route = |share: u64| json!({"split": {"m/1": 100 - share, "m/2": share}});
    walk(&[10, 40, 60, 80, 100], route, |revision| &revision.table);
    let segment = |share: u64| {
        let segment = json!({"name": "vip", "when": "params.vip", "split": {"m/3": 100 - share, "m/4": share}});
        json!({"split": {"m/1": 1}, "segments": [segment]})
    };
    walk(&[10, 40, 60, 80, 100], segment, |revision| &revision.segments["vip"]);
}

proptest! {
    #[test]
    fn walking_any_ramp_back_restores_every_earlier_table(
        mut steps in proptest::collection::btree_set(0u64..=100, 2..8),
    ) {
        steps.insert(0);
        let steps: Vec<u64> = steps.into_iter().collect();
        walk(&steps, |share| json!({"split": {"m/1": 100 - share, "m/2": share}}), |revision| &revision.table);
    }
}

#[test]
fn stable_is_what_is_named_or_what_it_was_or_the_heaviest() {
    let route = |split: Value, stable: Value| json!({"split": split, "stable": stable});
    let first = revision(None, &route(json!({"m/1": 1, "m/2": 5, "m/3": 5}), json!(null)));
    assert_eq!(first.stable(), "m/2", "the heaviest, ties by name");
    let second = revision(Some(&first), &route(json!({"m/1": 9, "m/2": 0}), json!(null)));
    assert_eq!(second.stable(), "m/2", "it is an arm still");
    assert_eq!(revision(Some(&second), &route(json!({"m/1": 9, "m/2": 0}), json!("m/1"))).stable(), "m/1");
    assert_eq!(revision(Some(&second), &route(json!({"m/1": 9, "m/3": 1}), json!(null))).stable(), "m/1");
}
