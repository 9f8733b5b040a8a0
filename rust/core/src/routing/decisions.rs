//! Who answers, in the order pins ▸ segments ▸ sticky bucket ▸ arms: examples, and the laws of decisions.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::condition::{Context, Param};
use crate::document;

/// A request made by hand.
#[derive(Clone, Debug, Default)]
struct Request {
    metadata: BTreeMap<String, Vec<u8>>,
    params: BTreeMap<String, Value>,
}

impl Request {
    fn with(metadata: &[(&str, &str)], params: Value) -> Self {
        let metadata = metadata.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        Self { metadata, params: serde_json::from_value(params).expect("a mapping") }
    }
}

impl Context for Request {
    fn metadata(&self, name: &str) -> Option<&[u8]> {
        self.metadata.get(name).map(Vec::as_slice)
    }

    fn param(&self, name: &str) -> Option<Param<'_>> {
        match self.params.get(name)? {
            Value::String(text) => Some(Param::Text(text.as_bytes())),
            Value::Bool(value) => Some(Param::Bool(*value)),
            value => value.as_i64().map(Param::Int).or_else(|| value.as_f64().map(Param::Double)),
        }
    }

    fn route(&self) -> &'static str {
        "r"
    }

    fn peer(&self) -> &'static str {
        "10.0.0.7"
    }
}

fn plan(route: &Value) -> RoutePlan {
    let document = document::parse(&json!({"routes": {"r": route}})).expect("a good document");
    RoutePlan::new("r", &Revision::after(None, &document.routes["r"])).expect("its own tables")
}

fn ask(route: &RoutePlan, request: &Request, version: &str) -> Result<Decision, PinError> {
    let head = Head { request, version, prediction_id: b"some id" };
    decide(route, &head, &mut Verdicts::default())
}

/// The route of the README: sticky by unit, two segments, three versions.
fn delays(more: &Value) -> RoutePlan {
    let mut route = json!({
        "sticky": "metadata[\"x-unit\"]",
        "stable": "m/1",
        "split": {"m/1": 90, "m/2": 10},
        "segments": [
            {"name": "hawaiian", "when": "params.carrier == \"HA\"", "split": {"m/2": 1}},
            {"name": "internal", "when": "metadata[\"x-team\"] in [\"ml\", \"qa\"]", "split": {"m/3": 1, "m/2": 1}},
        ],
    });
    route.as_object_mut().expect("a mapping").extend(more.as_object().expect("a mapping").clone());
    plan(&route)
}

#[test]
fn a_request_is_decided_by_its_key_then_by_its_prediction_id() {
    let route = plan(&json!({"split": {"m/1": 90, "m/2": 10}, "sticky": "params.unit"}));
    let keyed = ask(&route, &Request::with(&[], json!({"unit": "N101"})), "").expect("nobody is named");
    let bucket = route.split.salt.bucket(b"N101");
    let arm = route.split.table.arm_of(bucket);
    let probability_num = route.split.table.share_of(arm);
    assert_eq!(keyed, Decision { arm, reason: Reason::Split, bucket, probability_num });
    let unkeyed = ask(&route, &Request::default(), "").expect("nobody is named");
    assert_eq!((unkeyed.reason, unkeyed.bucket), (Reason::Unkeyed, route.split.salt.bucket(b"some id")));
    let only = ask(&plan(&json!({"split": {"m/1": 3}})), &Request::default(), "").expect("nobody is named");
    assert_eq!((only.arm, only.reason, only.probability_num), (0, Reason::Only, BUCKETS));
}

#[test]
fn the_first_segment_that_matches_decides_with_its_own_table() {
    let route = delays(&json!({}));
    let both = Request::with(&[("x-team", "ml"), ("x-unit", "N1")], json!({"carrier": "HA"}));
    let decision = ask(&route, &both, "").expect("nobody is named");
    assert_eq!((decision.reason, decision.reason.name(Some(&route))), (Reason::Segment(0), "segment:hawaiian"));
    assert_eq!((&*route.arms[decision.arm as usize].to_string(), decision.probability_num), ("m/2", BUCKETS));
    let team = Request::with(&[("x-team", "qa"), ("x-unit", "N1")], json!({"carrier": "UA"}));
    let decision = ask(&route, &team, "").expect("nobody is named");
    let split = &route.segments[1].split;
    assert_eq!((decision.reason, decision.bucket), (Reason::Segment(1), split.salt.bucket(b"N1")));
    assert_eq!((decision.arm, decision.probability_num), (split.table.arm_of(decision.bucket), BUCKETS / 2));
    let nobody = ask(&route, &Request::with(&[("x-unit", "N1")], json!({})), "").expect("nobody is named");
    assert_eq!(nobody.reason, Reason::Split);
}

#[test]
fn a_missing_key_is_no_match_and_is_told_by_condition_and_key() {
    let route = delays(&json!({}));
    let request = Request::with(&[], json!({}));
    let mut verdicts = Verdicts::default();
    let head = Head { request: &request, version: "", prediction_id: b"id" };
    decide(&route, &head, &mut verdicts).expect("nobody is named");
    let missing: Vec<String> = verdicts
        .missing()
        .map(|(condition, key)| route.conditions[condition].keys()[usize::from(key)].to_string())
        .collect();
    assert_eq!(missing, ["params[\"carrier\"]", "metadata[\"x-team\"]"]);
}

#[test]
fn a_pin_outranks_segments_where_it_is_allowed() {
    let request = Request::with(&[("x-team", "ml")], json!({"carrier": "HA"}));
    let pinned = ask(&delays(&json!({})), &request, "1").expect("allowed");
    assert_eq!((pinned.arm, pinned.reason, pinned.probability_num), (0, Reason::Pinned, BUCKETS));
    assert_eq!(ask(&delays(&json!({"pins": "deny"})), &request, "1"), Err(PinError::Denied));
    let some = delays(&json!({"pins": {"when": "metadata[\"x-team\"] == \"ml\""}}));
    assert_eq!(ask(&some, &request, "m/3").map(|decision| decision.reason), Ok(Reason::Pinned));
    assert_eq!(ask(&some, &Request::default(), "m/3"), Err(PinError::Denied), "a missing key allows nothing");
    assert!(matches!(ask(&some, &request, "7"), Err(PinError::NotOnRoute { .. })));
}

#[test]
fn a_sequence_stays_together_whatever_its_sticky_key_says() {
    let route = delays(&json!({"segments": []}));
    let arm = |unit: &str, sequence: Value| {
        let params = if sequence.is_null() { json!({}) } else { json!({"sequence_id": sequence}) };
        ask(&route, &Request::with(&[("x-unit", unit)], params), "").expect("nobody is named").bucket
    };
    assert_eq!(arm("N1", json!(42)), arm("N2", json!(42)));
    assert_eq!(arm("N1", json!(42)), route.split.salt.bucket(b"42"));
    assert_eq!(
        arm("N1", json!("42")),
        route.split.salt.bucket(b"42"),
        "a text and a number of one name are one sequence"
    );
    for none in [json!(0), json!(""), Value::Null] {
        assert_eq!(arm("N1", none), route.split.salt.bucket(b"N1"), "Triton's clients send these for no sequence");
    }
}

#[test]
fn binary_keys_are_hashed_as_the_bytes_they_stand_for() {
    let route = plan(&json!({"split": {"m/1": 1, "m/2": 1}, "sticky": "metadata[\"x-unit-bin\"]"}));
    for value in ["AAEC", "AAECAw==", "AAECAw"] {
        let request = Request::with(&[("x-unit-bin", value)], json!({}));
        let bytes: &[u8] = if value == "AAEC" { &[0, 1, 2] } else { &[0, 1, 2, 3] };
        let decision = ask(&route, &request, "").expect("nobody is named");
        assert_eq!((decision.reason, decision.bucket), (Reason::Split, route.split.salt.bucket(bytes)));
    }
    let broken = Request::with(&[("x-unit-bin", "!!")], json!({}));
    assert_eq!(ask(&route, &broken, "").map(|decision| decision.reason), Ok(Reason::Unkeyed));
}

#[test]
fn shadows_are_sampled_apart_from_the_split_and_never_of_their_own_answers() {
    let shadow = json!([{"to": "m/2", "share_bp": 2000, "when": "metadata[\"x-region\"] != \"test\""}]);
    let route = delays(&json!({"shadow": shadow}));
    let copies = |region: Option<&str>, arm: u32| {
        let metadata: Vec<_> = region.into_iter().map(|region| ("x-region", region)).collect();
        let request = Request::with(&metadata, json!({}));
        let is_copied = |id: &u32| {
            let prediction_id = id.to_le_bytes();
            let head = Head { request: &request, version: "", prediction_id: &prediction_id };
            is_shadowed(&route, 0, &head, arm, &mut Verdicts::default())
        };
        (0..10_000).filter(is_copied).count()
    };
    let sampled = copies(Some("eu"), 0);
    assert!(sampled.abs_diff(2_000) < 200, "{sampled} of 10,000 at 20 %");
    assert_eq!(copies(Some("test"), 0), 0);
    assert_eq!(copies(None, 0), 0, "a missing key is no match");
    assert_eq!(copies(Some("eu"), 1), 0, "m/2 answered itself");
}

#[test]
fn an_explanation_says_what_every_part_made_of_the_request() {
    let route = delays(&json!({"shadow": [{"to": "m/3"}], "pins": {"when": "peer == \"10.0.0.7\""}}));
    let record = json!({"key": "N1", "metadata": {"x-team": "sales"}, "peer": "10.0.0.8"});
    let explained = explain(&route, &serde_json::from_value(record).expect("a record")).expect("it has a sticky key");
    let bucket = route.split.salt.bucket(b"N1");
    assert_eq!((explained.bucket, explained.reason.as_deref()), (Some(bucket), Some("split")));
    assert_eq!(explained.keyed_by, "metadata[\"x-unit\"]");
    let outcomes: Vec<&str> = explained.segments.iter().map(|segment| &*segment.outcome).collect();
    assert_eq!(outcomes, ["missing params[\"carrier\"]", "no match"]);
    assert_eq!((&*explained.pins.outcome, explained.shadows[0].is_copied), ("no match", true));
    let keyless = plan(&json!({"split": {"m/1": 1}}));
    let record = RecordedHead { key: Some("N1".into()), ..RecordedHead::default() };
    assert_eq!(explain(&keyless, &record), Err("route \"r\" has no sticky key; leave the key out".to_owned()));
}

#[test]
fn every_reason_has_its_own_text() {
    let reasons = [Reason::Split, Reason::Unkeyed, Reason::Only, Reason::Pinned, Reason::Model];
    assert_eq!(reasons.map(|reason| reason.name(None)), ["split", "unkeyed", "only", "pinned", "model"]);
}

/// Numbers of arms and weights of a split over `m/1` to `m/4`.
fn split() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map((1..5_u8).prop_map(|arm| format!("m/{arm}")), 0..100_u64, 1..4)
        .prop_filter("some weight", |weights| weights.values().any(|weight| *weight > 0))
        .prop_map(|weights| json!(weights))
}

proptest! {
    /// Property 13 of `docs/decisions/range-table.md`: what a decision says of its probability makes logs unbiased.
    #[test]
    fn a_probability_is_the_share_of_the_keys_that_get_the_arm(weights in split()) {
        const KEYS: u32 = 4_000;
        let route = plan(&json!({"split": weights, "sticky": "params.unit"}));
        let mut weighed = vec![0.0; route.arms.len()];
        let mut least = vec![1.0_f64; route.arms.len()];
        for unit in 0..KEYS {
            let request = Request::with(&[], json!({"unit": format!("user-{unit}")}));
            let decision = ask(&route, &request, "").expect("nobody is named");
            let probability = decision.probability_num as f64 / BUCKETS as f64;
            weighed[decision.arm as usize] += 1.0 / probability;
            least[decision.arm as usize] = probability;
        }
        for (sum, probability) in weighed.into_iter().zip(least).filter(|(sum, _)| *sum > 0.0) {
            let deviation = (sum / f64::from(KEYS) - 1.0).abs();
            let standard = ((1.0 - probability) / (probability * f64::from(KEYS))).sqrt();
            prop_assert!(deviation <= 5.0 * standard + 1e-9, "{deviation} at {probability}");
        }
    }

    /// A decision is a function of route and head: asked again, also by way of a record, it is the same.
    #[test]
    fn a_recorded_head_is_decided_as_the_request_was(
        weights in split(),
        unit in "[ -~]{0,20}",
        carrier in prop_oneof![Just("HA"), Just("UA")],
        team in proptest::option::of(prop_oneof![Just("ml"), Just("sales")]),
        version in prop_oneof![Just(""), Just("1"), Just("m/2")],
    ) {
        let route = delays(&json!({"split": weights, "stable": null, "shadow": [{"to": "m/9", "share_bp": 5000}]}));
        let metadata: Vec<(&str, &str)> = [("x-unit", &*unit)].into_iter().chain(team.map(|team| ("x-team", team))).collect();
        let request = Request::with(&metadata, json!({"carrier": carrier}));
        let head = Head { request: &request, version, prediction_id: b"some id" };
        let mut verdicts = Verdicts::default();
        let decided = decide(&route, &head, &mut verdicts);
        let metadata: BTreeMap<_, _> = metadata.into_iter().collect();
        let record = json!({
            "metadata": metadata,
            "params": {"carrier": carrier},
            "model_version": version,
            "peer": "10.0.0.7",
            "prediction_id": "some id",
        });
        let explained = explain(&route, &serde_json::from_value(record).expect("a record")).expect("no key is named");
        match decided {
            Ok(decision) => {
                prop_assert_eq!(explained.version, Some(route.arms[decision.arm as usize].to_string()));
                prop_assert_eq!(explained.bucket, Some(decision.bucket));
                prop_assert_eq!(explained.probability_num, Some(decision.probability_num));
                prop_assert_eq!(explained.reason.as_deref(), Some(decision.reason.name(Some(&route))));
                let copied = is_shadowed(&route, 0, &head, decision.arm, &mut verdicts);
                prop_assert_eq!(explained.shadows[0].is_copied, copied);
            }
            Err(error) => prop_assert_eq!(explained.refusal, Some(error.to_string())),
        }
    }
}
