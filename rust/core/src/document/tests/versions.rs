//! Settings of a version: providers, the arena.

use serde_json::{Value, json};

use super::{assert_refused, refused};
use crate::document::{CPU, VersionSettings, parse, render};

fn with(settings: &Value) -> Value {
    json!({"versions": {"m/1": settings}})
}

fn settings(value: &Value) -> VersionSettings {
    parse(&with(value)).expect("a good document").versions.remove("m/1").expect("it is named")
}

/// The one violation of a version's settings.
fn assert_version_refused(settings: &Value, path: &str, part: &str) {
    assert_refused(&with(settings), &format!("versions[\"m/1\"].{path}"), part);
}

#[test]
fn providers_are_names_or_names_with_options_and_the_processor_comes_last() {
    let given = json!({"providers": [
        {"name": "CUDAExecutionProvider", "options": {"device_id": 0, "use_tf32": false, "arena_extend_strategy": "kSameAsRequested"}},
        "XnnpackExecutionProvider",
        CPU,
    ]});
    let found = settings(&given);
    let names: Vec<_> = found.providers.iter().map(|provider| provider.name.as_str()).collect();
    assert_eq!(names, ["CUDAExecutionProvider", "XnnpackExecutionProvider", CPU]);
    let options: Vec<_> =
        found.providers[0].options.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(options, [("arena_extend_strategy", "kSameAsRequested"), ("device_id", "0"), ("use_tf32", "0")]);
    let document = parse(&with(&given)).expect("a good document");
    assert_eq!(parse(&render(&document)), Ok(document));
}

#[test]
fn providers_that_cannot_be_meant_are_refused_where_they_stand() {
    let refused_at = |providers: Value, place: &str, part: &str| {
        assert_version_refused(&json!({"providers": providers}), &format!("providers{place}"), part);
    };
    refused_at(json!([]), "", "names no provider");
    refused_at(json!("CPUExecutionProvider"), "", "must be a list");
    refused_at(json!(["A", "B", "A"]), "[2]", "A stands in an earlier place already");
    refused_at(json!([CPU, "CUDAExecutionProvider"]), "[0]", "has to be the last");
    refused_at(json!([1]), "[0]", "must be a name, or a mapping with name and options, got 1");
    refused_at(json!([null]), "[0]", "must not be null");
    refused_at(json!([""]), "[0]", "as ONNX Runtime spells it");
    refused_at(json!(["a b"]), "[0]", "as ONNX Runtime spells it");
    refused_at(json!([{"options": {}}]), "[0]", "has no name");
    refused_at(json!([{"name": "A", "option": {}}]), "[0].option", "did you mean \"options\"?");
    refused_at(json!([{"name": "A", "options": []}]), "[0].options", "must be a mapping");
    let name = "x".repeat(1025);
    let options = json!({"list": [], "none": null, "half": 0.5, "nul": "\u{0}", (name.as_str()): "1"});
    let found = refused(&with(&json!({"providers": [{"name": "A", "options": options}]})));
    assert_eq!(found.len(), 5, "each bad option is named: {found:?}");
}

#[test]
fn an_arena_is_on_or_off_and_gives_back_only_what_it_keeps() {
    let arena = settings(&json!({"arena": {"enabled": "off", "pattern": false}})).arena;
    assert!(!arena.enabled && !arena.pattern && !arena.shrink);
    assert!(settings(&json!({"arena": {"shrink": true}})).arena.shrink);
    for field in ["enabled", "pattern", "shrink"] {
        for value in [json!(1), json!("yes"), json!(-1), json!([])] {
            assert_version_refused(&json!({"arena": {field: value}}), &format!("arena.{field}"), "one of on, off");
        }
    }
    assert_version_refused(&json!({"arena": {"enabled": "off", "shrink": "on"}}), "arena", "nothing to give back");
    assert_version_refused(&json!({"arena": {"max_mib": 5}}), "arena.max_mib", "unknown field");
}

#[test]
fn a_digest_is_read_and_written_as_it_stands() {
    let said = format!("sha256:{}", "ab".repeat(32));
    let both = json!({"digest": said, "profile_digest": said});
    let document = parse(&with(&both)).expect("a good document");
    let rendered = &render(&document)["versions"]["m/1"];
    assert_eq!([&rendered["digest"], &rendered["profile_digest"]], [&json!(said), &json!(said)]);
    for field in ["digest", "profile_digest"] {
        for value in ["", "sha256:", "ab", &"ab".repeat(32), &format!("sha256:{}", "zz".repeat(32))] {
            assert_version_refused(&json!({field: value}), field, "64 hexadecimal digits");
        }
    }
}
